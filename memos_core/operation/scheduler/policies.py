"""Policies: named functions by which memories are kept in a small place, as pages are in a cache. Pure.

The names are the field's: least recently used, least frequently used, semantic nearness to the present topic, label
and priority; a budget ends the list. Where several are named, the first decides, and the next where it does not.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from memos_core.cube.memcube import MemCube
from memos_core.errors import InvalidInput


@dataclass(frozen=True)
class View:
    """What policies look at beside the memory itself.

    Attributes
    ----------
    nearness
        To the present topic, by id; what is not in it is far.
    labels
        Tags that are wanted.
    """

    nearness: Mapping[str, float] = field(default_factory=dict)
    labels: Collection[str] = ()


Policy = Callable[[MemCube, View], float]


#: What keeps a memory: the higher, the longer.
POLICIES: Mapping[str, Policy] = {
    "lru": lambda cube, _: (cube.usage.last_access or cube.created_at).timestamp(),
    "lfu": lambda cube, _: cube.usage.count,
    "nearness": lambda cube, view: view.nearness.get(cube.id, 0.0),
    "label": lambda cube, view: len(set(cube.tags).intersection(view.labels)),
    "priority": lambda cube, _: cube.governance.priority,
}


def check_known(names: Iterable[str]) -> None:
    """Refuse names of policies that there are not.

    Raises
    ------
    InvalidInput
        For the first.
    """
    if unknown := [name for name in names if name not in POLICIES]:
        raise InvalidInput(detail=f"There is no policy {unknown[0]!r}; known are {', '.join(POLICIES)}.")


def kept(
    cubes: Iterable[MemCube],
    *,
    by: Sequence[str],
    view: View | None = None,
    most: int | None = None,
    budget: int | None = None,
    cost: Callable[[MemCube], int] = lambda _: 1,
) -> list[MemCube]:
    """Choose what stays in a place of limited size, the foremost first.

    Parameters
    ----------
    cubes
        Of those that all policies hold equal, the first given comes first.
    by
        Names of policies.
    most
        At most so many.
    budget, cost
        What they may cost together, and what each does. What does not fit is passed over for what does.

    Raises
    ------
    InvalidInput
        If there is no policy of a name.
    """
    check_known(by)
    seen = view or View()
    unique = {cube.id: cube for cube in cubes}.values()
    ranked = sorted(unique, key=lambda cube: [-POLICIES[name](cube, seen) for name in by])
    chosen: list[MemCube] = []
    left = budget
    for cube in ranked:
        price = 0 if left is None else cost(cube)
        if (most is None or len(chosen) < most) and (left is None or price <= left):
            chosen.append(cube)
            left = None if left is None else left - price
    return chosen
