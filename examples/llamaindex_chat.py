"""A LlamaIndex chat engine that remembers across two runs. Run it: python examples/llamaindex_chat.py [memory.db].

It needs no key: a scripted model stands in for a real one, and prints what it is shown.
"""

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from llama_index.core.chat_engine import SimpleChatEngine
from llama_index.core.llms import ChatMessage
from llama_index.core.llms.mock import MockFunctionCallingLLM

from memos_core import MemOS
from memos_llamaindex import MemOSMemory


def run(path: Path, session: str, question: str, answer: str) -> None:
    """One run of the program: open the memory, say something, close."""

    def scripted(messages: Sequence[ChatMessage], **kwargs: Any) -> ChatMessage:  # noqa: ARG001
        print("The model is shown:", *(f"  {message.role.value}: {message.content}" for message in messages), sep="\n")
        return ChatMessage(answer, role="assistant")

    with MemOS.open(path) as memos:
        memory = MemOSMemory.from_defaults(memos, namespace="ana", session=session)
        engine = SimpleChatEngine.from_defaults(llm=MockFunctionCallingLLM(response_generator=scripted), memory=memory)
        print(f"and says: {engine.chat(question)}\n")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        vault = Path(sys.argv[1] if sys.argv[1:] else f"{folder}/memory.db")
        run(vault, "monday", "My sister Clara moved to Lisbon last year.", "How nice! I will remember that.")
        run(vault, "friday", "Which city should I fly to if I want to see my sister?", "Lisbon: Clara lives there.")
