import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import SummarizationMiddleware
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, BaseMessage, SystemMessage, ToolMessage
from langchain_core.outputs import ChatResult
from langchain_core.tracers import BaseTracer, Run
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command, interrupt

from memos_core import MemOS, MemOSError, MemOSWarning
from memos_core.errors import InvalidNamespace, InvalidText
from memos_core.testing.embedders import HashingEmbedder
from memos_langchain import MemOSMiddleware


class Steps(BaseTracer):
    """Keeps what is traced of the middleware's steps."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: dict[str, Any] = {}

    def _persist_run(self, run: Run) -> None:
        for each in run.child_runs:
            if each.name.startswith("MemOSMiddleware"):
                self.seen[each.name] = (each.inputs, each.outputs)


class RecordingModel(GenericFakeChatModel):
    """Answers by script, and keeps what it was shown."""

    shown: list[list[BaseMessage]] = []  # noqa: RUF012  # pydantic copies it for every instance

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        self.shown.append(messages)
        return super()._generate(messages, *args, **kwargs)

    def bind_tools(self, tools: Any, **kwargs: Any) -> "RecordingModel":
        return self


def model(*answers: AIMessage | str) -> RecordingModel:
    return RecordingModel(messages=iter(AIMessage(answer) if isinstance(answer, str) else answer for answer in answers))


def ask(agent: Any, text: str, **kwargs: Any) -> Any:
    return agent.invoke({"messages": [{"role": "user", "content": text}]}, **kwargs)


def test_an_agent_remembers_across_two_runs(tmp_path: Path) -> None:
    with MemOS.open(tmp_path / "m.db", embedder=HashingEmbedder()) as memos:
        agent = create_agent(model("Noted!"), middleware=[MemOSMiddleware(memos, namespace="ana")])
        ask(agent, "My sister Clara lives in Lisbon")
    with MemOS.open(tmp_path / "m.db", embedder=HashingEmbedder()) as memos:
        second = model("In Lisbon.")
        agent = create_agent(second, system_prompt="Be kind.", middleware=[MemOSMiddleware(memos, namespace="ana")])
        result = ask(agent, "Where does my sister live?")
        system = second.shown[0][0]
        assert isinstance(system, SystemMessage)
        assert system.text.startswith("Be kind.\n\n")
        assert "My sister Clara lives in Lisbon" in system.text
        assert len(result["messages"]) == 2
        assert "memos_recalled" not in result


def test_what_was_said_is_remembered_once_with_its_speaker_and_thread(memos: MemOS) -> None:
    agent = create_agent(
        model("Hello Ana", "You said so"),
        middleware=[MemOSMiddleware(memos, namespace="ana")],
        checkpointer=InMemorySaver(),
    )
    config = {"configurable": {"thread_id": "t1"}}
    ask(agent, "I am Ana", config=config)
    ask(agent, "Who am I?", config=config)
    cubes = sorted(memos.list(namespace="ana"), key=lambda cube: cube.provenance.position)
    assert [cube.text for cube in cubes] == ["I am Ana", "Hello Ana", "Who am I?", "You said so"]
    assert {cube.provenance.session for cube in cubes} == {"t1"}
    assert [cube.provenance.role for cube in cubes] == ["user", "assistant"] * 2
    assert cubes[2].follows == cubes[1].id


def test_messages_that_the_model_sees_anyway_are_not_recalled(memos: MemOS) -> None:
    memos.add("Clara paints boats", namespace="ana")
    talking = model("Nice", "Boats")
    middleware = MemOSMiddleware(memos, namespace="ana")
    agent = create_agent(talking, middleware=[middleware], checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "t1"}}
    ask(agent, "Clara lives in Lisbon", config=config)
    ask(agent, "What does Clara do in Lisbon?", config=config)
    system = talking.shown[1][0].text
    assert "Clara paints boats" in system
    assert "Clara lives in Lisbon" not in system


@pytest.mark.parametrize("mode", ["updates", "values", "tasks", "checkpoints", "debug"])
def test_streams_of_a_run_show_no_memories(memos: MemOS, mode: Any) -> None:
    """A user's screen is fed by them."""
    memos.add("Clara lives in Lisbon", namespace="ana")
    talking = model("Far away.")
    middleware = MemOSMiddleware(memos, namespace="ana")
    agent = create_agent(talking, middleware=[middleware], checkpointer=InMemorySaver())
    asked: Any = {"messages": [("user", "Where does Clara live?")]}
    config: Any = {"configurable": {"thread_id": "t1"}}
    seen = list(agent.stream(asked, config, stream_mode=mode))
    assert "Clara lives in Lisbon" in talking.shown[0][0].text
    assert "Far away." in str(seen)
    assert "Lisbon" not in str(seen)
    assert b"Lisbon" not in orjson.dumps(seen, default=repr)


