from __future__ import annotations

import re
import uuid

from hypothesis import given
from hypothesis import strategies as st

from memos_core.cube.clock import Timestamp
from memos_core.cube.identity import new_actor, new_id

WALL = 1_700_000_000_123


def number(wall: int, counter: int = 0) -> int:
    return uuid.UUID(new_id(Timestamp(wall, counter))).int


def test_ids_are_uuids_of_version_7() -> None:
    text = new_id(Timestamp(WALL, 9))
    made = uuid.UUID(text)
    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert made.int >> 80 == WALL
    assert str(made) == text


@given(st.lists(st.builds(Timestamp, st.integers(0, 2**48 - 1), st.integers(0, 2**16 - 1)), unique=True))
def test_ids_sort_as_the_moments_they_were_made_at(moments: list[Timestamp]) -> None:
    assert sorted(moments) == sorted(moments, key=new_id)


def test_ids_of_one_moment_differ_in_every_random_bit() -> None:
    made = [number(WALL) for _ in range(200)]
    assert len(set(made)) == 200
    ever_one, ever_zero = 0, 0
    for each in made:
        ever_one |= each
        ever_zero |= ~each
    assert ever_one & ever_zero & ((1 << 80) - 1) == (1 << 58) - 1


def test_wall_beyond_48_bits_does_not_spill_over() -> None:
    assert number(1 << 48 | 5) >> 80 == 5
    assert uuid.UUID(new_id(Timestamp(-1))).version == 7


def test_actors_are_random_names() -> None:
    actors = {new_actor() for _ in range(100)}
    assert len(actors) == 100
    assert all(re.fullmatch(r"[0-9a-f]{16}", actor) for actor in actors)
