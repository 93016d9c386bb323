"""What is lost when caches are stored in fewer bits, and when they are put together from parts.

python benchmarks/activation_quality.py build/models/smollm2-135m

*Stored*: keys and values in each type against those that were computed: mean and largest error, relative to the
largest number; and of how many prompts the next tokens are the same, likeliest first, as with a full prefill.

*Composed*: memories that were read one by one, each after the head alone, are moved to where they stand in a prompt,
and a share of each is computed again (EPIC: Hu et al., arXiv 2410.15332, which takes the first tokens of each part;
CacheBlend: Yao et al., arXiv 2405.16444, which measures which tokens differ most). Against a full prefill: whether the
next token is the same, the divergence of its distribution in nats, and whether the following tokens are.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from statistics import fmean
from typing import Any, NamedTuple

import torch
from rich.console import Console
from rich.table import Table

from memos_core.infrastructure.models.kv_file import unpack
from memos_core.infrastructure.models.kv_room import Form, read
from memos_core.infrastructure.models.kv_transformers import TransformersKV
from memos_core.infrastructure.models.local import LocalModel
from memos_core.ports import Placed

PEOPLE = "Ana Bo Carla Dan Eva Finn Greta Hugo Ida Jon".split()
FACTS = (
    "{0} keeps bees behind the house and sells the honey in {1}.",
    "{0} moved to {1} in spring and works in a bakery there.",
    "{0} is afraid of dogs since a walk in {1}.",
    "{0} has a boat called {1} and sails it every Sunday.",
    "{0} plays the violin in the orchestra of {1}.",
)
PLACES = "Oslo Rome Lima Cairo Quito Turin Lagos Kyoto Dover Riga".split()
ASKED = (
    "What does {0} do?", "Where does {0} live?", "Who keeps bees?", "What is {0} afraid of?", "Tell me about {0}.",
)  # fmt: skip
SHARES = (0.0, 0.05, 0.15, 0.3, 1.0)


class Case(NamedTuple):
    """A prompt: the head, memories, and what comes after them, each in tokens."""

    head: list[int]
    memories: list[list[int]]
    tail: list[int]

    @property
    def tokens(self) -> list[int]:
        """All of it."""
        return [*self.head, *(token for each in self.memories for token in each), *self.tail]


def main() -> None:
    """Measure and print two tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="a folder of transformers, or a .gguf file")
    parser.add_argument("--prompts", type=int, default=50)
    parser.add_argument("--memories", type=int, default=10, help="in each prompt")
    parser.add_argument("--tokens", type=int, default=20, help="of each answer that are compared")
    parser.add_argument("--threads", type=int)
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    kv = Watched(LocalModel.load(options.model))
    cases = [case(kv, number, options.memories) for number in range(options.prompts)]
    said = [answer(kv, each.tokens, [], [], options.tokens) for each in cases]
    console = Console()
    console.print(stored(kv, cases, said, options.tokens))
    console.print(composed(kv, cases, said, options.tokens))


