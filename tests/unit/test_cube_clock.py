from __future__ import annotations

import threading
from datetime import datetime, timedelta, timezone

import pytest

from memos_core.cube.clock import EPOCH, MAX_SKEW, MAX_WALL, HybridClock, Timestamp, milliseconds
from memos_core.errors import InvalidOperation
from memos_core.testing.clock import ManualClock

MILLISECOND = timedelta(milliseconds=1)
EDGES = [Timestamp(wall, counter) for wall in (0, 1, 2**32, MAX_WALL) for counter in (0, 1, 65_535)]


def test_packed_timestamps_keep_their_order_and_come_back() -> None:
    packed = [stamp.pack() for stamp in EDGES]
    assert packed == sorted(packed)
    assert [str(stamp) for stamp in EDGES] == sorted(str(stamp) for stamp in EDGES)
    assert max(packed) < 2**63
    for stamp in EDGES:
        assert Timestamp.unpack(stamp.pack()) == stamp
        assert Timestamp.parse(str(stamp)) == stamp


@pytest.mark.parametrize(
    "text",
    ["", "0", "0" * 15, "0" * 17, "8" + "0" * 15, "f" * 16, "A" * 16, "00000000 0000000", "-000000000000001", "0x00000000000001",
     "0000_0000_000000", "g" * 16, "0000000g00000000", "\u0660" * 16],
)  # fmt: skip
def test_text_that_is_no_timestamp_is_refused(text: str) -> None:
    with pytest.raises(InvalidOperation):
        Timestamp.parse(text)


def test_last_of_a_moment_covers_all_of_its_millisecond() -> None:
    moment = datetime(2024, 1, 1, microsecond=1999, tzinfo=timezone.utc)
    last = Timestamp.last_of(moment)
    assert Timestamp(milliseconds(moment), 65_535) == last
    assert Timestamp(milliseconds(moment) + 1) > last
    assert last.datetime() == moment.replace(microsecond=1000)


def test_milliseconds_are_rounded_down_before_1970_too() -> None:
    assert milliseconds(EPOCH) == 0
    assert milliseconds(EPOCH + timedelta(microseconds=1999)) == 1
    assert milliseconds(EPOCH - timedelta(microseconds=1)) == -1


def test_timestamps_grow_while_the_wall_clock_stands_or_goes_back() -> None:
    wall = ManualClock()
    clock = HybridClock(wall.now)
    issued = [clock.tick(), clock.tick()]
    wall.advance(-timedelta(days=400))
    issued.append(clock.tick())
    wall.advance(timedelta(days=401))
    issued.append(clock.tick())
    assert issued == sorted(set(issued))
    assert [stamp.counter for stamp in issued] == [0, 1, 2, 0]


def test_full_counter_carries_into_the_milliseconds() -> None:
    wall = ManualClock()
    clock = HybridClock(wall.now)
    now = milliseconds(wall.now())
    clock.observe(Timestamp(now, 65_535))
    assert clock.tick() == Timestamp(now + 1, 0)


def test_clock_before_1970_still_issues_growing_timestamps() -> None:
    clock = HybridClock(ManualClock(EPOCH - timedelta(days=1)).now)
    assert Timestamp(0) < clock.tick() < clock.tick()


@pytest.mark.parametrize(
    ("ahead", "followed"),
    [(-MAX_SKEW, False), (timedelta(0), True), (MILLISECOND, True), (MAX_SKEW, True), (MAX_SKEW + MILLISECOND, False)],
)
def test_clock_is_dragged_ahead_as_far_as_the_clamp_allows(ahead: timedelta, followed: bool) -> None:
    wall = ManualClock()
    clock = HybridClock(wall.now)
    seen = Timestamp(milliseconds(wall.now() + ahead), 9)
    clock.observe(seen)
    issued = clock.tick()
    if followed:
        assert issued == Timestamp(seen.wall, 10)
    else:
        assert issued == Timestamp(milliseconds(wall.now()))


def test_clock_that_was_dragged_ahead_waits_for_the_wall() -> None:
    wall = ManualClock()
    clock = HybridClock(wall.now)
    seen = Timestamp(milliseconds(wall.now() + MAX_SKEW))
    clock.observe(seen)
    wall.advance(MAX_SKEW - MILLISECOND)
    assert clock.tick() == Timestamp(seen.wall, 1)
    wall.advance(2 * MILLISECOND)
    assert clock.tick() == Timestamp(seen.wall + 1, 0)


def test_threads_never_get_the_same_timestamp() -> None:
    clock = HybridClock(ManualClock().now)
    issued: list[Timestamp] = []
    threads = [threading.Thread(target=lambda: issued.extend([clock.tick() for _ in range(200)])) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(issued)) == 800


def test_a_moment_is_never_before_what_was_observed() -> None:
    wall = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)
    clock = HybridClock(lambda: wall)
    assert clock.moment() == wall
    seen = Timestamp(milliseconds(wall + timedelta(seconds=5)))
    clock.observe(seen)
    assert clock.moment() > seen.datetime()
    clock.observe(Timestamp(milliseconds(wall + timedelta(days=3))))  # a clock that is wrong drags nobody along
    assert clock.moment() < wall + timedelta(seconds=6)