async def test_an_agent_that_streams_its_words_remembers_them_whole(memos: MemOS) -> None:
    agent = create_agent(model("In Lisbon, by the sea"), middleware=[MemOSMiddleware(memos, namespace="ana")])
    asked: Any = {"messages": [("user", "Where does Clara live?")]}
    pieces = [piece.text async for piece, _ in agent.astream(asked, stream_mode="messages") if piece.text]  # type: ignore[union-attr]
    assert len(pieces) > 1
    assert {cube.text for cube in memos.list(namespace="ana")} == {"Where does Clara live?", "In Lisbon, by the sea"}


@pytest.mark.parametrize("asynchronous", [False, True])
def test_recall_happens_once_more_when_a_run_goes_on_however_often_tools_are_called(
    memos: MemOS, monkeypatch: pytest.MonkeyPatch, asynchronous: bool
) -> None:
    def confirm() -> str:
        """Ask a person."""
        return str(interrupt("sure?"))

    def look() -> str:
        """Look something up."""
        return "nothing"

    memos.add("Clara lives in Lisbon", namespace="ana")
    searches: list[str] = []
    recall = memos.context
    monkeypatch.setattr(memos, "context", lambda *args, **kwargs: searches.append(args[0]) or recall(*args, **kwargs))
    calls = [AIMessage("", tool_calls=[{"name": name, "args": {}, "id": name}]) for name in ("confirm", "look")]
    again = AIMessage("", tool_calls=[{"name": "look", "args": {}, "id": "again"}])
    talking = model(*calls, again, "Booked for Lisbon")
    middleware = MemOSMiddleware(memos, namespace="ana")
    agent = create_agent(talking, tools=[confirm, look], middleware=[middleware], checkpointer=InMemorySaver())
    config: Any = {"configurable": {"thread_id": "t1"}}
    ask(agent, "Book a flight to Clara", config=config)
    assert len(searches) == 1
    if asynchronous:
        result = asyncio.run(agent.ainvoke(Command(resume="yes"), config))
    else:
        result = agent.invoke(Command(resume="yes"), config)
    assert len(searches) == 2
    assert ["Clara lives in Lisbon" in shown[0].text for shown in talking.shown] == [True] * 4
    assert "memos_recalled" not in result
    assert "Clara lives" not in str(list(agent.get_state_history(config)))


def test_memories_are_there_again_when_a_run_goes_on_after_an_interrupt(memos: MemOS) -> None:
    def confirm() -> str:
        """Ask a person."""
        return str(interrupt("sure?"))

    memos.add("Clara lives in Lisbon", namespace="ana")
    call = AIMessage("", tool_calls=[{"name": "confirm", "args": {}, "id": "1"}])
    talking = model(call, "Booked for Lisbon")
    middleware = MemOSMiddleware(memos, namespace="ana")
    agent = create_agent(talking, tools=[confirm], middleware=[middleware], checkpointer=InMemorySaver())
    config: Any = {"configurable": {"thread_id": "t1"}}
    ask(agent, "Book a flight to Clara", config=config)
    agent.invoke(Command(resume="yes"), config=config)
    assert "Clara lives in Lisbon" in talking.shown[1][0].text
    said = {cube.text for cube in memos.list(namespace="ana", session="t1")}
    assert said == {"Book a flight to Clara", "Booked for Lisbon"}


def test_a_summary_is_not_remembered_as_words_of_the_user_and_what_it_replaced_is(memos: MemOS) -> None:
    def look(page: str) -> str:
        """Look something up."""
        return f"nothing on {page}"

    calls = [AIMessage("", tool_calls=[{"name": "look", "args": {"page": n}, "id": n}]) for n in "12345"]
    summarising = SummarizationMiddleware(
        model("They look for Clara.", "They still do."), trigger=("messages", 6), keep=("messages", 2)
    )
    agent = create_agent(
        model(*calls, "Not found"), tools=[look], middleware=[summarising, MemOSMiddleware(memos, namespace="ana")]
    )
    result = ask(agent, "Find Clara")
    assert "summary of the conversation" in result["messages"][0].text
    assert {cube.text for cube in memos.list(namespace="ana")} == {"Find Clara", "Not found"}


def test_an_answer_that_cannot_be_remembered_is_given_with_a_warning(memos: MemOS) -> None:
    agent = create_agent(model("half a \ud83d"), middleware=[MemOSMiddleware(memos, namespace="ana")])
    with pytest.warns(MemOSWarning, match="not remembered"):
        result = ask(agent, "Hello")
    assert result["messages"][-1].text == "half a \ud83d"
    assert memos.list(namespace="ana") == []


