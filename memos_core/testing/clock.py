"""A clock that stands still until it is told to move."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from memos_core.cube.message import aware

START = datetime(2024, 1, 1, 12, tzinfo=timezone.utc)


class ManualClock:
    """A clock for tests.

    Parameters
    ----------
    start
        The moment it shows until it is moved; aware.
    """

    def __init__(self, start: datetime = START) -> None:
        aware(start, "start")
        self._now = start

    def now(self) -> datetime:
        """The moment it shows."""
        return self._now

    def advance(self, step: timedelta) -> datetime:
        """Move it, back too, and return the moment it shows then."""
        self._now += step
        return self._now
