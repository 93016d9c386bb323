"""Talk with a model that remembers, and see what it was given: python examples/chat.py [MODEL].

MODEL is a name such as ollama:qwen3:4b or gguf:model.gguf (docs/CHAT_MODELS.md). Without one, a function stands in.
"""

import sys
from datetime import datetime, timezone

from memos_core import MemOS, Message
from memos_core.infrastructure.models.chat import as_chat_model
from memos_core.infrastructure.models.naming import chat_model
from memos_core.prompting.conversation import conversation
from memos_core.prompting.streaming import stream


def stand_in(prompt: str) -> str:
    """Repeats the first thing it is told is remembered."""
    remembered = [line.removeprefix("| ") for line in prompt.splitlines() if line.startswith("| ")]
    return f"You said: {remembered[0]}" if remembered else "I do not know."


model = chat_model(sys.argv[1]) if sys.argv[1:] else as_chat_model(stand_in)
monday = datetime(2025, 3, 17, tzinfo=timezone.utc)

with MemOS.open(":memory:") as memos:
    memos.add([Message(role="user", name="Ana", content="I moved to Porto yesterday.", at=monday)], namespace="ana")
    for question in ("Where do I live?", "Since when?"):
        recalled = memos.context(question, namespace="ana", max_tokens=500)
        print(f"> {question}  ({len(recalled.hits)} remembered)")
        answer = ""
        for piece in stream(model, conversation(question, recalled.text), max_tokens=100):
            print(piece, end="", flush=True)
            answer += piece
        print()
        said = [Message(role="user", name="Ana", content=question), Message(role="assistant", content=answer)]
        memos.add(said, namespace="ana", session="today")
