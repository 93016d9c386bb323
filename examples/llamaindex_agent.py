"""A LlamaIndex agent that looks after its memory by tools. Run it: python examples/llamaindex_agent.py.

It needs no key: a scripted model stands in for a real one and calls the tools as one would.
"""

import asyncio
import tempfile
import warnings
from pathlib import Path
from typing import Any

from llama_index.core.agent.workflow import FunctionAgent, ToolCallResult
from llama_index.core.base.llms.types import ChatMessage, ToolCallBlock
from llama_index.core.llms.mock import MockFunctionCallingLLM

from memos_core import MemOS
from memos_llamaindex import MemOSMemory, MemOSToolSpec

warnings.filterwarnings("ignore", module="pydantic|inspect|workflows")  # LlamaIndex's agents cause them


def calls(tool: str, **arguments: Any) -> ChatMessage:
    """What a model says that calls a tool."""
    block = ToolCallBlock(tool_name=tool, tool_kwargs=arguments, tool_call_id="1")
    return ChatMessage(role="assistant", blocks=[block])


async def ask(memos: MemOS, question: str, *turns: ChatMessage) -> None:
    script = iter(turns)
    agent = FunctionAgent(
        tools=MemOSToolSpec(memos, namespace="ana").to_tool_list(),
        llm=MockFunctionCallingLLM(response_generator=lambda *_, **__: next(script)),  # or your model
        streaming=False,
    )
    running = agent.run(user_msg=question, memory=MemOSMemory.from_defaults(memos, namespace="ana"))
    print("Ana:  ", question)
    async for event in running.stream_events():
        if isinstance(event, ToolCallResult):
            lines = [line for line in str(event.tool_output.content).splitlines() if not line.startswith(("<", "["))]
            print(f"       {event.tool_name}: {' '.join(lines)}")
    print("Agent:", await running, "\n")


async def main(path: Path) -> None:
    with MemOS.open(path) as memos:
        await ask(
            memos,
            "Please note that the spare key is under the flower pot.",
            calls("add_memory", text="Ana's spare key is under the flower pot."),
            ChatMessage("Noted.", role="assistant"),
        )
    with MemOS.open(path) as memos:  # another day
        await ask(
            memos,
            "I am locked out. Where is that key?",
            calls("search_memory", query="Where is Ana's spare key?", limit=1),
            ChatMessage("Under the flower pot.", role="assistant"),
        )


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(main(Path(folder) / "memory.db"))
