from __future__ import annotations

from datetime import datetime, timedelta, timezone
from itertools import product

import pytest
from pydantic import ValidationError

from memos_core.cube.interval import Granularity, Interval

ORIGIN = datetime(2023, 5, 1, tzinfo=timezone.utc)
LAST = 6


def moment(number: float) -> datetime:
    return ORIGIN + timedelta(hours=number)


def interval(start: int, end: int | None) -> Interval:
    return Interval(start=moment(start), end=None if end is None else moment(end))


# Every interval over five hours, instants and open ends included, with the moments it holds, to the half hour.
INTERVALS = [(start, end) for start in range(5) for end in (*range(start, 5), None)]
HALVES = [number / 2 for number in range(2 * LAST)]


def moments_of(start: int, end: int | None) -> set[float]:
    if start == end:
        return {start}
    return {number for number in HALVES if start <= number and (end is None or number < end)}


@pytest.mark.parametrize("ends", INTERVALS, ids=str)
def test_interval_contains_exactly_its_moments(ends: tuple[int, int | None]) -> None:
    assert {number for number in HALVES if interval(*ends).contains(moment(number))} == moments_of(*ends)


def test_intervals_overlap_exactly_when_they_share_a_moment() -> None:
    for one, other in product(INTERVALS, repeat=2):
        shared = not moments_of(*one).isdisjoint(moments_of(*other))
        assert interval(*one).overlaps(interval(*other)) == shared, (one, other)


def test_offsets_do_not_matter_to_overlap() -> None:
    east = timezone(timedelta(hours=9))
    same = Interval(start=moment(1).astimezone(east), end=moment(2).astimezone(east))
    assert same.overlaps(interval(1, 2))
    assert not same.overlaps(interval(2, 3))
    assert same.start.utcoffset() == timedelta(hours=9)


def test_instant_begins_and_ends_at_once() -> None:
    assert Interval.instant(moment(1)) == Interval(start=moment(1), end=moment(1), granularity=Granularity.INSTANT)


@pytest.mark.parametrize(
    ("granularity", "end", "shown"),
    [
        (Granularity.YEAR, None, "2023"),
        (Granularity.MONTH, None, "2023-05"),
        (Granularity.DAY, None, "2023-05-07"),
        (Granularity.HOUR, None, "2023-05-07T13:30"),
        (Granularity.INSTANT, None, "2023-05-07T13:30"),
        (Granularity.WEEK, timedelta(days=7), "2023-05-07..2023-05-14"),
        (Granularity.SPAN, timedelta(hours=10, minutes=30), "2023-05-07..2023-05-07"),
        (Granularity.SEASON, timedelta(days=92), "2023-05-07..2023-08-07"),
        (Granularity.SPAN, None, "2023-05-07.."),
    ],
)
def test_iso_form_is_as_exact_as_the_time(granularity: Granularity, end: timedelta | None, shown: str) -> None:
    start = datetime(2023, 5, 7, 13, 30, tzinfo=timezone.utc)
    when = Interval(start=start, end=None if end is None else start + end, granularity=granularity)
    assert when.iso() == shown


@pytest.mark.parametrize(
    "fields",
    [
        {"start": moment(2), "end": moment(1)},
        {"start": moment(1).replace(tzinfo=None)},
        {"start": moment(1), "end": moment(2).replace(tzinfo=None)},
        {"end": moment(1)},
        {"start": moment(1), "granularity": "fortnight"},
    ],
)
def test_what_is_no_interval_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Interval(**fields)  # type: ignore[arg-type]
