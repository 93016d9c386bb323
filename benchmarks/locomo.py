"""Evidence recall: which messages come back for a question, judged by their ids and by no model.

Recall@k is the share of a question's evidence ids among the first k distinct ids that come back; the mean is over
questions, the interval comes from resampling whole conversations. Baselines are the vault's own full text and its own
vectors, each alone and both fused by reciprocal ranks. With --ablate, MemOS is asked once more without each signal.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from conversations import APART, Conversation, Question, load
from rich.console import Console
from rich.progress import track
from rich.table import Table

from memos_core import MemOS
from memos_core.cube.selection import selection
from memos_core.infrastructure.models.minilm import MiniLM
from memos_core.language.words import terms
from memos_core.operation.recall import recall
from memos_core.operation.recall.weights import DEFAULT, Weights

DEPTHS = (5, 10, 20, 50)
SIGNALS = ("text", "vectors", "graph", "time", "before and after", "speaker", "substance", "assistant")
RESAMPLES = 1000
RANK_CONSTANT = 60  # Cormack et al., Reciprocal Rank Fusion outperforms Condorcet, SIGIR 2009

Search = Callable[[str, str], list[str]]  # question and namespace to message ids, best first


def main() -> None:
    """Run the benchmark and print its tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--data", type=Path, required=True, help="conversations in the form of LoCoMo, or {id, messages, questions}"
    )
    parser.add_argument("--conversations", type=int, help="only the first so many")
    parser.add_argument("--keep", type=Path, help="folder for the vault, to use it again in the next run")
    parser.add_argument("--ablate", action="store_true", help="compare MemOS with each signal switched off instead")
    parser.add_argument("--json", type=Path, dest="out", help="write every question's result, one JSON object a line")
    options = parser.parse_args()
    conversations = load(options.data)[: options.conversations]
    console = Console(width=118)
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        with MemOS.open(folder / f"{options.data.stem}.db", embedder=MiniLM()) as memos:
            remember(memos, conversations, console)
            compared = {"MemOS": Whole(memos), **(ablations(memos) if options.ablate else baselines(memos))}
            rows = [row for name, search in compared.items() for row in ask(name, search, conversations, console)]
    if options.out:
        options.out.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    report(rows, console)


def remember(memos: MemOS, conversations: Sequence[Conversation], console: Console) -> None:
    """Put every conversation into a namespace of its own."""
    for conversation in track(conversations, "remembering", console=console, disable=not sys.stderr.isatty()):
        if memos.list(namespace=conversation.name, limit=1):
            continue
        for session, messages in conversation.sessions.items():
            memos.add(messages, namespace=conversation.name, session=session)


class Whole:
    """Recall as users meet it, with other weights where some are given."""

    def __init__(self, memos: MemOS, weights: Weights = DEFAULT) -> None:
        self.vault, self.now, self.embedder = memos._vault, memos._clock.now(), memos._loaded_embedder()  # noqa: SLF001
        self.weights = weights

    def __call__(self, question: str, namespace: str) -> list[str]:
        found = recall(
            question, selection(namespace, now=self.now), vault=self.vault, embedder=self.embedder, now=self.now,
            limit=max(DEPTHS), weights=self.weights,
        )  # fmt: skip
        return [source for hit in found for source in hit.source_ids]


def ablations(memos: MemOS) -> dict[str, Search]:
    """MemOS without each of its signals."""
    return {
        f"without {name}": Whole(memos, replace(DEFAULT, **dict.fromkeys(name.split(" and "), 0.0))) for name in SIGNALS
    }


def baselines(memos: MemOS) -> dict[str, Search]:
    """What MemOS is compared with, by name: parts of its own vault."""
    vault, embedder, now = memos._vault, memos._loaded_embedder(), memos._clock.now()  # noqa: SLF001

    def text(question: str, namespace: str) -> list[str]:
        found = vault.match(selection(namespace, now=now), terms(question), limit=max(DEPTHS))
        return [source for cube in vault.get([each.cube for each in found]) for source in cube.source_ids]

    def vectors(question: str, namespace: str) -> list[str]:
        found = vault.nearest(selection(namespace, now=now), embedder.embed_query(question), limit=max(DEPTHS))
        return [source for cube in vault.get([each.cube for each in found]) for source in cube.source_ids]

    def both(question: str, namespace: str) -> list[str]:
        scores: Counter[str] = Counter()
        for found in (text(question, namespace), vectors(question, namespace)):
            scores.update({source: 1 / (RANK_CONSTANT + rank) for rank, source in enumerate(found, 1)})
        return [source for source, _ in scores.most_common()]

    return {"full text": text, "vectors": vectors, "their reciprocal ranks": both}


