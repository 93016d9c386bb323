"""Points of time as the whole numbers that the SQLite vault stores and compares."""

from __future__ import annotations

from datetime import datetime, timedelta

from memos_core.cube.clock import EPOCH, Timestamp
from memos_core.infrastructure.vault.timeline import FOREVER


def microseconds(moment: datetime) -> int:
    """Whole microseconds since 1970 UTC: exact for every datetime there is."""
    return (moment - EPOCH) // timedelta(microseconds=1)


def from_microseconds(count: int) -> datetime:
    """The moment, in UTC."""
    return EPOCH + timedelta(microseconds=count)


def horizon(known_at: datetime | None) -> int:
    """The last packed timestamp that was known then; for ever, if no time is given."""
    return FOREVER if known_at is None else min(FOREVER, Timestamp.last_of(known_at).pack())
