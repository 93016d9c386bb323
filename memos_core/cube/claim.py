"""Claims: what a cube says, in a form that can be compared without a model."""

from __future__ import annotations

from memos_core.cube.frozen import Frozen
from memos_core.cube.interval import Interval


class Claim(Frozen):
    """Subject, predicate and object.

    Attributes
    ----------
    single_valued
        A new object replaces the old one ("lives in"); otherwise objects gather ("likes").
    negated
        The claim says that it is *not* so.
    when
        Valid time, where something is said of it; otherwise that of its cube.
    text
        The words that say so.
    """

    subject: str
    predicate: str
    object: str
    single_valued: bool = False
    negated: bool = False
    when: Interval | None = None
    text: str | None = None
