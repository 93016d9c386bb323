"""The fold: what a set of operations makes of a cube. Merging two vaults is set union and this, and no more.

The fold is a function of the *set*: order, repetition and detours of delivery cannot matter.

- Erasure absorbs everything, for ever.
- Content: a put replaces the puts it names as parents. Those that nobody replaced are the heads. Several
  heads are concurrent versions; all are kept, and one is shown by trust, then time, then actor, then id.
- State: the latest state operation that no other replaces. A removal (archived, merged, expired) holds only
  if it had seen every head: a put that it had not seen brings the cube back. So does the mark that a cube is stale.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from memos_core.cube.memcube import REMOVED, Content, MemCube, State, Trigger
from memos_core.cube.operation import Operation, OperationKind
from memos_core.errors import InvalidOperation

#: Fields of a cube that its operations add to a content. A content that set them would be read as theirs.
_RESERVED = frozenset(MemCube.model_fields) - frozenset(Content.model_fields)


def fold(operations: Iterable[Operation]) -> MemCube | None:
    """Compute the present cube from its operations.

    Parameters
    ----------
    operations
        Of one cube, in any order, repeated or incomplete.

    Returns
    -------
    MemCube or None
        ``None`` if the cube is erased, or if no content of it has arrived.

    Raises
    ------
    InvalidOperation
        If the operations belong to several cubes, or a body holds no content.
    """
    known = _of_one_cube(operations)
    contents = {op: content_of(op) for op in _heads(known, OperationKind.PUT) if op.body is not None}
    if not contents or is_erased(known):
        return None
    shown, *others = sorted(contents, key=lambda op: _precedence(op, contents[op]), reverse=True)
    return MemCube.model_validate(
        contents[shown].model_dump()
        | {
            "id": shown.cube,
            "version": shown.id,
            "parents": shown.parents,
            "conflicts": tuple(op.id for op in others),
            "state": (moved := _state(known, contents)).state,
            "moved_by": moved.trigger,
            "created_at": min(op.hlc for op in known if op.kind is OperationKind.PUT).datetime(),
            "updated_at": shown.hlc.datetime(),
        }
    )


def heads(operations: Iterable[Operation]) -> tuple[str, ...]:
    """Ids that the next operation on the cube must name as parents: what nobody has replaced, sorted."""
    known = _of_one_cube(operations)
    return tuple(sorted(op.id for kind in (OperationKind.PUT, OperationKind.STATE) for op in _heads(known, kind)))


def is_erased(operations: Iterable[Operation]) -> bool:
    """Say whether the cube is gone for ever."""
    return any(op.kind is OperationKind.ERASE for op in operations)


def content_of(put: Operation) -> Content:
    """Read the content that a put sets.

    Raises
    ------
    InvalidOperation
        If the body does not hold one.
    """
    value = put.value()
    if not _RESERVED.isdisjoint(value):
        raise InvalidOperation(detail=f"Operation {put.id} sets what only a fold may: {_RESERVED & value.keys()}.")
    try:
        return Content.model_validate(value)
    except ValueError as error:
        raise InvalidOperation(detail=f"Operation {put.id} holds no content: {error}") from error


class Move(NamedTuple):
    """The state that a cube was moved to, and what moved it."""

    state: State
    trigger: str | None = None

    @property
    def holds_for_later_puts(self) -> bool:
        """Whether it outlasts a put that it had not seen."""
        return self.state not in REMOVED and self.trigger != Trigger.SHAKE


def move_of(op: Operation) -> Move:
    """Read what a state operation sets.

    Raises
    ------
    InvalidOperation
        If the body names none.
    """
    try:
        state, trigger = State(op.value()["state"]), op.value().get("trigger")
    except (KeyError, ValueError) as error:
        raise InvalidOperation(detail=f"Operation {op.id} names no state: {error!r}") from error
    if trigger is not None and not isinstance(trigger, str):
        raise InvalidOperation(detail=f"Operation {op.id} has a trigger that is no text.")
    return Move(state, trigger)


def _of_one_cube(operations: Iterable[Operation]) -> list[Operation]:
    # The same operation may have come with its body and without; the body counts.
    known = list({op.id: op for op in sorted(operations, key=lambda op: op.body is not None)}.values())
    if len({op.cube for op in known}) > 1:
        raise InvalidOperation(detail="A fold takes the operations of one cube, and these belong to several.")
    return known


def _heads(operations: Sequence[Operation], kind: OperationKind) -> list[Operation]:
    alike = [op for op in operations if op.kind is kind]
    replaced = {parent for op in alike for parent in op.parents}
    return [op for op in alike if op.id not in replaced]


def _precedence(op: Operation, content: Content) -> tuple[object, ...]:
    return (content.governance.trust, op.hlc, op.actor, op.id)


def _state(operations: Sequence[Operation], shown: Iterable[Operation]) -> Move:
    content_heads = {op.id for op in shown}
    for op in sorted(_heads(operations, OperationKind.STATE), key=lambda op: (op.hlc, op.actor, op.id), reverse=True):
        if op.body is None:
            continue
        move = move_of(op)
        if move.holds_for_later_puts or content_heads <= set(op.parents):
            return move
    return Move(State.GENERATED)
