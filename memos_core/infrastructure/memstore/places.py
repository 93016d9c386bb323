"""Where installed packages lie in a vault: nobody writes there, and what is not licensed any more is not recalled."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from memos_core.cube.grant import Right
from memos_core.cube.memcube import MemCube
from memos_core.cube.namespace import Namespace, covers
from memos_core.cube.operation import Operation, OperationKind
from memos_core.cube.selection import Selection
from memos_core.errors import ReadOnly
from memos_core.ports import Batch, Vault

if TYPE_CHECKING:
    from memos_core.cube.listing import Installed

INSTALLED = "installed packages"  # names of notes: the packages, by namespace
SEEN = "licences checked at"


class Places:
    """The packages that are installed in a vault, by where they lie."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._parsed: tuple[str | None, dict[Namespace, Installed]] = (None, {})

    def __bool__(self) -> bool:
        return bool(self.all())

    def all(self) -> Mapping[Namespace, Installed]:
        """All of them. Without any, nothing is loaded that they need."""
        text = self._vault.noted(INSTALLED)
        if text != self._parsed[0]:
            self._parsed = (text, _parsed(text))
        return self._parsed[1]

    def holding(self, namespace: Namespace) -> Installed | None:
        """The package that a namespace belongs to."""
        return next((each for place, each in self.all().items() if covers(place, namespace)), None)

    def recalled(self, selection: Selection, now: datetime) -> Selection:
        """A selection without what is not licensed any more. A clock that was set back prolongs no licence."""
        if not self:
            return selection
        at = max(now, self.seen() or now)
        closed = {place for place, each in self.all().items() if each.why_not(at) is not None}
        return selection.model_copy(update={"without": selection.without | closed})

    def withheld(self) -> frozenset[Namespace]:
        """What may not go into packages of one's own."""
        return frozenset(place for place, each in self.all().items() if not each.may_leave)

    def brought(self, operations: Sequence[Operation]) -> set[str]:
        """The cubes among these that packages brought, which stay in the vault that they are installed in."""
        if not self:
            return set()
        cubes = self._vault.get([*dict.fromkeys(operation.cube for operation in operations)])
        return {cube.id for cube in cubes if self.holding(cube.namespace) is not None}

    def seen(self) -> datetime | None:
        """The latest moment at which licences were checked."""
        text = self._vault.noted(SEEN)
        return datetime.fromisoformat(text) if text else None

    def check(self, batch: Batch, present: Mapping[str, MemCube], *, principal: str) -> None:
        """Refuse contents of packages, or in place of them. Memories there can be forgotten and erased by who may.

        Parameters
        ----------
        present
            The cubes that the batch is about, as they are.

        Raises
        ------
        ReadOnly
            For the first.
        """
        for operation in batch.operations if self else ():
            if operation.kind is not OperationKind.PUT or operation.body is None:
                continue
            cube = present.get(operation.cube)
            for namespace in (tuple(operation.value()["namespace"]), *((cube.namespace,) if cube else ())):
                if self.holding(namespace) is not None:
                    where = "/".join(namespace)
                    raise ReadOnly(principal=principal, right=Right.WRITE.value, namespace=where)


def _parsed(text: str | None) -> dict[Namespace, Installed]:
    if not text:
        return {}
    from memos_core.cube.listing import Installed

    held = map(Installed.model_validate, json.loads(text).values())
    return {each.namespace: each for each in held}
