"""One middleware, in one agent, for several users at once: from threads and from an event loop."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from langchain.agents import create_agent
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langgraph.checkpoint.memory import InMemorySaver

from memos_core import MemOS
from memos_core.testing.embedders import HashingEmbedder
from memos_langchain import MemOSMiddleware

USERS = [f"user{n}" for n in range(8)]
CONVERSATIONS, TURNS = ("monday", "tuesday"), 3


class Echo(BaseChatModel):
    """Calls a tool, then says what it was told; keeps what it was shown. Many runs may ask it at once."""

    shown: list[list[BaseMessage]] = []  # noqa: RUF012  # pydantic copies it for every instance

    @property
    def _llm_type(self) -> str:
        return "echo"

    def bind_tools(self, tools: Any, **kwargs: Any) -> "Echo":
        return self

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        self.shown.append(messages)
        told = next(message.text for message in reversed(messages) if message.type == "human")
        call = {"name": "look", "args": {}, "id": told}
        answered = isinstance(messages[-1], ToolMessage)
        answer = AIMessage(f"Heard: {told}") if answered else AIMessage("", tool_calls=[call])
        return ChatResult(generations=[ChatGeneration(message=answer)])


def look() -> str:
    """Look something up."""
    return "nothing"


def words(user: str, conversation: str, turn: int) -> str:
    return f"The safe of {user} has code {conversation}{turn}"


def run_of(user: str, conversation: str, turn: int) -> dict[str, Any]:
    return {
        "input": {"messages": [("user", words(user, conversation, turn))]},
        "config": {"configurable": {"thread_id": f"{user}/{conversation}"}},
        "context": {"user": user},
    }


def test_no_memory_crosses_users_and_none_is_lost_in_threads_and_a_loop_at_once(tmp_path: Path) -> None:
    model = Echo()
    with MemOS.open(tmp_path / "m.db", embedder=HashingEmbedder()) as memos:
        middleware = MemOSMiddleware(memos, namespace=lambda runtime: ("users", runtime.context["user"]))
        agent: Any = create_agent(model, tools=[look], middleware=[middleware], checkpointer=InMemorySaver())
        start = threading.Barrier(len(USERS) + 1)

        def in_a_thread(user: str) -> None:
            start.wait()
            for turn in range(TURNS):
                agent.invoke(**run_of(user, "monday", turn))

        async def in_the_loop(user: str) -> None:
            for turn in range(TURNS):
                await agent.ainvoke(**run_of(user, "tuesday", turn))

        async def loop() -> None:
            start.wait()
            await asyncio.gather(*map(in_the_loop, USERS))

        with ThreadPoolExecutor(len(USERS)) as threads:
            done = [threads.submit(in_a_thread, user) for user in USERS]
            asyncio.run(loop())
            for each in done:
                each.result()

        for user in USERS:
            said = [words(user, conversation, turn) for conversation in CONVERSATIONS for turn in range(TURNS)]
            cubes = memos.list(namespace=("users", user), kinds=["episode"], limit=1000)
            assert sorted(cube.text for cube in cubes) == sorted([*said, *(f"Heard: {each}" for each in said)])
            for conversation in CONVERSATIONS:
                of_one = [cube for cube in cubes if cube.provenance.session == f"{user}/{conversation}"]
                in_order = [cube.text for cube in sorted(of_one, key=lambda cube: cube.provenance.position or 0)]
                assert [text for text in in_order if not text.startswith("Heard")] == [
                    words(user, conversation, turn) for turn in range(TURNS)
                ]
        assert memos.verify() == []

    assert len(model.shown) == len(USERS) * len(CONVERSATIONS) * TURNS * 2
    for messages in model.shown:
        seen = "\n".join(message.text for message in messages)
        assert len([user for user in USERS if user in seen]) == 1
    both = [messages for messages in model.shown if all(each in str(messages) for each in CONVERSATIONS)]
    assert both  # what was said in one conversation was recalled in the other
