"""What training an adapter costs and gives: facts in unseen wording, perplexity on other text, control answers, time.

python benchmarks/training.py build/models/smollm2-135m            # all 50 facts, several minutes on two cores
python benchmarks/training.py build/models/smollm2-135m --facts 8 --epochs 2

The facts (benchmarks/facts.txt) are invented. No wording in which they are asked is one in which they are taught.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from memos_core import MemOS
from memos_core.cube.claim import Claim
from memos_core.cube.memcube import Content, Kind
from memos_core.cube.payload import Plaintext
from memos_core.infrastructure.models.local import LocalModel
from memos_core.language.wordings import phrase
from memos_core.operation.training import EXAMS
from memos_core.ports import Recipe
from memos_core.testing.embedders import HashingEmbedder

FACTS = Path(__file__).with_name("facts.txt")


def claims(most: int) -> list[Claim]:
    """The first facts of the file."""
    lines = FACTS.read_text(encoding="utf-8").splitlines()[:most]
    return [Claim(**dict(zip(("subject", "predicate", "object"), line.split(" | "), strict=True))) for line in lines]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--facts", type=int, default=50)
    for name, value in vars(Recipe()).items():
        parser.add_argument(f"--{name}", type=type(value), default=value)
    given = vars(parser.parse_args())
    model, count = LocalModel.load(given.pop("model")), given.pop("facts")
    with MemOS.open(":memory:", embedder=HashingEmbedder()) as memos:
        for claim in claims(count):
            said = phrase(claim)
            assert said is not None
            memos._remember(  # noqa: SLF001 - claims as they are, whatever the reader would make of their words
                Content(namespace=("bench",), kind=Kind.FACT, payload=Plaintext(text=said.statement), claims=(claim,))
            )
        adapter = memos.train(
            namespace="bench",
            base_model=model,
            recipe=Recipe(**given),
            progress=lambda done, most, loss: print(f"\r{done}/{most} steps, loss {loss:.3f} ", end="", flush=True),
        )
        report = adapter.metadata["adapter"]
        size = adapter.payload.blob.size if adapter.payload.type == "parametric" else 0
        print()
        for form, share in zip(EXAMS, report["answered"], strict=True):
            print(f"answered {share:7.1%}   {form}")
        before, after = report["perplexity"]
        print(f"perplexity on other text {before:.2f} before, {after:.2f} after: {after / before - 1:+.1%}")
        print(f"control answers unchanged {report['controls_kept']} of {report['controls']}")
        print(f"the same, asked with a name that was taught {report['named_kept']} of {report['controls']}")
        print(f"{report['steps']} steps in {report['seconds']:.0f} s, seed {given['seed']}, {size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
