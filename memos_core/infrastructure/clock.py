"""The wall clock: the one place that reads it."""

from __future__ import annotations

from datetime import datetime, timezone


class SystemClock:
    """The clock of this machine, in UTC."""

    def now(self) -> datetime:
        """The present moment."""
        return datetime.now(timezone.utc)
