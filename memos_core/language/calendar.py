"""Intervals of the calendar, in the offset of a given moment."""

from __future__ import annotations

from datetime import datetime, timedelta

from dateutil.relativedelta import relativedelta

from memos_core.cube.interval import Granularity, Interval

DAY = timedelta(days=1)
#: First month of each meteorological season of the northern hemisphere; winter begins in December.
SEASONS = {"spring": 3, "summer": 6, "autumn": 9, "fall": 9, "winter": 12}


def midnight(moment: datetime) -> datetime:
    """The start of its day."""
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def shifted(moment: datetime, **units: int) -> datetime:
    """Move by calendar units (``days``, ``weeks``, ``months``, ``years``); the last day of a month stays in it.

    Raises
    ------
    ValueError, OverflowError
        If that leaves the years 1 to 9999.
    """
    return moment + relativedelta(**units)  # type: ignore[arg-type]  # its stubs do not take a mapping


def day(moment: datetime) -> Interval:
    """Its day."""
    start = midnight(moment)
    return Interval(start=start, end=start + DAY, granularity=Granularity.DAY)


def hours(moment: datetime, first: int, last: int) -> Interval:
    """A part of its day, from hour ``first`` to before hour ``last`` (up to 30 for the night)."""
    start = midnight(moment)
    return Interval(
        start=start + timedelta(hours=first), end=start + timedelta(hours=last), granularity=Granularity.DAY
    )


def week(moment: datetime) -> Interval:
    """Its week, Monday to Sunday as ISO 8601 has it."""
    start = midnight(moment) - timedelta(days=moment.weekday())
    return Interval(start=start, end=start + 7 * DAY, granularity=Granularity.WEEK)


def weekend(moment: datetime) -> Interval:
    """Saturday and Sunday of its week."""
    end = week(moment).start + 7 * DAY
    return Interval(start=end - 2 * DAY, end=end, granularity=Granularity.SPAN)


def month(moment: datetime) -> Interval:
    """Its month."""
    start = midnight(moment).replace(day=1)
    return Interval(start=start, end=shifted(start, months=1), granularity=Granularity.MONTH)


def quarter(moment: datetime) -> Interval:
    """Its quarter of the year."""
    start = midnight(moment).replace(month=(moment.month - 1) // 3 * 3 + 1, day=1)
    return Interval(start=start, end=shifted(start, months=3), granularity=Granularity.SPAN)


def year(moment: datetime) -> Interval:
    """Its year."""
    start = midnight(moment).replace(month=1, day=1)
    return Interval(start=start, end=shifted(start, years=1), granularity=Granularity.YEAR)


def season(name: str, moment: datetime) -> Interval:
    """The season that begins in its year."""
    start = midnight(moment).replace(month=SEASONS[name], day=1)
    return Interval(start=start, end=shifted(start, months=3), granularity=Granularity.SEASON)


def third(whole: Interval, which: str) -> Interval:
    """The early, middle or late third of an interval that ends."""
    end = whole.end or whole.start
    length = (end - whole.start) / 3
    index = {"early": 0, "mid": 1, "middle": 1, "late": 2, "beginning": 0, "end": 2, "start": 0}[which]
    first = midnight(whole.start + index * length)
    last = end if index == 2 else midnight(whole.start + (index + 1) * length)
    return Interval(start=first, end=last, granularity=Granularity.SPAN)