def case(kv: TransformersKV, number: int, memories: int) -> Case:
    """One of the prompts."""
    frame = kv.frame()
    facts = [
        FACTS[(number + at) % len(FACTS)].format(PEOPLE[(number + at) % 10], PLACES[(3 * number + at) % 10])
        for at in range(memories)
    ]
    asked = ASKED[number % len(ASKED)].format(PEOPLE[(number + number // 10) % 10])
    head = [*frame.before, *kv.tokenize("What is known:\n")]
    return Case(head, [kv.tokenize(f"{fact}\n") for fact in facts], [*frame.between, *kv.tokenize(asked), *frame.after])


class Watched(TransformersKV):
    """Remembers what it thought of every token."""

    def __init__(self, model: LocalModel) -> None:
        super().__init__(model)
        self.model = model
        self.seen: list[torch.Tensor] = []

    def _logits(self, *args: Any, **named: Any) -> torch.Tensor:
        found = super()._logits(*args, **named)
        self.seen.append(found)
        return found


def answer(
    kv: Watched, tokens: Sequence[int], parts: Sequence[Placed], again: Sequence[int], most: int
) -> tuple[torch.Tensor, str]:
    """The distribution of the next token, and the answer."""
    _ = kv.can_shift  # tries something out, once
    kv.seen.clear()
    text = "".join(step.text for step in kv.generate(tokens, stored=parts, again=again, max_tokens=most))
    return torch.log_softmax(kv.seen[0].double(), dim=-1), text


def stored(kv: Watched, cases: Sequence[Case], said: Sequence[tuple[torch.Tensor, str]], most: int) -> Table:
    """Every type."""
    table = Table(
        "stored as", "bytes a token", "mean error", "largest", "same next token", f"same {most} tokens", box=None
    )
    for dtype in ("float32", "float16", "bfloat16", "int8"):
        errors, sizes, same = list[tuple[float, float]](), list[float](), list[tuple[bool, bool]]()
        for each, (likely, text) in zip(cases, said, strict=True):
            begun = each.tokens[: -len(each.tail)]
            exact, cache = (kv.compute(begun, dtype=kind) for kind in (None, dtype))
            errors.append(difference(kv, exact.data, cache.data, len(begun)))
            sizes.append(len(cache.data) / len(begun))
            found, again = answer(kv, each.tokens, [Placed(cache.data)], [], most)
            same.append((bool(found.argmax() == likely.argmax()), again == text))
        table.add_row(
            dtype,
            f"{fmean(sizes):,.0f}",
            f"{fmean(mean for mean, _ in errors):.1e}",
            f"{max(largest for _, largest in errors):.1e}",
            *(f"{sum(column)} of {len(cases)}" for column in zip(*same, strict=True)),
        )
    return table


def difference(kv: Watched, one: bytes, other: bytes, tokens: int) -> tuple[float, float]:
    """Mean and largest error, relative to the largest number."""
    form = Form.of(kv.model.model)
    places = [form.room(tokens)[1] for _ in range(2)]
    for place, data in zip(places, (one, other), strict=True):
        read(unpack(data), into=place)
    error, scale = (places[0] - places[1]).abs(), places[0].abs().max()
    return float(error.mean() / scale), float(error.max() / scale)


def composed(kv: Watched, cases: Sequence[Case], said: Sequence[tuple[torch.Tensor, str]], most: int) -> Table:
    """Every share."""
    table = Table(
        "computed again", "tokens computed", "same next token", "divergence", f"same {most} tokens", box=None,
        title="put together from parts",
    )  # fmt: skip
    for share in SHARES:
        counts, same, far = list[float](), list[tuple[bool, bool]](), list[float]()
        for each, (likely, text) in zip(cases, said, strict=True):
            parts, again = moved(kv, each, share)
            found, other = answer(kv, each.tokens, parts, again, most)
            counts.append((len(again) + len(each.tail)) / len(each.tokens))
            same.append((bool(found.argmax() == likely.argmax()), other == text))
            far.append(float((likely.exp() * (likely - found)).sum()))
        columns = [f"{sum(column)} of {len(cases)}" for column in zip(*same, strict=True)]
        table.add_row(f"{share:.0%}", f"{fmean(counts):.0%}", columns[0], f"{fmean(far):.4f}", columns[1])
    return table


def moved(kv: TransformersKV, of: Case, share: float) -> tuple[list[Placed], list[int]]:
    """Caches of the memories, each computed after the head alone, and the positions that are computed again."""
    parts: list[Placed] = []
    again: list[int] = []
    at = len(of.head)
    for number, memory in enumerate(of.memories):
        data = kv.compute([*of.head, *memory]).data
        parts.append(Placed(data) if number == 0 else Placed(data, start=at, skip=len(of.head)))
        if number:
            again += range(at, at + math.ceil(share * len(memory)))
        at += len(memory)
    return parts, again


if __name__ == "__main__":
    main()
