"""How long the scheduler takes to look at a vault and to plan, and how that grows with the number of memories.

The vault holds messages of conversations, facts that nearly repeat one another, and memories that fade or have run out.
Beside it stands reading all memories and nothing else, which no scheduler can do without.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

from rich.console import Console
from rich.table import Table

from memos_core import MemOS, Message
from memos_core.cube.memcube import State
from memos_core.infrastructure.vault.sqlite import SQLiteVault
from memos_core.operation.scheduler.decisions import Limits, Tier
from memos_core.operation.scheduler.looking import SEEN, look
from memos_core.operation.scheduler.planning import plan
from memos_core.testing.clock import ManualClock
from memos_core.testing.embedders import HashingEmbedder

START = datetime(2025, 1, 1, tzinfo=timezone.utc)
SESSION = 50  # messages
FACTS = 10  # of each session
RUNS = 5
PAGE = 500


def main() -> None:
    """Measure every size and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000], help="numbers of memories")
    options = parser.parse_args()
    table = Table(
        "memories", "read ms", "first look ms", "later looks ms", "plan ms", "decisions", title="medians of five"
    )
    for size in options.sizes:
        table.add_row(*measured(size))
    Console().print(table)


def measured(size: int) -> list[str]:
    """One row."""
    embedder, clock = HashingEmbedder(), ManualClock(START)
    limits = Limits(cubes=size, decisions=size)
    vault = SQLiteVault(":memory:", clock=clock)
    with MemOS(vault, embedder=embedder, clock=clock) as memos:
        fill(memos, size)
        clock.advance(timedelta(days=200))
        now = clock.now()
        read = median(lambda: [*pages(memos)])
        snapshot = look(vault, embedder, now=now, limits=limits, tiers={"none": Tier({})})
        looked = median(lambda: look(vault, embedder, now=now, limits=limits, tiers={"none": Tier({})}))
        vault.note(SEEN, now.isoformat())
        again = median(lambda: look(vault, embedder, now=now, limits=limits, tiers={"none": Tier({})}))
        planned = median(lambda: plan(snapshot, now, limits))
        count = len(plan(snapshot, now, limits))
    return [f"{figure:,.0f}" for figure in (size, read, looked, again, planned, count)]


def fill(memos: MemOS, size: int) -> None:
    """Conversations, and a few conclusions from each."""
    for session in range(size // (SESSION + FACTS) + 1):
        left = min(SESSION + FACTS, size - session * (SESSION + FACTS))
        texts = [f"Message {number} of talk {session} is about item{number % 7}." for number in range(left - FACTS)]
        if not texts:
            return
        said = memos.add([Message(content=text, role="user") for text in texts], namespace="a", session=f"s{session}")
        with memos.transaction():
            for number in range(FACTS):
                fact = memos.derive(
                    f"Talk {session} has item {number // 2}{'.' * (number % 2)}", because=said.ids[number]
                )
                if number == 0:
                    memos.set_lifespan(fact.id, decay=0.5)
                if number == FACTS - 1:
                    memos.set_lifespan(fact.id, ttl=timedelta(days=1))


def pages(memos: MemOS) -> list[object]:
    """All memories, read a page at a time."""
    found: list[object] = []
    while page := memos.list(namespace="a", states=State, limit=PAGE, offset=len(found)):
        found += page
    return found


def median(work: Callable[[], object]) -> float:
    """Milliseconds."""
    times = []
    for _ in range(RUNS):
        start = time.perf_counter()
        work()
        times.append(1000 * (time.perf_counter() - start))
    return statistics.median(times)


if __name__ == "__main__":
    main()
