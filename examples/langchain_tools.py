"""An agent that looks after its memory with tools. Run it: python examples/langchain_tools.py [memory.db].

It needs no key: a scripted model stands in for a real one. Whose memory it is comes from the context of the run, which
the application sets; the model has no word in it.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from langchain.agents import create_agent
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage

from memos_core import MemOS
from memos_langchain import memory_tools


class Scripted(GenericFakeChatModel):
    """Answers by script; it takes tools as real models do."""

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> "Scripted":  # noqa: ARG002
        return self


@dataclass
class Caller:
    """The context of a run."""

    user_id: str


def call(tool: str, **arguments: Any) -> AIMessage:
    """What a model says when it wants a tool to be called."""
    return AIMessage("", tool_calls=[{"name": tool, "args": arguments, "id": tool}])


def run(memos: MemOS, user: str, question: str, *answers: AIMessage) -> None:
    """One turn of a user with the agent."""
    agent = create_agent(
        Scripted(messages=iter(answers)),
        tools=memory_tools(memos, namespace=lambda runtime: ("users", runtime.context.user_id)),
        context_schema=Caller,
    )
    result = agent.invoke({"messages": [("user", question)]}, context=Caller(user))
    for message in result["messages"]:
        for wanted in getattr(message, "tool_calls", ()):
            print(f"  calls {wanted['name']} {wanted['args']}")
        if message.text:
            print(f"  {message.type}: {message.text}")


if __name__ == "__main__":
    with MemOS.open(sys.argv[1] if sys.argv[1:] else ":memory:") as memos:
        print("Ana")
        remembering = call("add_memory", text="Ana is allergic to nuts.")
        run(memos, "ana", "I am allergic to nuts.", remembering, AIMessage("I will keep that in mind."))
        print("Ana, later")
        looking = call("search_memory", query="What can Ana not eat?")
        run(memos, "ana", "What should I order?", looking, AIMessage("Not the pesto: it has nuts in it."))
        print("Bob")
        run(memos, "bob", "What can Ana not eat?", looking, AIMessage("I do not know."))
