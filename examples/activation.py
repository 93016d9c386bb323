"""What a model has read once it need not read again, until it changes. Run it: python examples/activation.py [MODEL].

MODEL is a folder of transformers or a .gguf file. Without one, a tiny model with random weights shows what happens;
what it says means nothing.
"""

import sys

from memos_core import MemOS
from memos_core.infrastructure.models.kv_transformers import TransformersKV
from memos_core.infrastructure.models.local import LocalModel
from memos_core.testing.kv import tiny_model

model = TransformersKV(LocalModel.load(sys.argv[1]) if len(sys.argv) > 1 else tiny_model())


def ask(question: str) -> None:
    """Answer from all memories, and show what was computed for it."""
    found = memos.generate(question, namespace="ana", max_tokens=24)
    print(f"{question} {found.text!r}")
    print(f"  {found.cached} tokens from {len(found.caches)} caches, {found.computed} computed")


if len(sys.argv) == 1:
    print("A tiny model with random weights: its answers are noise, what it computes and what not is the point.\n")

with MemOS.open(":memory:", backends=[model]) as memos:
    memos.add("I keep bees behind the house.", namespace="ana")
    boat = memos.add("My boat is called Ida.", namespace="ana").ids[0]
    ask("What is my boat called?")

    cache = memos.activate(namespace="ana")
    print(f"activated: {cache.blob.size:,} bytes, trusted like {cache.governance.trust.name.lower()}")
    ask("What is my boat called?")

    memos.add("I live in Oslo.", namespace="ana")
    more = memos.activate(namespace="ana")
    print(f"of the new memory, {more.payload.tokens} tokens were computed; the rest is shared")
    ask("Where do I live?")

    memos.update(boat, "My boat is called Eva.")
    print("the boat has a new name; caches that still hold:", len(memos.list(namespace="ana", kinds=["activation"])))
    ask("What is my boat called?")
