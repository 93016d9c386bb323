"""Files of a deep agent that outlive its conversations. Run it: python examples/langchain_deepagents.py [memory.db].

It needs Python 3.11 and `pip install deepagents`, and no key: a scripted model stands in for a real one. What lies
under /memories/ is in the memory file, searched by meaning, with every version; all else is the run's own.
"""

import sys
from collections.abc import Sequence
from typing import Any

from deepagents import create_deep_agent
from deepagents.backends import CompositeBackend, StateBackend, StoreBackend
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage

from memos_core import MemOS
from memos_langchain import MemOSStore

ABOUT = "/memories/about.md"


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
            call("write_file", file_path=ABOUT, content="Ana is allergic to nuts."),
            call("edit_file", file_path=ABOUT, old_string="nuts", new_string="nuts and shellfish"),
            AIMessage("I will keep that in mind."),
            call("read_file", file_path=ABOUT),
            AIMessage("Not the pesto, and no prawns."),
        ]
        store = MemOSStore(memos, fields=["content"])
        memories = StoreBackend(namespace=lambda runtime: ("users", runtime.context["user"]))
        backend = CompositeBackend(default=StateBackend(), routes={"/memories/": memories})
        agent = create_deep_agent(Scripted(messages=iter(answers)), store=store, backend=backend)
        for question in ("I am allergic to nuts, and to shellfish.", "What should I not order?"):
            result = agent.invoke({"messages": [("user", question)]}, context={"user": "ana"})
            for message in result["messages"]:
                print(f"{message.type}: {message.text or [each['name'] for each in message.tool_calls]}")
        [item] = store.search(("users",), query="What must Ana not eat?", limit=1)
        print(f"Found by meaning: {item.key} {item.value['content']!r}")
        [cube] = memos.list(namespace="langgraph/users/ana")
        print(f"Versions kept: {len(memos.history(cube.id))}")
