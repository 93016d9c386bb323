"""Intervals of time: when something was true, and as exactly as it is known."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import Enum

from pydantic import AwareDatetime, model_validator
from typing_extensions import Self

from memos_core.cube.frozen import Frozen


class Granularity(str, Enum):
    """How exactly a time is known."""

    INSTANT = "instant"
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    SEASON = "season"
    YEAR = "year"
    SPAN = "span"


class Interval(Frozen):
    """A half-open stretch of time ``[start, end)``; an instant has ``start == end``.

    Attributes
    ----------
    start
        Aware; its own offset is kept, for "yesterday" is a day of the speaker's calendar.
    end
        Aware, exclusive; ``None`` means that it still holds.
    granularity
        How exactly the time was given; it decides how the interval is shown.
    """

    start: AwareDatetime
    end: AwareDatetime | None = None
    granularity: Granularity = Granularity.SPAN

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.end is not None and self.end < self.start:
            raise ValueError(f"an interval cannot end ({self.end}) before it starts ({self.start})")
        return self

    @classmethod
    def instant(cls, at: datetime) -> Interval:
        """The interval of a single moment."""
        return cls(start=at, end=at, granularity=Granularity.INSTANT)

    def contains(self, moment: datetime) -> bool:
        """Say whether ``moment`` lies inside; an instant contains itself."""
        if self.start == self.end:
            return moment == self.start
        return self.start <= moment and (self.end is None or moment < self.end)

    def overlaps(self, other: Interval) -> bool:
        """Say whether the two share a moment; an instant on a start counts, on an end it does not."""
        return self._starts_before_end_of(other) and other._starts_before_end_of(self)

    def _starts_before_end_of(self, other: Interval) -> bool:
        if other.end is None or self.start < other.end:
            return True
        return self.start == other.start == other.end

    def iso(self) -> str:
        """Show the interval in ISO form, as exactly as it is known.

        Examples
        --------
        >>> from datetime import timezone
        >>> day = datetime(2023, 5, 7, tzinfo=timezone.utc)
        >>> Interval(start=day, end=day + timedelta(days=1), granularity=Granularity.DAY).iso()
        '2023-05-07'
        """
        match self.granularity:
            case Granularity.YEAR:
                return f"{self.start:%Y}"
            case Granularity.MONTH:
                return f"{self.start:%Y-%m}"
            case Granularity.DAY:
                return f"{self.start:%Y-%m-%d}"
            case Granularity.HOUR | Granularity.INSTANT:
                return f"{self.start:%Y-%m-%dT%H:%M}"
            case _:
                last = "" if self.end is None else f"{self.end - timedelta(microseconds=1):%Y-%m-%d}"
                return f"{self.start:%Y-%m-%d}..{last}"
