"""One comparison, from the file of conversations to what is shown of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memos_bench.conversations import load
from memos_bench.measuring import Advance, Ceiling, Row, ceiling, labels, measure
from memos_bench.peers import ABLATION, EXTRA, FLOORS, MEMOS, System
from memos_bench.results import ROWS, RUN, Results, circumstances, identity
from memos_bench.summing import counted, summary
from memos_bench.tables import tables
from memos_bench.vectors import SharedVectors
from memos_core import Embedder
from memos_core.errors import ModelMissing
from memos_core.infrastructure.clock import SystemClock

if TYPE_CHECKING:
    from rich.table import Table

VECTORS = "vectors.npz"


@dataclass(frozen=True)
class Report:
    """What came out.

    Attributes
    ----------
    systems
        By what, when and on what each row of the tables was measured.
    written
        The folder, and the names in it.
    """

    data: dict[str, Any]
    systems: dict[str, Any]
    rows: list[Row]
    ceiling: Ceiling
    written: list[str]

    def document(self) -> dict[str, Any]:
        """Everything but the rows, for programs."""
        return {
            "data": self.data,
            "full_context": asdict(self.ceiling),
            "systems": {
                name: {
                    **self.systems[name],
                    "all": _summed(counted(rows)),
                    "by_category": {
                        category: _summed([row for row in rows if row.category == category])
                        for category in sorted({row.category for row in rows})
                    },
                }
                for name, rows in labels(self.rows).items()
            },
            "written": self.written,
        }

    def tables(self) -> list[Table]:
        """The same for people."""
        return tables(self.rows, self.ceiling)


def compare(
    data: Path,
    *,
    peers: Sequence[System],
    embedder: Embedder,
    ablate: bool = False,
    first: int | None = None,
    out: Path | None = None,
    advance: Advance = lambda _done, _total: None,
) -> Report:
    """Measure MemOS, the floors and peers on a file of conversations.

    Parameters
    ----------
    ablate
        Measure MemOS without each of its signals too, and no floors.
    first
        Only so many conversations.
    out
        Folder for rows, vectors and plots. Rows of other systems that are there already join the report.

    Raises
    ------
    InvalidInput
        If the file or the folder cannot be used.
    ModelMissing
        If plots are wanted and matplotlib is not installed; nothing has been measured then.
    """
    if out is not None and find_spec("matplotlib") is None:
        raise ModelMissing(what="matplotlib, which draws the plots of --out,", install=EXTRA)
    conversations = load(data, first=first)
    results = Results(identity(data, conversations=len(conversations), embedder=str(embedder.spec)))
    vectors = SharedVectors(embedder)
    if out is not None:
        results.load(out)
        vectors.load(out / VECTORS)
    systems = [ABLATION if ablate else MEMOS, *([] if ablate else [FLOORS]), *peers]
    rows = measure(conversations, systems, vectors, advance)
    moment = SystemClock().now().isoformat(timespec="seconds")
    results.update(rows, {system.name: circumstances(system.version(), moment) for system in systems})
    highest = ceiling(conversations, vectors)
    written = _written(results, vectors, highest, out) if out is not None else []
    return Report(results.identity, results.systems, results.all(), highest, written)


def _written(results: Results, vectors: SharedVectors, highest: Ceiling, out: Path) -> list[str]:
    from memos_bench.plots import draw

    results.save(out)
    vectors.save(out / VECTORS)
    return [str(out), RUN, f"{ROWS}/", VECTORS, *(path.name for path in draw(results.all(), highest, out))]


def _summed(rows: Sequence[Row]) -> dict[str, Any] | None:
    return asdict(summary(rows)) if rows else None
