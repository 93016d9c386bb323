"""What a cube shows from when to when: the fold at every moment, computed in one pass over its operations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import NamedTuple, Optional

from memos_core.cube.memcube import REMOVED, State, Trigger
from memos_core.cube.operation import OperationKind

FOREVER = (1 << 63) - 1


class Step(NamedTuple):
    """What the timeline needs of an operation.

    Attributes
    ----------
    seq
        Its number in the vault.
    trust
        Of the content put; ``None`` for other kinds and without a body.
    state
        Moved to; ``None`` for other kinds and without a body.
    trigger
        What moved it there.
    """

    seq: int
    id: str
    kind: OperationKind
    hlc: int
    actor: str
    parents: tuple[str, ...]
    trust: int | None = None
    state: State | None = None
    trigger: str | None = None


class Shown(NamedTuple):
    """What a cube shows, from ``known_from`` to ``known_to``, both inclusive.

    Attributes
    ----------
    put
        Number of the operation whose content is shown.
    conflicts
        Ids of the concurrent ones, in the order in which they would be shown.
    """

    known_from: int
    known_to: int
    put: int
    state: State
    trigger: str | None
    conflicts: tuple[str, ...]


def timeline(steps: Iterable[Step]) -> list[Shown]:
    """Fold the operations of one cube at every time at which one of them was learnt.

    Erasure leaves nothing. Times at which nothing is shown are left out.
    """
    ordered = sorted(steps, key=lambda step: step.hlc)
    if any(step.kind is OperationKind.ERASE for step in ordered):
        return []
    found: list[Shown] = []
    for known_from, now in _changes(ordered):
        if found and found[-1].known_to == FOREVER:
            found[-1] = found[-1]._replace(known_to=known_from - 1)
        if now is not None:
            found.append(Shown(known_from, FOREVER, *now))
    return found


_View = tuple[int, State, Optional[str], tuple[str, ...]]


def _changes(ordered: list[Step]) -> Iterator[tuple[int, _View | None]]:
    puts, moves = _Heads(), _Heads()
    last: _View | None = None
    for hlc, together in groupby(ordered, key=lambda step: step.hlc):
        for step in together:
            (puts if step.kind is OperationKind.PUT else moves).add(step)
        now = _view(puts, moves)
        if now != last:
            yield hlc, now
        last = now


class _Heads:
    """Operations of one kind that no other of the kind replaces."""

    def __init__(self) -> None:
        self.known: dict[str, Step] = {}
        self._replaced: set[str] = set()

    def add(self, step: Step) -> None:
        self._replaced.update(step.parents)
        for parent in step.parents:
            self.known.pop(parent, None)
        if step.id not in self._replaced:
            self.known[step.id] = step


def _view(puts: _Heads, moves: _Heads) -> _View | None:
    contents = [
        (step.trust, step.hlc, step.actor, step.id, step) for step in puts.known.values() if step.trust is not None
    ]
    if not contents:
        return None
    shown, *others = (step for *_, step in sorted(contents, reverse=True))
    state, trigger = _move(moves, {step.id for *_, step in contents})
    return shown.seq, state, trigger, tuple(step.id for step in others)


def _move(moves: _Heads, heads: set[str]) -> tuple[State, str | None]:
    for step in sorted(moves.known.values(), key=lambda step: (step.hlc, step.actor, step.id), reverse=True):
        lasts = step.state not in REMOVED and step.trigger != Trigger.SHAKE
        if step.state is not None and (lasts or heads.issubset(step.parents)):
            return step.state, step.trigger
    return State.GENERATED, None
