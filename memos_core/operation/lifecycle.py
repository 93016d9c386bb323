"""The life of a cube: which trigger leads from which states to which, and how a memory fades. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple, Optional

from memos_core.cube.memcube import RECALLED, MemCube, State, Trigger
from memos_core.errors import InvalidInput, InvalidTransition


class Way(NamedTuple):
    """From which states a trigger leads where; ``None``: the cube stays in its state."""

    source: frozenset[State]
    target: Optional[State]


_PRESENT = frozenset({State.GENERATED, State.ACTIVATED})
_MERGED, _ARCHIVED, _FROZEN = (frozenset({state}) for state in (State.MERGED, State.ARCHIVED, State.FROZEN))

#: Everything that can happen to a cube, but for a change of content and erasure. Anything else is an error.
WAYS: Mapping[Trigger, Way] = {
    Trigger.USE: Way(frozenset({State.GENERATED}), State.ACTIVATED),
    Trigger.MERGE: Way(_PRESENT, State.MERGED),
    Trigger.FORGET: Way(_PRESENT | _MERGED, State.ARCHIVED),
    Trigger.COOL: Way(_PRESENT, State.ARCHIVED),
    Trigger.FALL: Way(_PRESENT | _MERGED, State.ARCHIVED),
    Trigger.SHAKE: Way(_PRESENT, None),
    Trigger.RISE: Way(_PRESENT | _ARCHIVED, State.ACTIVATED),
    Trigger.EXPIRE: Way(_PRESENT | _MERGED | _ARCHIVED, State.EXPIRED),
    Trigger.FREEZE: Way(_PRESENT, State.FROZEN),
    Trigger.THAW: Way(_FROZEN, State.ACTIVATED),
    Trigger.REVIVE: Way(_MERGED | _ARCHIVED, State.ACTIVATED),
    Trigger.HOLD: Way(frozenset({State.GENERATED}), State.ARCHIVED),
    Trigger.ACCEPT: Way(_ARCHIVED, State.GENERATED),
    Trigger.REJECT: Way(_ARCHIVED, State.ARCHIVED),
}

#: What may not be changed or erased: a frozen cube keeps all that it has, an expired one has nothing left to change.
FIXED = frozenset({State.FROZEN, State.EXPIRED})

#: How a trigger is said of a cube that cannot take it.
_SAID = {
    Trigger.USE: "activated",
    Trigger.MERGE: "merged",
    Trigger.FORGET: "forgotten",
    Trigger.COOL: "archived",
    Trigger.FALL: "withdrawn",
    Trigger.SHAKE: "marked as stale",
    Trigger.RISE: "reinstated",
    Trigger.EXPIRE: "expired",
    Trigger.FREEZE: "frozen",
    Trigger.THAW: "thawed",
    Trigger.REVIVE: "revived",
    Trigger.HOLD: "held back",
    Trigger.ACCEPT: "accepted",
    Trigger.REJECT: "rejected",
}

MINUTE = 60.0  # seconds; nothing is younger, for the age of what was just recalled would be its own infinity


def may(cube: MemCube, trigger: Trigger) -> bool:
    """Say whether the table has a way from the cube's state."""
    return cube.state in WAYS[trigger].source


def standings(cubes: Iterable[MemCube]) -> dict[str, tuple[str, bool]]:
    """What cubes say and whether they are open to change, by id: to see whether either has changed meanwhile."""
    return {cube.id: (cube.version, may(cube, Trigger.SHAKE)) for cube in cubes}


def moved(cube: MemCube, trigger: Trigger) -> State:
    """The state to which a trigger leads a cube.

    Raises
    ------
    InvalidTransition
        If the table has no such way.
    """
    way = WAYS[trigger]
    if not may(cube, trigger):
        raise InvalidTransition(cube_id=cube.id, state=cube.state.value, change=_SAID[trigger], way_out=_way_out(cube))
    return way.target or cube.state


def check_open_to(cube: MemCube, change: str) -> None:
    """Refuse to change what is fixed.

    Parameters
    ----------
    change
        What is to be done, e.g. ``"changed"``.

    Raises
    ------
    InvalidTransition
        If the cube is frozen or expired.
    """
    if cube.state in FIXED and not (cube.state is State.EXPIRED and change == "erased"):
        raise InvalidTransition(cube_id=cube.id, state=cube.state.value, change=change, way_out=_way_out(cube))


def _way_out(cube: MemCube) -> str:
    if cube.state is State.FROZEN:
        return "Thaw it first: memos.thaw(cube_id)."
    return "" if cube.state in RECALLED or cube.state is State.EXPIRED else "Revive it first: memos.revive(cube_id)."


def end_of(ttl: timedelta, *, now: datetime) -> datetime:
    """When what lasts so long from now expires.

    Raises
    ------
    InvalidInput
        If that is no time at all, or longer than the calendar.
    """
    if not isinstance(ttl, timedelta) or ttl <= timedelta(0):
        raise InvalidInput(detail=f"ttl must be a timedelta longer than nothing, and is {ttl!r}.")
    try:
        return now + ttl
    except OverflowError as error:
        raise InvalidInput(detail=f"ttl leads past the year 9999: {ttl}. Leave it out to keep a memory.") from error


def activation(cube: MemCube, now: datetime, *, decay: float) -> float:
    """How present a memory is: the base-level activation of ACT-R, plus its priority.

    Parameters
    ----------
    decay
        The exponent ``d`` by which a use fades with its age, between 0 and 1; 0.5 in the literature.

    Returns
    -------
    float
        The natural logarithm of the sum of ``age ** -d`` over all uses, with ages in days, plus one for each point of
        priority. Writing counts as a use. Unused for ``n`` days and ``d = 0.5``, it is ``-ln(n) / 2``.

    Notes
    -----
    A vault keeps how often and when last a cube was recalled. The uses between the first and the last are taken to be
    spread evenly, the approximation of Petrov with the last use exact.

    References
    ----------
    Anderson and Schooler, Reflections of the Environment in Memory, Psychological Science 2 (6), 1991.
    Petrov, Computationally Efficient Approximation of the Base-Level Learning Equation in ACT-R, ICCM 2006.
    """
    life = _days(cube.created_at, now)
    last = _days(cube.usage.last_access or cube.created_at, now)
    strength = last**-decay
    if cube.usage.count and life > last:
        between = (life ** (1 - decay) - last ** (1 - decay)) / ((1 - decay) * (life - last))
        strength += cube.usage.count * between
    elif cube.usage.count:
        strength += cube.usage.count * life**-decay
    return math.log(strength) + cube.governance.priority


def _days(since: datetime, now: datetime) -> float:
    return max(MINUTE, (now - since).total_seconds()) / 86_400
