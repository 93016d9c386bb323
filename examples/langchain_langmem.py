"""langmem's tools over a MemOS store. Run it: python examples/langchain_langmem.py [memory.db].

It needs `pip install langmem`, and no key: a scripted model stands in for a real one.
"""

import sys
from collections.abc import Sequence
from typing import Any

from langchain.agents import create_agent
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langmem import create_manage_memory_tool, create_search_memory_tool

from memos_core import MemOS
from memos_langchain import MemOSStore

PLACE = ("users", "{user}")


class Scripted(GenericFakeChatModel):
    """Answers by script; it takes tools as real models do."""

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> "Scripted":  # noqa: ARG002
        return self


def call(name: str, **arguments: Any) -> AIMessage:
    """What a model says when it wants a tool to be called."""
    return AIMessage("", tool_calls=[{"name": name, "args": arguments, "id": name}])


if __name__ == "__main__":
    with MemOS.open(sys.argv[1] if sys.argv[1:] else ":memory:") as memos:
        answers = [
            call("manage_memory", content="Ana is allergic to nuts", action="create"),
            AIMessage("I will keep that in mind."),
            call("search_memory", query="What can Ana not eat?"),
            AIMessage("Not the pesto: it has nuts in it."),
        ]
        agent = create_agent(
            Scripted(messages=iter(answers)),
            tools=[create_manage_memory_tool(namespace=PLACE), create_search_memory_tool(namespace=PLACE)],
            store=MemOSStore(memos, fields=["content"]),
        )
        for question in ("I am allergic to nuts.", "What should I order?"):
            result = agent.invoke({"messages": [("user", question)]}, config={"configurable": {"user": "ana"}})
            for message in result["messages"]:
                print(f"{message.type}: {message.text or [each['args'] for each in message.tool_calls]}")
        [cube] = memos.list(namespace="langgraph/users/ana")
        print(f"In the memory: {cube.text!r}, {len(memos.history(cube.id))} version, added {cube.created_at:%Y-%m-%d}")
