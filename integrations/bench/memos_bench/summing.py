"""Means over questions, and intervals from resampling whole conversations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean

from memos_bench.conversations import APART
from memos_bench.measuring import DEPTHS, Row

RESAMPLES = 2000

Metric = Callable[[Row], float]


@dataclass(frozen=True)
class Summary:
    """One system over the questions given. Shares are 0 to 1; times in milliseconds.

    Attributes
    ----------
    interval
        95 % of recall@10; nothing if there is but one conversation to resample.
    """

    questions: int
    recall: dict[str, float]
    interval: tuple[float, float] | None
    rank: float
    sessions: float | None
    tokens: float
    median: float
    p95: float
    adding: float
    others: int


def summary(rows: Sequence[Row]) -> Summary:
    """Sum up at least one row."""
    times = sorted(row.milliseconds for row in rows)
    sessions = [row.sessions for row in rows if row.sessions is not None]
    adding = {row.conversation: row.adding for row in rows}
    return Summary(
        questions=len(rows),
        recall={str(k): fmean(row.recall[str(k)] for row in rows) for k in DEPTHS},
        interval=interval(rows, lambda row: row.recall["10"]),
        rank=fmean(row.rank for row in rows),
        sessions=fmean(sessions) if sessions else None,
        tokens=fmean(row.tokens for row in rows),
        median=times[len(times) // 2],
        p95=times[int(0.95 * (len(times) - 1))],
        adding=fmean(adding.values()),
        others=sum({row.conversation: row.others for row in rows}.values()),
    )


def counted(rows: Sequence[Row]) -> list[Row]:
    """The rows that belong into a mean: all but those of questions about what was never said."""
    return [row for row in rows if row.category != APART]


def interval(rows: Sequence[Row], metric: Metric) -> tuple[float, float] | None:
    """95 % interval of a mean, from resampling whole conversations with replacement."""
    import numpy as np

    groups: dict[str, list[float]] = {}
    for row in rows:
        groups.setdefault(row.conversation, []).append(metric(row))
    if len(groups) < 2:
        return None
    sums = np.array([sum(group) for group in groups.values()])
    counts = np.array([len(group) for group in groups.values()])
    drawn = np.random.default_rng(0).integers(len(groups), size=(RESAMPLES, len(groups)))
    low, high = np.quantile(sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1), (0.025, 0.975))
    return float(low), float(high)


def lead(ours: Sequence[Row], theirs: Sequence[Row]) -> tuple[float, tuple[float, float] | None]:
    """How far recall@10 of one system is above another's, question by question, and its 95 % interval."""
    other = {(row.conversation, row.question): row.recall["10"] for row in theirs}
    both = [row for row in ours if (row.conversation, row.question) in other]

    def gain(row: Row) -> float:
        return row.recall["10"] - other[row.conversation, row.question]

    return fmean(map(gain, both)) if both else 0.0, interval(both, gain)
