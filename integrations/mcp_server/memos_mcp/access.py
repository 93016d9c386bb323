"""What one caller may reach: a memory, a namespace of it, and short names for what is there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from memos_core import MemCube, MemOS, State
from memos_core.cube.namespace import Namespace, covers
from memos_core.errors import CubeNotFound, InvalidInput

LENGTHS = (13, 18, 23)  # of the parts of a UUID: the first tells a millisecond, the next two what was made within it
SHORTEST = 8  # characters of an id that are taken for one
Progress = Callable[[int, int], None]


def silent(done: int, total: int) -> None:
    """Report nothing."""


@dataclass(frozen=True)
class Access:
    """A memory as one caller may use it.

    Attributes
    ----------
    memos
        Of a principal, where one is known.
    namespace
        The only one that the caller can see, with those below it.
    progress
        Told how far a long call has come.
    """

    memos: MemOS
    namespace: Namespace
    progress: Progress = silent

    def find(self, memory_id: str) -> MemCube:
        """The memory that an id, or the beginning of one, means.

        Raises
        ------
        CubeNotFound
            If none of this namespace is meant.
        InvalidInput
            If several are.
        """
        given = memory_id.strip().lower()
        if len(given) < SHORTEST or not set(given) <= set("0123456789abcdef-") or len(given) > 36:
            raise CubeNotFound(cube_id=memory_id)
        found = self._beginning(given, limit=4)
        if len(found) > 1:
            some = ", ".join(cube.id for cube in found)
            raise InvalidInput(
                detail=f"{memory_id} is the beginning of several ids: {some}. Give more of the one meant."
            )
        if not found:
            raise CubeNotFound(cube_id=memory_id)
        return found[0]

    def short(self, cube_id: str) -> str:
        """The beginning of an id that means it alone, here and now."""
        alone = (cube_id[:length] for length in LENGTHS if len(self._beginning(cube_id[:length], limit=2)) == 1)
        return next(alone, cube_id)

    def place(self, cube: MemCube) -> str:
        """Its namespace, below the one of this caller; empty if it is the same."""
        return "/".join(cube.namespace[len(self.namespace) :])

    def holds(self, cube: MemCube) -> bool:
        """Say whether a memory lies in this namespace."""
        return covers(self.namespace, cube.namespace)

    def _beginning(self, prefix: str, *, limit: int) -> list[MemCube]:
        return self.memos.list(namespace=self.namespace, id_prefix=prefix, limit=limit, states=list(State))
