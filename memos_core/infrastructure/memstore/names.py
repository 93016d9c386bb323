"""Names that look like one another: what is typed by mistake, or chosen to be taken for another."""

from __future__ import annotations

import re
from collections.abc import Iterable

_LIKE = (("rn", "m"), ("vv", "w"), ("0", "o"), ("1", "l"), ("i", "l"), ("5", "s"), ("-", ""))
_SHORTEST = 4  # letters from which on one that differs may be a slip


def lookalikes(name: str, others: Iterable[str]) -> list[str]:
    """Names that could be taken for this one, sorted.

    Examples
    --------
    >>> lookalikes("doctor/cardio1ogy", ["doctor/cardiology", "doctor/neurology", "doctors/cardiology"])
    ['doctor/cardiology']
    """
    return sorted(other for other in others if other != name and _are_alike(name, other))


def _are_alike(one: str, other: str) -> bool:
    if _plain(one) == _plain(other):
        return True
    return min(len(one), len(other)) >= _SHORTEST and _is_one_slip(one, other)


def _plain(name: str) -> str:
    for seen, meant in _LIKE:
        name = re.sub(seen, meant, name)
    return name


def _is_one_slip(one: str, other: str) -> bool:
    """Whether a letter that is missing, too many, another, or swapped with the next makes one of the other."""
    if abs(len(one) - len(other)) > 1:
        return False
    pairs = enumerate(zip(one, other, strict=False))
    at = next((at for at, (mine, its) in pairs if mine != its), min(len(one), len(other)))
    left, right = one[at:], other[at:]
    swapped = left[1:2] + left[:1] + left[2:]
    return left[1:] == right[1:] or left[1:] == right or left == right[1:] or swapped == right
