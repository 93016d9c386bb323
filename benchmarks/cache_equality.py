"""Whether a model says the same with a cache in its own number type and without one, and what that does to the cache.

python benchmarks/cache_equality.py build/models/smollm2-135m

Each prompt has memories of its own. They are activated at once (*one cache*), or one after the other, each cache going
on from those before (*a tree*). Twice the same question is answered from the caches; the answers are compared with
that of transformers' own greedy search over the whole prompt, by another copy of the model that MemOS never touches.
The caches' bytes are compared before and after. The exit status is 1 if anything differs.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from itertools import islice, product
from typing import Any, NamedTuple

import torch
from rich.console import Console
from rich.table import Table

from memos_core import MemOS
from memos_core.infrastructure.models.kv_transformers import TransformersKV
from memos_core.infrastructure.models.local import LocalModel
from memos_core.testing.embedders import HashingEmbedder

PEOPLE = "Orla Bram Celia Dario Esra Fritz Gwen Hamid Ines Jarek".split()
TOLD = (
    "{0} keeps bees behind the mill.",
    "{0} has a boat called {1}.",
    "{0} plays chess with {1} on Fridays.",
    "{0} bakes bread, and {1} sells it.",
    "{0} is afraid of the dog of {1}.",
)
ASKED = ("What does {0} do?", "Who keeps bees?", "Tell me about {0}.", "What is the boat called?", "Who is {0}?")


class Case(NamedTuple):
    """What is remembered, and what is asked."""

    memories: tuple[str, ...]
    question: str


class Found(NamedTuple):
    """Whether an answer was that of a full prefill, twice, and left the caches as they were; and tokens."""

    same: bool
    twice: bool
    unchanged: bool
    caches: int
    cached: int
    computed: int


class Heard(TransformersKV):
    """Knows the tokens of the last prompt, and of nothing else."""

    tokens: Sequence[int] = ()

    def generate(self, tokens: Sequence[int], **named: Any) -> Any:
        self.tokens = tokens
        return super().generate(tokens, **named)


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="a folder of transformers, or a .gguf file")
    parser.add_argument("--prompts", type=int, default=50)
    parser.add_argument("--memories", type=int, default=5, help="in each prompt")
    parser.add_argument("--tokens", type=int, default=20, help="of each answer")
    parser.add_argument("--threads", type=int)
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    kv, untouched = Heard(LocalModel.load(options.model)), LocalModel.load(options.model)
    columns = ("kept as", "caches", "tokens cached", "same answer", "same again", "cache unchanged")
    table = Table(*columns, box=None, title=f"{kv.name}, {kv.dtype}")
    is_right = True
    for name, at_once in (("one cache", True), ("a tree", False)):
        found = [compared(kv, untouched, each, at_once, options.tokens) for each in cases(options)]
        is_right = is_right and all(each[:3] == (True, True, True) for each in found)
        cached, computed = sum(each.cached for each in found), sum(each.computed for each in found)
        counts = (f"{sum(column)} of {len(found)}" for column in list(zip(*found, strict=True))[:3])
        table.add_row(name, f"{found[0].caches}", f"{cached / (cached + computed):.0%}", *counts)
    Console().print(table)
    sys.exit(0 if is_right else 1)


def cases(options: argparse.Namespace) -> list[Case]:
    """As many as are wanted, no two alike."""
    known = [pattern.format(*pair) for pair in product(PEOPLE, PEOPLE) for pattern in TOLD]
    asked = [pattern.format(who) for who in PEOPLE for pattern in ASKED]
    return [
        Case(tuple(islice(known, 7 * at % 400, 7 * at % 400 + options.memories)), asked[at % len(asked)])
        for at in range(options.prompts)
    ]


def compared(kv: Heard, untouched: LocalModel, case: Case, at_once: bool, most: int) -> Found:
    """Activate, ask twice, and have the same asked without MemOS."""
    with MemOS.open(":memory:", embedder=HashingEmbedder()) as memos:
        ids = [memos.add(text, namespace="bench").ids[0] for text in case.memories]
        for end in [len(ids)] if at_once else range(1, len(ids) + 1):
            memos.activate(namespace="bench", model=kv, cubes=ids[:end])
        before = held(memos)
        first, second = (memos.generate(case.question, namespace="bench", model=kv, max_tokens=most) for _ in range(2))
        expected = greedy(untouched, kv.tokens, most)
        unchanged = held(memos) == before
    return Found(first.text == expected, first == second, unchanged, len(first.caches), first.cached, first.computed)


def held(memos: MemOS) -> dict[str, bytes]:
    """The bytes of every cache, by version."""
    kept = memos.list(namespace="bench", kinds=["activation"])
    return {cube.version: bytes(memos._vault.blob(cube.id)) for cube in kept}  # noqa: SLF001 - no other way to bytes


def greedy(model: LocalModel, tokens: Sequence[int], most: int) -> str:
    """What transformers itself says, with the whole prompt read at once."""
    prompt = torch.tensor([list(tokens)])
    with torch.inference_mode():
        made = model.model.generate(
            prompt, attention_mask=torch.ones_like(prompt), do_sample=False, max_new_tokens=most
        )
    return str(model.tokenizer.decode(made[0, len(tokens) :], skip_special_tokens=True))


if __name__ == "__main__":
    main()