def test_recall_happens_once_a_turn_however_often_tools_are_called(memos: MemOS) -> None:
    def weather(city: str) -> str:
        """Tell the weather."""
        return f"Sunny in {city}"

    searches = []
    original = memos.context
    memos.context = lambda *args, **kwargs: searches.append(args) or original(*args, **kwargs)  # type: ignore[method-assign]
    call = AIMessage("", tool_calls=[{"name": "weather", "args": {"city": "Rome"}, "id": "1"}])
    agent = create_agent(model(call, "Sunny!"), tools=[weather], middleware=[MemOSMiddleware(memos, namespace="ana")])
    result = ask(agent, "How is the weather in Rome?")
    assert any(isinstance(message, ToolMessage) for message in result["messages"])
    assert len(searches) == 1
    assert sorted(cube.text for cube in memos.list(namespace="ana")) == ["How is the weather in Rome?", "Sunny!"]


def test_the_namespace_comes_from_the_application_and_never_from_the_model(memos: MemOS) -> None:
    @dataclass
    class Who:
        user_id: str

    middleware = MemOSMiddleware(memos, namespace=lambda runtime: ("users", runtime.context.user_id))
    agent = create_agent(model("ok", "ok"), middleware=[middleware], context_schema=Who)
    ask(agent, "My namespace is users/bob", context=Who("ana"))
    ask(agent, "Hello", context=Who("bob"))
    assert [
        cube.text for cube in memos.list(namespace="users/ana", kinds=["episode"]) if cube.provenance.role == "user"
    ] == ["My namespace is users/bob"]
    assert "ok" in [cube.text for cube in memos.list(namespace="users/bob")]


async def test_the_async_agent_remembers_too(memos: MemOS) -> None:
    second = model("Noted", "In Lisbon")
    agent = create_agent(second, middleware=[MemOSMiddleware(memos, namespace="ana")])
    await agent.ainvoke({"messages": [{"role": "user", "content": "Clara lives in Lisbon"}]})
    await agent.ainvoke({"messages": [{"role": "user", "content": "Where does Clara live?"}]})
    assert "Clara lives in Lisbon" in second.shown[1][0].text


def test_where_the_memory_fails_the_user_has_an_answer_and_the_application_hears_of_it(tmp_path: Path) -> None:
    memos = MemOS.open(tmp_path / "m.db", embedder=HashingEmbedder())
    memos.close()
    agent = create_agent(model("Hello Ana"), middleware=[MemOSMiddleware(memos, namespace="ana")])
    with pytest.warns(MemOSWarning) as warned:
        result = ask(agent, "I am Ana")
    assert result["messages"][-1].text == "Hello Ana"
    assert [str(warning.message).split(":")[0] for warning in warned] == [
        "Nothing was recalled",
        "This turn was not remembered",
    ]


def test_an_application_may_take_the_errors_itself_and_may_end_the_run(memos: MemOS) -> None:
    heard: list[MemOSError] = []
    middleware = MemOSMiddleware(memos, namespace="ana", on_error=heard.append)
    ask(create_agent(model("half a \ud83d"), middleware=[middleware]), "Hello")
    assert [type(error) for error in heard] == [InvalidText]

    def end(error: MemOSError) -> None:
        raise error

    middleware = MemOSMiddleware(memos, namespace="ana", on_error=end)
    with pytest.raises(InvalidText):
        ask(create_agent(model("half a \ud83d"), middleware=[middleware]), "Hello")


def test_a_run_of_nobody_ends_before_the_model_is_asked(memos: MemOS) -> None:
    talking = model("Hello")
    middleware = MemOSMiddleware(memos, namespace=lambda runtime: ("users", runtime.context["user"]))
    agent = create_agent(talking, middleware=[middleware])
    with pytest.raises(InvalidNamespace):
        ask(agent, "Who am I?", context={"user": None})
    assert talking.shown == []


def test_steps_of_the_middleware_leave_no_memories_in_traces(memos: MemOS) -> None:
    memos.add("Clara lives in Lisbon", namespace="ana")
    agent = create_agent(model("In Lisbon."), middleware=[MemOSMiddleware(memos, namespace="ana")])
    steps = Steps()
    ask(agent, "Where does Clara live?", config={"callbacks": [steps]})
    assert steps.seen.keys() == {"MemOSMiddleware.before_agent", "MemOSMiddleware.after_agent"}
    assert [part for parts in steps.seen.values() for part in parts if part] == []


def test_two_users_at_once_are_kept_apart(memos: MemOS) -> None:
    middleware = MemOSMiddleware(memos, namespace=lambda runtime: ("users", runtime.context["user"]))

    async def all_of_them() -> None:
        agents = [create_agent(model(f"Hello {n}"), middleware=[middleware]) for n in range(20)]
        asked = [
            agent.ainvoke({"messages": [("user", f"My number is {n}")]}, context={"user": str(n)})  # type: ignore[call-overload]
            for n, agent in enumerate(agents)
        ]
        await asyncio.gather(*asked)

    asyncio.run(all_of_them())
    for n in range(20):
        assert {cube.text for cube in memos.list(namespace=("users", str(n)))} == {f"My number is {n}", f"Hello {n}"}
