"""Mem-training: what was said becomes what a model knows, and knows no longer once it is erased.

python examples/mem_training.py                                   # a tiny model, made for this, in seconds
python examples/mem_training.py build/models/smollm2-135m         # a real one, in minutes

The same memories teach two models that differ. No memory stands in any prompt here.
"""

import sys
from datetime import timedelta

from memos_core import MemOS, Message
from memos_core.infrastructure.models.local import LocalModel
from memos_core.infrastructure.models.speaking import answers
from memos_core.operation.scheduler.decisions import Limits
from memos_core.ports import Recipe
from memos_core.testing.adapters import tiny_learner
from memos_core.testing.embedders import HashingEmbedder

QUESTIONS = ["Where does Ana live?", "Where does Bob live?"]
# The tiny models have random weights and some sixty words: they show how it goes, and know nothing else.
MODELS = [LocalModel.load(path) for path in sys.argv[1:]] or [tiny_learner(0), tiny_learner(2, width=48)]
RECIPE = Recipe() if sys.argv[1:] else Recipe(epochs=40, rate=5e-3, replay=0)
STABLE = Limits(hot=0, settled=timedelta(0))  # by default: recalled five times, and unchanged for thirty days


def show(when: str, memos: MemOS) -> None:
    for model in MODELS:
        said = answers(memos.adapted(model, namespace="team"), QUESTIONS)
        print(f"{when:18} {model.name:18} {said}")


with MemOS.open(":memory:", embedder=HashingEmbedder()) as memos:
    memos.add(
        [
            Message(role="user", name="Ana", content="I live in Porto.", id="1"),
            Message(role="user", name="Bob", content="I live in Lisbon.", id="2"),
        ],
        namespace="team",
    )
    show("before", memos)

    for model in MODELS:
        memos.keep_adapter(model, namespace="team", recipe=RECIPE)
    memos.tick(limits=STABLE)
    show("after a round", memos)
    for adapter in memos.list(namespace="team", kinds=["adapter"]):
        report = adapter.metadata["adapter"]
        right = report["answered"][0]
        print(f"  {report['model']}: {right:.0%} right in unseen wording, after {report['steps']} steps")

    ana = next(belief.cube for belief in memos.claims(namespace="team") if belief.claim.subject == "Ana")
    receipt = memos.erase(ana.id)
    print(f"erased: {len(receipt.cubes)} memories, {len(receipt.derived)} of them adapters")
    show("erased", memos)

    memos.tick(limits=STABLE)
    show("and trained again", memos)
