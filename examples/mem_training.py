"""Mem-training: what was said becomes what a model knows, follows what is said later, and goes when it is erased.

python examples/mem_training.py                                   # a tiny model, made for this, in seconds
python examples/mem_training.py build/models/smollm2-135m         # a real one, in minutes

No memory stands in any prompt here: what the model answers, it has learnt.
"""

import sys
from datetime import timedelta

from memos_core import MemOS, Message
from memos_core.infrastructure.models.local import LocalModel
from memos_core.infrastructure.models.speaking import answers
from memos_core.operation.scheduler.decisions import Limits
from memos_core.operation.training import is_answered
from memos_core.ports import Recipe
from memos_core.testing.adapters import tiny_learner
from memos_core.testing.clock import ManualClock
from memos_core.testing.embedders import HashingEmbedder

# The tiny model has random weights and some sixty words: it shows how it goes, and knows nothing else.
MODEL = LocalModel.load(sys.argv[1]) if sys.argv[1:] else tiny_learner(0)
RECIPE = Recipe() if sys.argv[1:] else Recipe(epochs=40, rate=5e-3, depth=1, replay=0)
STABLE = Limits(hot=0, settled=timedelta(days=30))  # by default also: recalled five times
RIGHT = {"Where does Ana live?": "Ana lives in Porto", "Where does Bob live?": "Bob lives in Lisbon"}

clock = ManualClock()


def ask(when: str) -> None:
    """Begin a conversation: no memory in the prompt, and what was learnt in the model."""
    said = answers(memos.adapted(MODEL, namespace="team"), list(RIGHT))
    right = sum(is_answered(answer, wanted) for answer, wanted in zip(said, RIGHT.values(), strict=True))
    print(f"{when:32} {right} of {len(RIGHT)} right: {[answer[:24] for answer in said]}")


def hear(name: str, text: str) -> str:
    """Take in what somebody says."""
    return memos.add(Message(role="user", name=name, content=text), namespace="team").ids[0]


with MemOS.open(":memory:", embedder=HashingEmbedder(), clock=clock) as memos:
    memos.keep_adapter(MODEL, namespace="team", recipe=RECIPE)
    hear("Ana", "I live in Porto.")
    bob = hear("Bob", "I live in Lisbon.")
    ask("said today:")

    clock.advance(timedelta(days=31))  # unchanged for a month: stable
    memos.tick(limits=STABLE)
    ask("a month later, learnt:")
    [adapter] = memos.list(namespace="team", kinds=["adapter"])
    report = adapter.metadata["adapter"]
    before, after = report["perplexity"]
    right = ", ".join(f"{share:.0%}" for share in report["answered"])
    print(f"  {report['facts']} facts in {report['steps']} steps; right in three unseen wordings: {right}")
    print(f"  the first of them before: {report['answered_before']:.0%}; ", end="")
    print(f"perplexity of other text: {before:.1f} before, {after:.1f} after")

    hear("Ana", "I live in Faro.")  # and no longer in Porto: what was learnt falls at once
    RIGHT["Where does Ana live?"] = "Ana lives in Faro"
    ask("Ana has moved:")
    memos.tick(limits=STABLE)
    ask("learnt again without that:")
    clock.advance(timedelta(days=31))
    memos.tick(limits=STABLE)
    ask("another month later, learnt:")

    receipt = memos.erase(bob)
    print(f"what Bob said is erased, and {len(receipt.derived)} adapters with it, old ones too")
    memos.tick(limits=STABLE)
    ask("learnt again without it:")
