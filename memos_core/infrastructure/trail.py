"""The trail: who did, read and was refused what. Reads are gathered in memory and recorded now and then."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress

from memos_core.cube.audit import OWNER, AuditEntry
from memos_core.cube.memcube import MemCube
from memos_core.cube.namespace import Namespace
from memos_core.cube.operation import Operation, OperationKind
from memos_core.errors import VaultBusy, VaultFull
from memos_core.ports import Clock, Vault

CUBES = 500  # of one entry, at most
WAITING = 64  # entries that may wait to be recorded


class Trail:
    """Entries of the audit log in one principal's name. Thread-safe."""

    def __init__(self, vault: Vault, *, principal: str | None, clock: Clock) -> None:
        self._vault = vault
        self._principal = principal or OWNER
        self._clock = clock
        self._waiting: list[AuditEntry] = []
        self._lock = threading.Lock()
        self._depth = threading.local()  # of transactions: what is recorded inside one may be rolled back

    def entry(self, action: str, namespace: Namespace, cubes: Iterable[str] = (), *, detail: str = "") -> AuditEntry:
        """An entry that is not recorded yet."""
        return AuditEntry(
            at=self._clock.now(),
            principal=self._principal,
            action=action,
            namespace=namespace,
            cubes=tuple(dict.fromkeys(cubes)),
            detail=detail,
        )

    def changes(self, operations: Iterable[Operation], present: Mapping[str, MemCube]) -> list[AuditEntry]:
        """Entries of what operations do: one for each action and namespace, and each so many cubes.

        Parameters
        ----------
        present
            The cubes that they are about, as they are.
        """
        done: dict[tuple[str, Namespace], dict[str, None]] = defaultdict(dict)
        places = {name: cube.namespace for name, cube in present.items()}
        for operation in operations:
            if operation.kind is OperationKind.PUT and operation.body is not None:
                places[operation.cube] = tuple(operation.value()["namespace"])
            done[action_of(operation), places.get(operation.cube, ())][operation.cube] = None
        return [
            self.entry(action, namespace, cubes[start : start + CUBES])
            for (action, namespace), cubes in ((key, tuple(named)) for key, named in done.items())
            for start in range(0, len(cubes), CUBES)
        ]

    def add(self, action: str, namespace: Namespace, cubes: Iterable[str] = (), *, detail: str = "") -> None:
        """Record something later, but not twice in a row."""
        with self._lock:
            last = self._waiting[-1] if self._waiting else None
            entry = self.entry(action, namespace, cubes, detail=detail)
            if last is None or not _repeats(entry, last):
                self._waiting.append(entry)
            is_due = len(self._waiting) >= WAITING and not self._depth.__dict__.get("held")
        if is_due:
            with suppress(VaultBusy, VaultFull):
                self.flush()

    def flush(self) -> None:
        """Record what waits; if that fails it still waits."""
        with self._lock:
            waiting, self._waiting = self._waiting, []
        try:
            self._vault.record(waiting)
        except (VaultBusy, VaultFull):
            with self._lock:
                self._waiting = [*waiting, *self._waiting]
            raise

    @contextmanager
    def held(self) -> Iterator[None]:
        """Record nothing while this thread is in a transaction."""
        depth = self._depth.__dict__.get("held", 0)
        self._depth.held = depth + 1
        try:
            yield
        finally:
            self._depth.held = depth


def action_of(operation: Operation) -> str:
    """What an operation does, as the log calls it."""
    if operation.kind is OperationKind.PUT:
        return "update" if operation.parents else "add"
    if operation.kind is OperationKind.ERASE or operation.body is None:
        return str(operation.kind.value)
    return str(operation.value().get("trigger", "state"))


def _repeats(entry: AuditEntry, last: AuditEntry) -> bool:
    """One call may read a memory several times over."""
    return (entry.action, entry.namespace, entry.detail) == (last.action, last.namespace, last.detail) and set(
        last.cubes
    ).issuperset(entry.cubes)
