"""Living: how long memories last, and what must not change."""

from __future__ import annotations

from datetime import datetime, timedelta

from memos_core.cube.memcube import MemCube, Trigger
from memos_core.cube.message import aware
from memos_core.errors import InvalidInput
from memos_core.operation.lifecycle import end_of
from memos_core.system.writing import Writing


class Living(Writing):
    """The part of :class:`memos_core.MemOS` that rules the life of cubes; ``docs/LIFECYCLE.md`` shows it."""

    def freeze(self, cube_id: str, *, reason: str = "frozen on request") -> MemCube:
        """Keep a cube as it is: it cannot be changed, forgotten or erased until it is thawed, and never expires."""
        with self.transaction():
            if self.get(cube_id).governance.expires_at is not None:
                self.set_lifespan(cube_id)
            return self._let(cube_id, Trigger.FREEZE, reason)

    def thaw(self, cube_id: str, *, reason: str = "thawed on request") -> MemCube:
        """Let a frozen cube change again."""
        return self._let(cube_id, Trigger.THAW, reason)

    def revive(self, cube_id: str, *, reason: str = "revived on request") -> MemCube:
        """Bring back a cube that was archived or merged."""
        return self._let(cube_id, Trigger.REVIVE, reason)

    def expire(self, cube_id: str, *, reason: str = "expired on request") -> MemCube:
        """End the life of a cube: it leaves every index for good, and its record and history stay."""
        return self._let(cube_id, Trigger.EXPIRE, reason)

    def set_lifespan(
        self,
        cube_id: str,
        *,
        until: datetime | None = None,
        ttl: timedelta | None = None,
        decay: float | None = None,
        priority: int | None = None,
    ) -> MemCube:
        """Say how long a cube is to last; without a word, for ever. A priority alone leaves how long it lasts.

        Parameters
        ----------
        until, ttl
            It expires then, or after so long from now.
        decay
            It is archived when it has faded: the exponent of ACT-R, between 0 and 1, usually 0.5. See
            :func:`memos_core.operation.lifecycle.activation`.
        priority
            The higher, the longer it is kept: a point counts as much as being recalled e times as often.

        Raises
        ------
        InvalidInput
            If a number is out of range, or both ``until`` and ``ttl`` are given.
        """
        if until is not None and ttl is not None:
            raise InvalidInput(detail="until and ttl both say when the cube expires; give one of them.")
        if decay is not None and not 0 < decay < 1:
            raise InvalidInput(detail=f"decay must lie between 0 and 1, and is {decay!r}.")
        ends = aware(until, "until") if ttl is None else end_of(ttl, now=self._clock.now())
        with self._lock:
            cube = self.get(cube_id)
            is_about_priority = priority is not None and ends is None and decay is None
            lifespan = {} if is_about_priority else {"expires_at": ends, "decay": decay}
            kept = {} if priority is None else {"priority": priority}
            return self._put(cube, cube.content().governed(**lifespan, **kept))

    def _let(self, cube_id: str, trigger: Trigger, reason: str) -> MemCube:
        with self.transaction():
            return self._move(self.get(cube_id), trigger, reason)