Row = dict[str, object]


def ask(name: str, search: Search, conversations: Sequence[Conversation], console: Console) -> Iterator[Row]:
    """Ask every question; one row each."""
    for conversation in track(conversations, f"asking {name}", console=console, disable=not sys.stderr.isatty()):
        session_of = conversation.session_of()
        for question in conversation.questions:
            started = time.perf_counter()
            found = list(dict.fromkeys(search(question.text, conversation.name)))
            took = time.perf_counter() - started
            yield {
                "system": name,
                "conversation": conversation.name,
                "category": question.category,
                "question": question.text,
                "milliseconds": took * 1000,
                **{f"recall@{k}": share(found[:k], question.evidence) for k in DEPTHS},
                "reciprocal rank": reciprocal_rank(found, question),
                "session recall@5": session_recall(found, question, session_of),
            }


def share(found: Sequence[str], evidence: frozenset[str]) -> float:
    """Share of the evidence that was found."""
    return len(evidence.intersection(found)) / len(evidence)


def reciprocal_rank(found: Sequence[str], question: Question) -> float:
    """One divided by the rank of the first evidence; 0 if there is none."""
    return next((1 / rank for rank, each in enumerate(found, 1) if each in question.evidence), 0.0)


def session_recall(found: Sequence[str], question: Question, session_of: dict[str, str]) -> float:
    """Share of the evidence's sessions among the first five sessions found."""
    sessions = list(dict.fromkeys(session_of[each] for each in found))[:5]
    wanted = frozenset(session_of[each] for each in question.evidence if each in session_of)
    return share(sessions, wanted) if wanted else 0.0


METRICS = (*(f"recall@{k}" for k in DEPTHS), "reciprocal rank", "session recall@5")


def report(rows: Sequence[Row], console: Console) -> None:
    """Print a table by system and category, in per cent; "all" is all but the adversarial ones."""
    table = Table("system", "category", "n", *(f"R@{k}" for k in DEPTHS), "MRR", "sess@5", "R@10 95 %", "ms", "p95")
    for column in table.columns:
        column.no_wrap = True
    for name in dict.fromkeys(row["system"] for row in rows):
        mine = [row for row in rows if row["system"] == name]
        counted = [row for row in mine if row["category"] != APART]
        table.add_row(str(name), "all", *_cells(counted), style="bold")
        for category in sorted({str(row["category"]) for row in mine}):
            table.add_row("", category, *_cells([row for row in mine if row["category"] == category]))
        table.add_section()
    console.print(table)


def _cells(rows: Sequence[Row]) -> list[str]:
    times = sorted(_numbers(rows, "milliseconds"))
    means = [f"{100 * statistics.fmean(_numbers(rows, metric)):.1f}" for metric in METRICS]
    low, high = interval(rows, "recall@10")
    return [
        str(len(rows)), *means, f"{100 * low:.0f}-{100 * high:.0f}",
        f"{statistics.median(times):.1f}", f"{times[int(0.95 * (len(times) - 1))]:.1f}",
    ]  # fmt: skip


def _numbers(rows: Sequence[Row], key: str) -> list[float]:
    return [float(str(row[key])) for row in rows]


def interval(rows: Sequence[Row], metric: str) -> tuple[float, float]:
    """95 % interval of a mean, from resampling whole conversations."""
    by_conversation = defaultdict(list)
    for row in rows:
        by_conversation[row["conversation"]].append(float(str(row[metric])))
    groups, chance = list(by_conversation.values()), random.Random(0)
    means = sorted(
        statistics.fmean(value for group in chance.choices(groups, k=len(groups)) for value in group)
        for _ in range(RESAMPLES)
    )
    return means[int(0.025 * RESAMPLES)], means[int(0.975 * RESAMPLES)]


if __name__ == "__main__":
    main()
