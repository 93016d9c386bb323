from __future__ import annotations

import re
import uuid

from memos_core.cube.identity import new_actor, new_id

WALL = 1_700_000_000_123


def test_ids_are_uuids_of_version_7() -> None:
    made = uuid.UUID(new_id(WALL))
    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert made.int >> 80 == WALL
    assert str(made) == new_id(WALL)[:14] + str(made)[14:]


def test_ids_of_later_milliseconds_are_greater() -> None:
    assert new_id(WALL) < new_id(WALL + 1) < new_id(2 * WALL)


def test_ids_of_one_millisecond_differ_in_every_random_bit() -> None:
    made = [uuid.UUID(new_id(WALL)).int for _ in range(200)]
    assert len(set(made)) == 200
    ever_one, ever_zero = 0, 0
    for number in made:
        ever_one |= number
        ever_zero |= ~number
    varying = ever_one & ever_zero & ((1 << 80) - 1)
    fixed = 0xF << 76 | 0b11 << 62
    assert varying == ((1 << 80) - 1) & ~fixed


def test_wall_beyond_48_bits_does_not_spill_over() -> None:
    assert uuid.UUID(new_id(1 << 48 | 5)).int >> 80 == 5
    assert uuid.UUID(new_id(-1)).version == 7


def test_actors_are_random_names() -> None:
    actors = {new_actor() for _ in range(100)}
    assert len(actors) == 100
    assert all(re.fullmatch(r"[0-9a-f]{16}", actor) for actor in actors)
