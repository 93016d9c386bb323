"""Recall against the number of messages, and against the tokens they cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

from memos_bench.measuring import BUDGETS, DEPTH, Ceiling, Row, labels, share
from memos_bench.summing import counted
from memos_bench.tables import OURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

STYLES = ("-", "--", "-.", ":")


def draw(rows: Sequence[Row], ceiling: Ceiling, folder: Path) -> list[Path]:
    """Write both plots as PNG, over the questions that count."""
    grouped = labels(counted(rows))
    depths = _plot(
        folder / "recall-by-depth.png", grouped, ceiling, "messages", lambda mine: (range(1, DEPTH + 1), _deep(mine))
    )
    budgets = _plot(
        folder / "recall-by-tokens.png", grouped, ceiling, "tokens of context", lambda mine: (BUDGETS, _costly(mine)),
        logarithmic=True,
    )  # fmt: skip
    return [depths, budgets]


def _deep(rows: Sequence[Row]) -> list[float]:
    return [100 * fmean(share(row.found[:k], frozenset(row.evidence)) for row in rows) for k in range(1, DEPTH + 1)]


def _costly(rows: Sequence[Row]) -> list[float]:
    return [100 * fmean(row.within[str(budget)] for row in rows) for budget in BUDGETS]


def _plot(
    path: Path,
    grouped: Mapping[str, Sequence[Row]],
    ceiling: Ceiling,
    unit: str,
    curve: Callable[[Sequence[Row]], tuple[Sequence[int], list[float]]],
    *,
    logarithmic: bool = False,
) -> Path:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 5), layout="constrained")
    axes: Axes = figure.add_subplot()
    for number, (name, rows) in enumerate(grouped.items()):
        across, up = curve(rows)
        width = 2.5 if name == OURS else 1.2
        axes.plot(across, up, label=name, linewidth=width, linestyle=STYLES[number // 10 % len(STYLES)])
    axes.axhline(
        100 * ceiling.recall,
        color="black",
        linewidth=1,
        linestyle=":",
        label=f"full context ({ceiling.tokens:,.0f} tokens)",
    )
    if logarithmic:
        axes.set_xscale("log", base=2)
        axes.set_xticks(BUDGETS, [str(budget) for budget in BUDGETS])
    axes.set(xlabel=unit, ylabel="evidence recalled, per cent", ylim=(0, 102))
    axes.grid(visible=True, alpha=0.3)
    axes.legend(loc="lower right", fontsize=8)
    figure.savefig(path, dpi=120)
    return path
