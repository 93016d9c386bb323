"""A LangGraph store behind an agent's own tools. Run it: python examples/langgraph_store.py [memory.db].

It needs no key: a scripted model stands in for a real one. The tools are LangGraph's usual ones over `runtime.store`;
nothing but the store is MemOS's.
"""

import sys
from collections.abc import Sequence
from typing import Any

from langchain.agents import create_agent
from langchain.tools import ToolRuntime
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_core.tools import tool

from memos_core import MemOS
from memos_langchain import MemOSStore


class Scripted(GenericFakeChatModel):
    """Answers by script; it takes tools as real models do."""

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> "Scripted":  # noqa: ARG002
        return self


@tool
def note_taste(dish: str, liked: bool, runtime: ToolRuntime[Any, Any]) -> str:
    """Note whether the user liked a dish."""
    runtime.store.put(("tastes", runtime.context["user"]), dish, {"text": f"{dish} was liked: {liked}", "liked": liked})
    return "Noted."


@tool
def liked_dishes(query: str, runtime: ToolRuntime[Any, Any]) -> str:
    """Dishes that the user liked and that fit a question."""
    found = runtime.store.search(("tastes", runtime.context["user"]), query=query, filter={"liked": True}, limit=1)
    return ", ".join(item.key for item in found)


def call(name: str, **arguments: Any) -> AIMessage:
    """What a model says when it wants a tool to be called."""
    return AIMessage("", tool_calls=[{"name": name, "args": arguments, "id": name}])


if __name__ == "__main__":
    with MemOS.open(sys.argv[1] if sys.argv[1:] else ":memory:") as memos:
        store = MemOSStore(memos, fields=["text"], ttl={"default_ttl": 60 * 24 * 365, "sweep_interval_minutes": 60})
        store.start_ttl_sweeper()
        answers = [
            call("note_taste", dish="tonkotsu ramen", liked=True),
            call("note_taste", dish="apple pie", liked=True),
            call("note_taste", dish="liver", liked=False),
            call("liked_dishes", query="a hot soup with noodles"),
            AIMessage("How about tonkotsu ramen again?"),
        ]
        agent = create_agent(Scripted(messages=iter(answers)), tools=[note_taste, liked_dishes], store=store)
        result = agent.invoke(
            {
                "messages": [
                    ("user", "I loved the tonkotsu ramen and the apple pie, not the liver. What now? It is cold.")
                ]
            },
            context={"user": "ana"},
        )
        for message in result["messages"]:
            print(f"{message.type}: {message.text or [each['args'] for each in message.tool_calls]}")
        for item in store.search(("tastes",)):
            print(f"{'/'.join(item.namespace)}: {item.key} {item.value}")
        store.stop_ttl_sweeper()
