"""How much of each prompt a provider's cache has seen in the turn before, over a long conversation.

A prompt is instructions, memories and the question. Three ways to put memories into it: the best first, as they are
found (naive); in the order of time (``context``); and as they stood in the turn before, with what is new behind them
(``context`` with ``previous``). Reused is what two prompts in a row begin with in common, in tokens of the embedder.
Providers bill it at a fraction, from 1,024 tokens on and in steps of 128 (OpenAI's documentation of prompt caching;
others are alike); ``billed`` counts these at a tenth.

With a file of conversations, as ``memos bench recall`` takes it, its questions are the turns. Without one, a
conversation about forty things is made up, which comes back to each of them again and again.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from memos_bench.conversations import load
from memos_core import Context, MemOS, Message
from memos_core.interface.context import entry

INSTRUCTIONS = (
    "You are a helpful assistant. Use what was remembered where it helps, and say so when you do not know.\n\n"
)
START = datetime(2025, 1, 1, tzinfo=timezone.utc)
LEAST, STEP, DISCOUNT = 1024, 128, 0.1
STAY = 0.7  # how often the next question is about the same thing
THINGS = (
    "boat garden bicycle kitchen piano school holiday dog cat roof car job doctor wedding camera tent library tax "
    "bakery neighbour river museum guitar winter breakfast train phone chess orchard violin attic market lamp "
    "stove canoe mill cellar parrot ladder harvest"
).split()
TELLING = (
    "The {0} was repaired by Bo for {1} crowns.",
    "Ana asked about the {0} on day {1}.",
    "We keep the key of the {0} in box {1}.",
    "The {0} needs a new handle, number {1}.",
    "My sister wants to see the {0} in week {1}.",
    "Somebody left a note about the {0}, page {1}.",
    "The {0} is older than {1} years.",
    "I paid {1} crowns for the {0}.",
    "The {0} is insured under {1}.",
    "The {0} was painted {1} times.",
)
ASKING = ("What about the {0}?", "Who repaired the {0}?", "What did I pay for the {0}?", "Where is the key of the {0}?")


class Count(NamedTuple):
    """Tokens of all prompts, those reused, and those that are billed; and whether every hit was in."""

    whole: int
    reused: int
    billed: float
    complete: bool


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", nargs="?", type=Path, help="conversations with questions")
    parser.add_argument("--turns", type=int, default=80, help="of the conversation that is made up")
    parser.add_argument("--limit", type=int, default=10, help="memories that are found in each turn")
    parser.add_argument("--max-tokens", type=int, default=3000, help="that memories may take")
    options = parser.parse_args()
    table = Table("way", "turns", "tokens a turn", "reused", "billed a turn", "all hits in", box=None)
    talks = [made_up(options.turns)] if options.file is None else list(read(options.file))
    for way in (naive, in_time, as_before):
        counts = [measured(told, asked, way, options.limit, options.max_tokens) for told, asked in talks]
        turns = sum(len(asked) for _, asked in talks)
        whole, reused = sum(each.whole for each in counts), sum(each.reused for each in counts)
        billed = sum(each.billed for each in counts)
        complete = "yes" if all(each.complete for each in counts) else "no"
        share = f"{100 * reused / whole:.1f} %"
        table.add_row(way.__name__, f"{turns}", f"{whole / turns:,.0f}", share, f"{billed / turns:,.0f}", complete)
    Console().print(table)


Way = Callable[[MemOS, str, "Context | None", int, int], Context]


def naive(memos: MemOS, question: str, _: Context | None, limit: int, __: int) -> Context:
    """The best first."""
    hits = memos.search(question, namespace="bench", limit=limit)
    text = "\n".join(entry(hit.cube) for hit in hits)
    return Context(text=text, hits=tuple(hits), tokens=0)


def in_time(memos: MemOS, question: str, _: Context | None, limit: int, most: int) -> Context:
    """In the order of time."""
    return memos.context(question, namespace="bench", limit=limit, max_tokens=most)


def as_before(memos: MemOS, question: str, previous: Context | None, limit: int, most: int) -> Context:
    """As it was in the turn before, with what is new behind it."""
    return memos.context(question, namespace="bench", limit=limit, max_tokens=most, previous=previous)


def measured(told: Sequence[Message], asked: Sequence[str], way: Way, limit: int, most: int) -> Count:
    """Go through one conversation."""
    whole, reused, billed, complete = 0, 0, 0.0, True
    with MemOS.open(":memory:") as memos:
        memos.add(list(told), namespace="bench")
        count = memos.embedder.count_tokens
        previous, last = None, ""
        for question in asked:
            previous = way(memos, question, previous, limit, most)
            held = {hit.cube.id for hit in previous.hits}
            found = memos.search(question, namespace="bench", limit=limit)
            complete = complete and held.issuperset(hit.cube.id for hit in found)
            prompt = f"{INSTRUCTIONS}{previous.text}\n\n{question}"
            tokens, same = count(prompt), count(shared(prompt, last))
            cheap = same // STEP * STEP if same >= LEAST else 0
            whole, reused, billed, last = (
                whole + tokens,
                reused + same,
                billed + tokens - (1 - DISCOUNT) * cheap,
                prompt,
            )
    return Count(whole, reused, billed, complete)


def shared(one: str, other: str) -> str:
    """What two prompts begin with in common."""
    length = min(len(one), len(other))
    return one[: next((at for at in range(length) if one[at] != other[at]), length)]


def made_up(turns: int) -> tuple[list[Message], list[str]]:
    """Things that were said, and questions that come back to them."""
    chance = random.Random(0)
    said = [pattern.format(thing, chance.randrange(10, 99)) for pattern in TELLING for thing in THINGS]
    chance.shuffle(said)
    told = [
        Message(role="user", name="Ana", content=text, at=START + timedelta(hours=hour), id=f"m{hour}")
        for hour, text in enumerate(said)
    ]
    thing, asked = chance.choice(THINGS), []
    for _ in range(turns):
        thing = thing if chance.random() < STAY else chance.choice(THINGS)
        asked.append(chance.choice(ASKING).format(thing))
    return told, asked


def read(path: Path) -> Iterator[tuple[list[Message], list[str]]]:
    """The conversations of a file, and their questions."""
    for each in load(path):
        yield list(each.messages()), [question.text for question in each.questions]


if __name__ == "__main__":
    main()
