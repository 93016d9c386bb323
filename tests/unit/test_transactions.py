"""Several calls in one commit."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from memos_core import MemOS, Message
from memos_core.errors import CubeNotFound, InvalidInput, VaultBusy
from memos_core.infrastructure.vault import connection
from memos_core.testing.embedders import HashingEmbedder


@pytest.fixture(params=["file", "memory"])
def memos(request: pytest.FixtureRequest, tmp_path: Path) -> MemOS:
    path = ":memory:" if request.param == "memory" else tmp_path / "m.db"
    return MemOS.open(path, embedder=HashingEmbedder())


def state(memos: MemOS) -> object:
    cubes = memos.list(namespace="a", states=["generated", "activated", "archived"])
    return memos.stats().operations, [(cube.id, cube.version, cube.state) for cube in cubes]


def test_calls_inside_are_one_commit_and_see_one_another(memos: MemOS) -> None:
    with memos.transaction():
        name = memos.add("The fox is red.", namespace="a").ids[0]
        memos.update(name, "The fox is grey.")
        assert [hit.cube.id for hit in memos.search("fox", namespace="a")] == [name]
    assert memos.get(name).text == "The fox is grey."
    assert memos.verify() == []


def test_an_error_undoes_every_call(memos: MemOS) -> None:
    old = memos.add("The whale is blue.", namespace="a").ids[0]
    memos.search("whale", namespace="a")
    before = state(memos)
    with pytest.raises(ZeroDivisionError), memos.transaction():  # noqa: PT012
        memos.add("The fox is red.", namespace="a")
        memos.derive("It is large.", because=old)
        memos.forget(old)
        memos.search("fox", namespace="a")
        1 / 0  # noqa: B018
    assert state(memos) == before
    assert [hit.cube.id for hit in memos.search("fox or whale", namespace="a")] == [old]
    assert memos.verify() == []


def test_a_call_that_fails_inside_changes_nothing_and_the_others_count(memos: MemOS) -> None:
    with memos.transaction():
        memos.add("The fox is red.", namespace="a")
        with pytest.raises(CubeNotFound):
            memos.erase(["nothing"])
        with pytest.raises(InvalidInput):
            memos.add([Message(content="The owl is white."), Message(content=" ")], namespace="a")
        memos.add("The whale is blue.", namespace="a")
    assert [cube.text for cube in memos.list(namespace="a")] == ["The whale is blue.", "The fox is red."]


def test_what_follows_from_a_call_fails_with_it(memos: MemOS, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cascade is in the commit of what caused it: where it cannot be stored, neither is the cause."""
    premise = memos.add("The bridge is open.", namespace="a").ids[0]
    memos.derive("The way is short.", because=premise)
    before = state(memos)
    move = memos._follower.move

    def fail_late(cube: object, trigger: object, *, reason: str) -> None:
        if reason.startswith("rests on"):
            raise ZeroDivisionError
        move(cube, trigger, reason=reason)  # type: ignore[arg-type]

    monkeypatch.setattr(memos._follower, "move", fail_late)
    changes: tuple[Callable[[], object], ...] = (
        lambda: memos.forget(premise),
        lambda: memos.update(premise, "The bridge is closed."),
        lambda: memos.expire(premise),
    )
    for change in changes:
        with pytest.raises(ZeroDivisionError):
            change()
        assert state(memos) == before


def test_others_write_after_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "BUSY_TRIES", 3)
    one, other = (MemOS.open(tmp_path / "m.db", embedder=HashingEmbedder()) for _ in range(2))
    with one, other:
        other.add("The whale is blue.", namespace="a")
        with one.transaction():
            one.add("The fox is red.", namespace="a")
            assert [cube.text for cube in other.list(namespace="a")] == ["The whale is blue."]
            with pytest.raises(VaultBusy):
                other.add("The owl is white.", namespace="a")
        other.add("The owl is white.", namespace="a")
        assert len(other.list(namespace="a")) == 3


def test_others_who_search_see_the_state_before_it_and_do_not_wait(tmp_path: Path) -> None:
    with MemOS.open(tmp_path / "m.db", embedder=HashingEmbedder()) as memos, ThreadPoolExecutor(1) as other:
        memos.add("The fox is red.", namespace="a")
        with memos.transaction():
            memos.add("The whale is blue.", namespace="a")
            found = other.submit(memos.search, "fox or whale", namespace="a").result(timeout=60)
        assert [hit.cube.text for hit in found] == ["The fox is red."]


def test_a_receipt_of_an_erasure_inside_says_that_bytes_are_left_until_the_end(tmp_path: Path) -> None:
    path = tmp_path / "m.db"
    with MemOS.open(path, embedder=HashingEmbedder()) as memos:
        first, second = (
            memos.add(text, namespace="a").ids[0] for text in ("The fox is vermilion.", "The owl is white.")
        )
        with memos.transaction():
            assert memos.erase(first).pending
            assert any(b"vermilion" in file.read_bytes() for file in tmp_path.iterdir())
        assert not any(b"vermilion" in file.read_bytes() for file in tmp_path.iterdir())
        assert not memos.erase(second).pending
