"""Results as tables of at most a hundred columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from memos_bench.conversations import APART
from memos_bench.measuring import DEPTHS, Ceiling, Row, labels
from memos_bench.summing import Summary, counted, lead, summary

if TYPE_CHECKING:
    from rich.table import Table

ABREAST = 4  # categories in one table
OURS = "MemOS"


def tables(rows: Sequence[Row], ceiling: Ceiling) -> list[Table]:
    """The table of all questions that count, and tables of recall@10 by category."""
    return [_overall(counted(rows), ceiling), *_by_category(rows)]


def _overall(rows: Sequence[Row], ceiling: Ceiling) -> Table:
    title = f"{summary_count(rows)} questions; evidence recall in per cent"
    headings = [f"R@{k}" for k in DEPTHS]
    headings[2:2] = ["95 %"]  # of recall@10
    table = _table(title, *headings, "MRR", "sess@5", "tokens", "ms", "p95", "add")
    for name, mine in labels(rows).items():
        _add(table, _marked(name, mine), *_cells(summary(mine)))
    table.caption = (
        f"Full context: {100 * ceiling.recall:.1f} at {ceiling.tokens:,.0f} tokens, which nothing can exceed. "
        "tokens: of the first ten. ms, p95: a search without embedding; add: a message. "
        "*: embeds other texts than whole messages, such as parts of long ones."
    )
    return table


def _marked(name: str, rows: Sequence[Row]) -> str:
    return f"{name} *" if any(row.others for row in rows) else name


def _cells(found: Summary) -> list[str]:
    recall = [percent(found.recall[str(k)]) for k in DEPTHS]
    recall[2:2] = [span(found.interval)]
    sessions = "-" if found.sessions is None else percent(found.sessions)
    times = [f"{each:.1f}" if each < 100 else f"{each:.0f}" for each in (found.median, found.p95, found.adding)]
    return [*recall, f"{found.rank:.3f}", sessions, f"{found.tokens:,.0f}", *times]


def _by_category(rows: Sequence[Row]) -> list[Table]:
    categories = sorted({row.category for row in rows}, key=lambda name: (name == APART, name))
    ours = counted([row for row in rows if row.system == OURS])
    made: list[Table] = []
    for start in range(0, len(categories), ABREAST):
        some = categories[start : start + ABREAST]
        headings = [_heading(rows, name) for name in some]
        table = _table("recall@10 by category", *headings, *([] if made else ["MemOS ahead"]))
        for name, mine in labels(rows).items():
            cells = [_recall([row for row in mine if row.category == category]) for category in some]
            _add(table, name, *cells, *([] if made else [_ahead(ours, mine)]))
        made.append(table)
    return made


def _heading(rows: Sequence[Row], category: str) -> str:
    asked = len({(row.conversation, row.question) for row in rows if row.category == category})
    apart = " (apart)" if category == APART else ""
    return f"{category.replace('_', ' ').replace('-', ' ')}{apart} n={asked}"


def _recall(rows: Sequence[Row]) -> str:
    return percent(summary(rows).recall["10"]) if rows else "-"


def _ahead(ours: Sequence[Row], theirs: Sequence[Row]) -> str:
    """The lead over a system, with its interval, over all questions that count."""
    if not ours or theirs[0].system == OURS:
        return "-"
    gain, bounds = lead(ours, counted(theirs))
    around = f" [{100 * bounds[0]:.0f}, {100 * bounds[1]:.0f}]" if bounds else ""
    return f"{100 * gain:+.1f}{around}"


def _table(title: str, *headings: str) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(
        title=title,
        title_justify="left",
        caption_justify="left",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        show_edge=False,
    )
    table.add_column("system", no_wrap=True)
    for heading in headings:
        table.add_column(heading, justify="right", vertical="bottom")
    return table


def _add(table: Table, name: str, *cells: str) -> None:
    """Add a row none of whose cells is broken over lines; headings may be."""
    from rich.text import Text

    style = "bold" if name.removesuffix(" *") == OURS else ""
    for column, cell in zip(table.columns, (name, *cells), strict=True):
        column.min_width = max(column.min_width or 0, len(cell))
    table.add_row(*(Text(cell, no_wrap=True) for cell in (name, *cells)), style=style)


def summary_count(rows: Sequence[Row]) -> int:
    """How many different questions there are."""
    return len({(row.conversation, row.question) for row in rows})


def percent(part: float) -> str:
    """A share in per cent, in at most four characters."""
    return f"{100 * part:.1f}" if part < 0.9995 else "100"


def span(bounds: tuple[float, float] | None) -> str:
    """An interval in per cent."""
    return "-" if bounds is None else f"{100 * bounds[0]:.0f}-{100 * bounds[1]:.0f}"
