"""How long adding and searching take, and how that grows with the number of memories.

Messages are made of the sentences of the sample conversation, in random pairs, by four speakers. Every figure stands
beside a limit measured in the same run: for adding, embedding the same texts and nothing else; for searching, embedding
the question, and SQLite's bare full text plus a product with all vectors in numpy, unfiltered and unexplained.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path

import apsw
import numpy as np
from rich.console import Console
from rich.table import Table

from memos_core import MemOS, Message
from memos_core.infrastructure.models.minilm import MiniLM

SAMPLE = Path(__file__).parents[1] / "examples" / "conversation.jsonl"
SESSION = 50  # messages
QUESTIONS = 60
START = datetime(2025, 1, 1, tzinfo=timezone.utc)


def main() -> None:
    """Measure every size and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[600, 6000], help="numbers of memories")
    parser.add_argument("--cores", type=int, default=1, help="cores to run on, where the system lets that be chosen")
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.cores])
    table = Table(
        "memories", "add ms", "embed ms", "ratio", "search ms", "p95", "embed ms", "rest ms", "bare ms", "ratio"
    )
    for column in table.columns:
        column.justify = "right"
    for size in options.sizes:
        table.add_row(f"{size:,}", *measure(size))
    Console(width=118).print(table)


def measure(size: int) -> list[str]:
    """One row: adding beside embedding alone, searching beside its bare parts."""
    chance = random.Random(size)
    sentences = [json.loads(line)["content"] for line in SAMPLE.read_text("utf-8").splitlines()]
    texts = [" ".join(chance.sample(sentences, 2)) + f" ({number})" for number in range(size)]
    questions = [" ".join(chance.choice(sentences).split()[:9]) + "?" for _ in range(QUESTIONS)]
    embedder = MiniLM()
    embedder.embed_query("loads the model")
    vectors, embedding = timed(lambda: embedder.embed(texts))
    with tempfile.TemporaryDirectory() as folder, MemOS.open(Path(folder) / "memory.db", embedder=embedder) as memos:
        _, adding = timed(lambda: add(memos, texts))
        memos.search("warm", namespace="alice")
        searching = [timed(lambda: memos.search(each, namespace="alice"))[1] for each in questions]  # noqa: B023
    wording = [timed(lambda: embedder.embed_query(each))[1] for each in questions]  # noqa: B023
    bare = bare_search(texts, vectors)
    least = [timed(lambda: bare(each, vectors[0]))[1] for each in questions]  # noqa: B023
    found, worded, floor = (statistics.median(each) for each in (searching, wording, least))
    slow = sorted(searching)[int(0.95 * (QUESTIONS - 1))]
    return [
        f"{adding / size:.2f}", f"{embedding / size:.2f}", f"{adding / embedding:.2f}",
        f"{found:.1f}", f"{slow:.1f}", f"{worded:.1f}", f"{found - worded:.1f}", f"{floor:.1f}",
        f"{(found - worded) / floor:.1f}",
    ]  # fmt: skip


def add(memos: MemOS, texts: Sequence[str]) -> None:
    """Add texts as conversations of four people."""
    for start in range(0, len(texts), SESSION):
        messages = [
            Message(content=text, name=("Ana", "Bo", "Cem", "Dora")[number % 4], at=START + timedelta(minutes=number))
            for number, text in enumerate(texts[start : start + SESSION], start)
        ]
        memos.add(messages, namespace="alice", session=f"s{start}")


def bare_search(texts: Sequence[str], vectors: np.ndarray) -> Callable[[str, np.ndarray], None]:
    """The least that any search of this kind has to do: two candidate lists of a hundred."""
    database = apsw.Connection(":memory:")
    database.execute("create virtual table words using fts5(text, tokenize='porter')")
    database.executemany("insert into words values (?)", ((text,) for text in texts))

    def search(question: str, vector: np.ndarray) -> None:
        asked = " OR ".join(f'"{word.strip("?.,!()")}"' for word in question.split())
        list(database.execute("select rowid from words where words match ? order by rank limit 100", (asked,)))
        np.argsort(-(vectors @ vector))[:100]

    return search


def timed(action: Callable[[], object]) -> tuple[object, float]:
    """What an action gave, and how many milliseconds it took."""
    started = time.perf_counter()
    given = action()
    return given, (time.perf_counter() - started) * 1000


if __name__ == "__main__":
    main()
