"""The same memories in three forms, for two models that differ: read, learnt, and written down for both.

python examples/shared_memory.py                                  # two tiny models, made for this, in seconds
python examples/shared_memory.py MODEL OTHER_MODEL                # folders of transformers or .gguf files, in minutes

Plaintext is what they share. A cache and an adapter are each for one model, are made of the same texts, and fall with
them.
"""

import sys

from memos_core import MemOS, Message
from memos_core.infrastructure.models.local import LocalModel
from memos_core.infrastructure.models.speaking import answers
from memos_core.ports import Recipe
from memos_core.testing.adapters import tiny_learner
from memos_core.testing.embedders import HashingEmbedder

QUESTION = "Where does Ana live?"
# The tiny models have random weights and some sixty words: only what they are taught makes sense.
MODELS = [LocalModel.load(path) for path in sys.argv[1:]] or [tiny_learner(0), tiny_learner(2, width=48)]
# Two facts need few, small steps of few examples. What a model would be taught beside, its answers to other questions,
# takes longer than they do, and is left out here.
RECIPE = Recipe(batch=4, rate=1e-3, replay=0) if sys.argv[1:] else Recipe(epochs=40, rate=5e-3, depth=1, replay=0)


def show(when: str) -> None:
    """Ask each model with the memories in its prompt, and then what it has learnt, with none in it."""
    print(when)
    for model in MODELS:
        read = memos.generate(QUESTION, namespace="team", model=model, max_tokens=12)
        said = answers(memos.adapted(model, namespace="team"), [QUESTION])[0][:24]
        tokens = f"{read.cached:3} of {read.cached + read.computed} tokens from its cache"
        print(f"  {model.name}: {tokens}; without memories it says {said!r}")


with MemOS.open(":memory:", embedder=HashingEmbedder()) as memos:
    said = [
        Message(role="user", name="Ana", content="I live in Porto.", id="1"),
        Message(role="user", name="Bob", content="I live in Lisbon.", id="2"),
    ]
    ana, _ = memos.add(said, namespace="team").ids
    show("written down:")

    for model in MODELS:
        memos.activate(namespace="team", model=model)
        memos.train(namespace="team", base_model=model, recipe=RECIPE)
    show("activated and trained:")
    for made in memos.list(namespace="team", kinds=["activation", "adapter"]):
        print(f"  {made.kind.value:10} for {made.provenance.model:8} {made.payload.blob.size:9,} bytes")

    receipt = memos.erase(ana)
    print(f"what Ana said is erased, and {len(receipt.derived)} caches and adapters with it")
    show("erased:")
