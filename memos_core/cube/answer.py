"""What MemOS gives back."""

from __future__ import annotations

from memos_core.cube.frozen import Frozen
from memos_core.cube.memcube import MemCube


class Hit(Frozen):
    """One recalled memory.

    Attributes
    ----------
    score
        Higher is better; comparable within one search only.
    why
        The share of the score that each signal gave; the shares add up to the score.
    source_ids
        Ids of the messages or documents it rests on, best first.
    """

    cube: MemCube
    score: float
    why: dict[str, float]
    source_ids: tuple[str, ...]


class Context(Frozen):
    """Recalled memories as text for a model.

    Attributes
    ----------
    tokens
        Length of ``text`` by the embedder's tokenizer, or by a cautious estimate without one.
    hits
        The memories in it, best first. The text has them in the order of their time.
    left_out
        How many of the hits did not fit into the budget.
    """

    text: str
    hits: tuple[Hit, ...]
    tokens: int
    left_out: int = 0


class Added(Frozen):
    """What ``add`` did.

    Attributes
    ----------
    written
        New cubes, and new versions of cubes.
    unchanged
        Cubes that held the same content already; nothing was written for them.
    superseded
        Versions that the written ones replaced.
    conflicts
        Versions that contradict what was written and have no order to it.
    """

    written: tuple[MemCube, ...]
    unchanged: tuple[MemCube, ...] = ()
    superseded: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids of the written and unchanged cubes."""
        return tuple(cube.id for cube in (*self.written, *self.unchanged))
