"""The Time Machine: snapshots, the log, comparing, restoring, undoing a source, and forks."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from memos_core import MemOS, Message
from memos_core.cube.memcube import State
from memos_core.errors import CubeNotFound, InvalidInput, NaiveDatetime, NotPermitted, SnapshotNotFound
from memos_core.testing.clock import ManualClock
from memos_core.testing.embedders import HashingEmbedder

MINUTE = timedelta(minutes=1)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def memos(clock: ManualClock) -> MemOS:
    return MemOS.open(":memory:", embedder=HashingEmbedder(), clock=clock)


def told(memos: MemOS, text: str, *, namespace: str = "a", **source: str) -> str:
    return memos.add([Message(content=text, **{"role": "user", **source})], namespace=namespace).ids[0]


def texts(memos: MemOS, namespace: str = "a") -> set[str]:
    return {cube.text for cube in memos.list(namespace=namespace)}


# -- snapshots and the log --------------------------------------------------------------------------


def test_a_snapshot_is_a_moment_with_a_name(memos: MemOS) -> None:
    told(memos, "The fox is red.")
    before = memos.snapshot("before", namespace="a")
    told(memos, "The owl is white.")  # the clock stands still, and this still is later
    assert {cube.text for cube in memos.list(namespace="a", known_at=before.at)} == {"The fox is red."}
    assert memos.snapshots(namespace="a") == [before]
    assert memos.snapshots() == [before]
    assert memos.snapshots(namespace="b") == []


def test_names_of_snapshots_are_unique_within_a_namespace(memos: MemOS) -> None:
    memos.snapshot("one", namespace="a")
    memos.snapshot("one", namespace="b")
    memos.snapshot("one")
    for wrong in ("one", "", "  "):
        with pytest.raises(InvalidInput):
            memos.snapshot(wrong, namespace="a")
    assert len(memos.snapshots()) == 3


def test_the_nearest_snapshot_of_a_name_is_meant(memos: MemOS, clock: ManualClock) -> None:
    whole = memos.snapshot("one")
    clock.advance(MINUTE)
    told(memos, "The fox is red.", namespace="a/b")
    memos.snapshot("one", namespace="a")
    assert memos.restore("one", namespace="a/b") == []
    assert len(memos.compare("one", namespace="c")) == 0
    assert len(memos.compare(whole.at, namespace="a")) == 1


def test_the_log_tells_what_happened_the_latest_first(memos: MemOS, clock: ManualClock) -> None:
    fox = told(memos, "The fox is red.")
    told(memos, "Foreign.", namespace="b")
    clock.advance(MINUTE)
    memos.forget(fox, reason="untrue")
    changes = memos.log(namespace="a")
    assert [(each.cube_id, each.trigger, each.reason) for each in changes] == [
        (fox, "forget", "untrue"),
        (fox, None, None),
    ]
    assert len(memos.log()) == 3
    assert [each.trigger for each in memos.log(since=clock.now() - MINUTE)] == ["forget"]
    assert len(memos.log(until=clock.now() - MINUTE)) == 2
    assert len(memos.log(limit=1)) == 1


# -- comparing and restoring ------------------------------------------------------------------------


def changed(memos: MemOS) -> dict[str, str]:
    """A snapshot, and one memory of each kind of change after it."""
    ids = {name: told(memos, f"The {name} is red.") for name in ("fox", "owl", "hare", "stag")}
    memos.freeze(ids["stag"])
    memos.snapshot("then", namespace="a")
    memos.update(ids["fox"], "The fox is grey.")
    memos.forget(ids["owl"])
    memos.erase(ids["hare"])
    ids["wolf"] = told(memos, "The wolf is new.")
    return ids


def test_comparing_tells_what_came_changed_and_went(memos: MemOS) -> None:
    ids = changed(memos)
    found = {each.cube_id: each for each in memos.compare("then", namespace="a")}
    assert found.keys() == {ids[name] for name in ("fox", "owl", "wolf")}
    assert {each.field for each in found[ids["fox"]].differences} >= {"payload"}
    assert [each.field for each in found[ids["owl"]].differences] == ["state"]
    assert found[ids["wolf"]].before is None
    now = memos.snapshot("now", namespace="a")
    told(memos, "The lynx is newer.")
    assert {each.cube_id for each in memos.compare("then", now.at, namespace="a")} == found.keys()
    assert memos.compare("now", "then", namespace="a") == memos.compare(now.at, "then", namespace="a")


def test_restoring_brings_back_what_was_and_archives_what_was_not(memos: MemOS) -> None:
    ids = changed(memos)
    done = memos.restore("then", namespace="a")
    assert {each.cube_id for each in done} == {ids[name] for name in ("fox", "owl", "wolf")}
    assert texts(memos) == {"The fox is red.", "The owl is red.", "The stag is red."}
    assert memos.get(ids["wolf"]).state is State.ARCHIVED
    assert memos.search("what is grey?", namespace="a")[0].cube.text.endswith("red.")
    assert memos.restore("then", namespace="a") == []
    with pytest.raises(CubeNotFound):
        memos.get(ids["hare"])


def test_restoring_can_be_undone(memos: MemOS, clock: ManualClock) -> None:
    ids = changed(memos)
    memos.snapshot("later", namespace="a")
    clock.advance(MINUTE)
    memos.restore("then", namespace="a")
    clock.advance(MINUTE)
    memos.restore("later", namespace="a")
    assert texts(memos) == {"The fox is grey.", "The wolf is new.", "The stag is red."}
    assert memos.get(ids["owl"]).state is State.ARCHIVED
    assert memos.compare("later", namespace="a") == []


def test_a_dry_run_says_the_same_and_does_nothing(memos: MemOS) -> None:
    changed(memos)
    before = len(memos.log())
    planned = memos.restore("then", namespace="a", dry_run=True)
    assert len(memos.log()) == before
    assert planned == memos.restore("then", namespace="a")


def test_restoring_one_memory_leaves_the_others(memos: MemOS) -> None:
    ids = changed(memos)
    assert [each.cube_id for each in memos.restore("then", cube=ids["fox"])] == [ids["fox"]]
    assert texts(memos) == {"The fox is red.", "The wolf is new.", "The stag is red."}


def test_restoring_everything_needs_no_namespace(memos: MemOS) -> None:
    memos.snapshot("empty")
    told(memos, "One.")
    told(memos, "Two.", namespace="b")
    assert len(memos.restore("empty")) == 2
    assert texts(memos) | texts(memos, "b") == set()


def test_what_is_frozen_or_expired_stays_and_is_reported(memos: MemOS) -> None:
    memos.snapshot("then", namespace="a")
    frozen, expired = told(memos, "The fox is red."), told(memos, "The owl is white.")
    memos.freeze(frozen)
    memos.expire(expired)
    assert {each.cube_id: each.kept for each in memos.restore("then", namespace="a")} == {frozen: "it is frozen"}
    assert memos.get(frozen).state is State.FROZEN


def test_a_conclusion_comes_back_with_what_it_rests_on(memos: MemOS) -> None:
    fox = told(memos, "The fox is red.")
    other = told(memos, "Red things are warm.")
    conclusion = memos.derive("The fox is warm.", because=[fox, other])
    memos.snapshot("then", namespace="a")
    memos.forget(fox)
    assert memos.get(conclusion.id).state is State.ARCHIVED
    memos.restore("then", namespace="a")
    assert memos.get(conclusion.id).state is not State.ARCHIVED
    memos.update(fox, "The fox is grey.")
    memos.restore("then", cube=fox)
    assert memos.get(conclusion.id).state is not State.ARCHIVED
    assert "The fox is warm." in texts(memos)


def test_a_conclusion_does_not_come_back_without_what_it_rests_on(memos: MemOS) -> None:
    elsewhere = told(memos, "The fox is red.", namespace="b")
    conclusion = memos.derive("The fox is warm.", because=[elsewhere], namespace="a")
    memos.snapshot("then", namespace="a")
    memos.forget(elsewhere)
    memos.restore("then", namespace="a")
    assert memos.get(conclusion.id).state is State.ARCHIVED


def test_wrong_moments_are_refused(memos: MemOS) -> None:
    memos.snapshot("there", namespace="b")
    for name in ("nowhere", "there"):
        with pytest.raises(SnapshotNotFound):
            memos.restore(name, namespace="a")
    with pytest.raises(NaiveDatetime):
        memos.restore(datetime(2025, 1, 1), namespace="a")  # noqa: DTZ001 - what is tested
    with pytest.raises(InvalidInput):
        memos.restore(3, namespace="a")  # type: ignore[arg-type]
    with pytest.raises(CubeNotFound):
        memos.restore("there", cube="nothing")
    assert memos.log() == []


def test_what_is_erased_cannot_be_brought_back_and_asking_for_it_changes_nothing(memos: MemOS) -> None:
    hare = changed(memos)["hare"]
    version = next(each.version for each in memos.history(hare))
    before = memos.log()
    for asked in (
        lambda: memos.restore("then", cube=hare),
        lambda: memos.restore("then", cube=hare, namespace="a"),
        lambda: memos.restore("then", cube=hare, dry_run=True),
        lambda: memos.rollback(hare, version),
        lambda: memos.diff(hare, version),
        lambda: memos.resolve(hare, version),
        lambda: memos.revive(hare),
    ):
        with pytest.raises(CubeNotFound):
            asked()
    assert memos.log() == before


# -- undoing a source -------------------------------------------------------------------------------


def test_undoing_a_source_leaves_what_others_said(memos: MemOS) -> None:
    told(memos, "The fox is red.", id="m1")
    told(memos, "The fox is blue.", id="m1", role="tool")
    told(memos, "The owl is white.", id="m2")
    told(memos, "The hare is green.", id="m3", role="tool")
    done = memos.undo(origin="tool", namespace="a")
    assert len(done) == 2
    assert texts(memos) == {"The fox is red.", "The owl is white."}
    assert memos.undo(origin="tool", namespace="a") == []


def test_undoing_a_source_leaves_no_descendant(memos: MemOS) -> None:
    bad, good = told(memos, "The bank is gone.", id="evil"), told(memos, "Ana has a bank.", id="good")
    first = memos.derive("Ana lost her money.", because=[bad, good])
    second = memos.derive("Ana needs a loan.", because=[first.id])
    assert memos.get(second.id).state is not State.ARCHIVED
    memos.undo(source_id="evil", namespace="a")
    assert texts(memos) == {"Ana has a bank."}


def test_undoing_reads_what_is_there_and_not_all_that_ever_was(memos: MemOS, monkeypatch: pytest.MonkeyPatch) -> None:
    told(memos, "The hare is green.", id="m3", role="tool")
    monkeypatch.setattr(memos._whole, "changes", lambda *_, **__: pytest.fail("all changes are read"))
    assert len(memos.undo(source_id="m3", namespace="a")) == 1


def test_criteria_of_a_source_must_all_agree(memos: MemOS) -> None:
    memos.add([Message(content="The fox is red.", role="user", id="m1")], namespace="a", session="s1")
    memos.add([Message(content="The owl is red.", role="user", id="m2")], namespace="a", session="s2")
    assert len(memos.undo(session="s1", source_id="m2", dry_run=True)) == 0
    assert [each.before.source_ids for each in memos.undo(session="s1", dry_run=True)] == [("m1",)]  # type: ignore[union-attr]
    assert len(memos.undo(session="s1", namespace="b", dry_run=True)) == 0
    for wrong in ({}, {"origin": "nobody"}, {"session": ""}):
        with pytest.raises(InvalidInput):
            memos.undo(**wrong)  # type: ignore[arg-type]
    assert len(texts(memos)) == 2


# -- forks ------------------------------------------------------------------------------------------


def test_a_fork_goes_on_from_a_moment_on_its_own(memos: MemOS, tmp_path: Path) -> None:
    ids = changed(memos)
    told(memos, "Foreign.", namespace="b")
    path = tmp_path / "fork.db"
    memos.fork(path, to="then", namespace="a")
    with MemOS.open(path, embedder=HashingEmbedder(), clock=ManualClock()) as fork:
        assert texts(fork) == {"The fox is red.", "The owl is red.", "The stag is red."}
        assert fork.namespaces(namespace="b") == []
        assert fork.search("which fox?", namespace="a")[0].cube.id == ids["fox"]
        assert fork.stats().unembedded == 0
        assert list(fork.verify()) == []
        told(fork, "Only here.")
        assert "Only here." not in texts(memos)
    memos.fork(tmp_path / "whole.db")
    with MemOS.open(tmp_path / "whole.db", embedder=HashingEmbedder()) as whole:
        assert texts(whole) == texts(memos)
    with pytest.raises(InvalidInput):
        memos.fork(path)


# -- who may ----------------------------------------------------------------------------------------


def test_a_principal_travels_only_where_it_may(memos: MemOS) -> None:
    memos.grant("user:ana", namespace="a", role="editor")
    ana = memos.as_principal("user:ana")
    memos.snapshot("then", namespace="a")
    told(memos, "The fox is red.")
    told(memos, "Foreign.", namespace="b")
    assert [each.content.text for each in ana.log(namespace="a") if each.content] == ["The fox is red."]
    assert len(ana.restore("then", namespace="a")) == 1
    for refused in (
        lambda: ana.restore("then", namespace="b"),
        lambda: ana.restore(memos.snapshots()[0].at),
        ana.log,
        ana.snapshots,
        lambda: ana.snapshot("mine"),
        lambda: ana.undo(origin="user"),
        lambda: ana.fork("nowhere.db"),
    ):
        with pytest.raises((NotPermitted, SnapshotNotFound)):
            refused()
    assert texts(memos, "b") == {"Foreign."}
