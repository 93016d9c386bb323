"""Laws of the Time Machine: restoring gives back what was, and restoring again gives back what was before that."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from memos_core import MemOS
from memos_core.cube.memcube import State
from memos_core.errors import InvalidTransition
from memos_core.testing.clock import ManualClock
from memos_core.testing.embedders import HashingEmbedder

TEXTS = ("The fox is red.", "The owl is white.", "I live in Lisbon.", "I moved to Porto.", "The hare is quick.")
STEPS = st.tuples(
    st.sampled_from(("add", "update", "forget", "revive", "derive", "rollback", "tag", "merge")),
    st.integers(0, 7),
    st.integers(0, 7),
)
View = dict[str, tuple[object, ...]]


def take(memos: MemOS, step: tuple[str, int, int]) -> None:
    """Do something to the memories that are there, if it can be done."""
    action, which, other = step
    cubes = sorted(memos.list(namespace="a", states=State), key=lambda cube: cube.id)
    if action == "add" or not cubes:
        memos.add(TEXTS[which % len(TEXTS)] + f" {other}", namespace="a")
        return
    cube, beside = cubes[which % len(cubes)], cubes[other % len(cubes)]
    versions = [change.version for change in memos.history(cube.id) if change.content]
    calls = {
        "update": lambda: memos.update(cube.id, f"{TEXTS[other % len(TEXTS)]} Again."),
        "forget": lambda: memos.forget(cube.id),
        "revive": lambda: memos.revive(cube.id),
        "derive": lambda: memos.derive(f"So it is, {other}.", because=sorted({cube.id, beside.id})),
        "rollback": lambda: memos.rollback(cube.id, versions[other % len(versions)]),
        "tag": lambda: memos.update(cube.id, tags=[f"t{other}"]),
        "merge": lambda: memos.link(cube.id, "explains", beside.id),
    }
    if action == "revive" and cube.moved_by == "fall":
        return  # against what it rests on, which a restored premise would say again
    try:
        calls[action]()
    except InvalidTransition:
        return


def view(memos: MemOS) -> View:
    """What each memory says, and the state it is in."""
    return {cube.id: (cube.content(), cube.state, cube.moved_by) for cube in memos.list(namespace="a", states=State)}


def found(memos: MemOS) -> list[tuple[str, str]]:
    return [(hit.cube.id, hit.cube.text) for text in TEXTS for hit in memos.search(text, namespace="a", limit=3)]


@settings(max_examples=40, deadline=None)
@given(st.lists(STEPS, max_size=10), st.lists(STEPS, max_size=10))
def test_restoring_gives_back_what_was_and_again_what_was_before(
    first: list[tuple[str, int, int]], later: list[tuple[str, int, int]]
) -> None:
    clock = ManualClock()
    with MemOS.open(":memory:", embedder=HashingEmbedder(), clock=clock) as memos:
        for step in first:
            clock.advance(timedelta(seconds=1))
            take(memos, step)
        memos.snapshot("then", namespace="a")
        past, recalled = view(memos), found(memos)
        for step in later:
            take(memos, step)
        memos.snapshot("later", namespace="a")
        present = view(memos)
        memos.restore("then", namespace="a")
        restored = view(memos)
        assert {name: restored[name] for name in past} == past
        assert all(restored[name][1] is State.ARCHIVED for name in restored.keys() - past.keys())
        assert found(memos) == recalled
        assert memos.restore("then", namespace="a") == []
        memos.restore("later", namespace="a")
        assert view(memos) == present
        assert list(memos.verify()) == []
