from dataclasses import dataclass
from pathlib import Path
from typing import Any

from langchain.agents import create_agent
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, BaseMessage, SystemMessage, ToolMessage
from langchain_core.outputs import ChatResult
from langgraph.checkpoint.memory import InMemorySaver

from memos_core import MemOS
from memos_core.testing.embedders import HashingEmbedder
from memos_langchain import MemOSMiddleware


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
        assert system.text.startswith("Be kind.")
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
