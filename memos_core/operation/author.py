"""The author: writes operations under one actor id and one hybrid clock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from memos_core.cube.clock import HybridClock
from memos_core.cube.identity import new_id
from memos_core.cube.memcube import Content, State, Trigger
from memos_core.cube.operation import Operation, OperationKind


class Author:
    """Signs operations with an actor and ever-growing timestamps.

    Parameters
    ----------
    actor
        The vault's own random name.
    clock
        Must have observed every timestamp in the vault.
    """

    def __init__(self, actor: str, clock: HybridClock) -> None:
        self.actor = actor
        self.clock = clock

    def new_id(self) -> str:
        """An id for a cube that is about to be written."""
        return new_id(self.clock.tick())

    def put(self, cube: str, content: Content, *, parents: Iterable[str] = ()) -> Operation:
        """Set the content of a cube, replacing the operations named."""
        return self._write(cube, OperationKind.PUT, parents, content.model_dump(mode="json"))

    def move(
        self, cube: str, state: State, *, parents: Iterable[str], reason: str, trigger: str | None = None
    ) -> Operation:
        """Move a cube to a state of its life cycle."""
        cause = trigger.value if isinstance(trigger, Trigger) else trigger
        body = {"state": state.value, "reason": reason} | ({} if cause is None else {"trigger": cause})
        return self._write(cube, OperationKind.STATE, parents, body)

    def erase(self, cube: str, *, parents: Iterable[str], reason: str) -> Operation:
        """Erase a cube for ever."""
        return self._write(cube, OperationKind.ERASE, parents, {"reason": reason})

    def _write(self, cube: str, kind: OperationKind, parents: Iterable[str], body: Mapping[str, object]) -> Operation:
        return Operation.create(
            cube=cube, kind=kind, hlc=self.clock.tick(), actor=self.actor, parents=parents, body=body
        )
