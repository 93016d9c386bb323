"""Hybrid logical time: ordered like causality, close to the wall clock."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import NamedTuple

from memos_core.errors import InvalidOperation

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
COUNTER_BITS = 16
MAX_WALL = (1 << 47) - 1  # milliseconds, so that the packed form stays a positive 64-bit integer
MAX_SKEW = timedelta(minutes=5)


class Timestamp(NamedTuple):
    """A hybrid logical timestamp; tuples compare as the times do.

    Attributes
    ----------
    wall
        Milliseconds since 1970 UTC.
    counter
        Orders events within one millisecond, 0 to 65,535.
    """

    wall: int
    counter: int = 0

    def pack(self) -> int:
        """The timestamp as one positive 64-bit integer with the same order."""
        return self.wall << COUNTER_BITS | self.counter

    @classmethod
    def unpack(cls, packed: int) -> Timestamp:
        """The inverse of :meth:`pack`."""
        return cls(packed >> COUNTER_BITS, packed & ((1 << COUNTER_BITS) - 1))

    @classmethod
    def parse(cls, text: str) -> Timestamp:
        """Read what ``str`` wrote: 16 hexadecimal digits.

        Raises
        ------
        InvalidOperation
            For any other text.
        """
        if len(text) != 16 or text.strip("0123456789abcdef") or int(text, 16) >> 63:
            raise InvalidOperation(detail=f"{text!r} is not a hybrid logical timestamp.")
        return cls.unpack(int(text, 16))

    @classmethod
    def last_of(cls, moment: datetime) -> Timestamp:
        """The latest timestamp that is not after ``moment``."""
        return cls(milliseconds(moment), (1 << COUNTER_BITS) - 1)

    def datetime(self) -> datetime:
        """The wall-clock part, in UTC."""
        return EPOCH + timedelta(milliseconds=self.wall)

    def __str__(self) -> str:
        return f"{self.pack():016x}"


def milliseconds(moment: datetime) -> int:
    """Whole milliseconds since 1970 UTC."""
    return (moment - EPOCH) // timedelta(milliseconds=1)


class HybridClock:
    """Issues timestamps that always grow and that follow every timestamp observed.

    Parameters
    ----------
    now
        The wall clock: returns an aware datetime.
    max_skew
        How far a foreign timestamp may drag this clock ahead of the wall clock. Timestamps further ahead
        are not followed, so that one wrong clock cannot push all others into the future.

    Notes
    -----
    Thread-safe.

    References
    ----------
    Kulkarni et al., Logical Physical Clocks, OPODIS 2014.
    """

    def __init__(self, now: Callable[[], datetime], *, max_skew: timedelta = MAX_SKEW) -> None:
        self._now = now
        self._max_skew = max_skew // timedelta(milliseconds=1)
        self._last = Timestamp(0)
        self._lock = threading.Lock()

    def tick(self) -> Timestamp:
        """Issue the next timestamp."""
        with self._lock:
            wall = milliseconds(self._now())
            self._last = Timestamp(wall) if wall > self._last.wall else _successor(self._last)
            return self._last

    def observe(self, seen: Timestamp) -> None:
        """Make later timestamps greater than ``seen``, unless it lies too far in the future."""
        with self._lock:
            if seen.wall <= milliseconds(self._now()) + self._max_skew:
                self._last = max(self._last, seen)

    def moment(self) -> datetime:
        """The present moment by the wall clock, but none before what was observed: two who know the same agree on it.

        Else one whose clock is behind would undo what the other has worked out, and so on until its clock has come up.
        """
        with self._lock:
            return max(self._now(), self._last.datetime() + timedelta(milliseconds=1))


def _successor(stamp: Timestamp) -> Timestamp:
    return Timestamp.unpack(stamp.pack() + 1)
