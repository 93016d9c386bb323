"""Blobs through the facade: who may have them, and how they travel."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from memos_core import MemOS
from memos_core.cube.memcube import Content, Kind
from memos_core.cube.operation import Operation
from memos_core.cube.payload import BlobRef
from memos_core.errors import BlobMissing, CubeNotFound, InvalidInput, NotPermitted, VersionNotFound
from memos_core.infrastructure.governance import GuardedVault
from memos_core.ports import Batch
from memos_core.testing.clock import ManualClock
from memos_core.testing.embedders import HashingEmbedder
from memos_core.testing.vault.blobs import ONE, OTHER, cache, ref

MISSING = "018f0000-0000-7000-8000-000000000000"


def opened(path: Path | str) -> MemOS:
    return MemOS.open(path, embedder=HashingEmbedder(), clock=ManualClock())


def write(
    memos: MemOS, blob: BlobRef, *, namespace: str, cube: str | None = None, parents: tuple[str, ...] = ()
) -> Operation:
    """A put of a cache, not stored."""
    content = Content(namespace=(namespace,), kind=Kind.SUMMARY, payload=cache(blob))
    return memos._author.put(cube or memos._author.new_id(), content, parents=parents)


def put(memos: MemOS, data: bytes, *, namespace: str) -> Operation:
    operation = write(memos, ref(data), namespace=namespace)
    memos._vault.commit(Batch([operation], blobs={ref(data).sha256: data}))
    return operation


def guarded(memos: MemOS, principal: str) -> GuardedVault:
    return memos.as_principal(f"user:{principal}")._vault


@pytest.fixture
def memos() -> Iterator[MemOS]:
    with opened(":memory:") as made:
        for name in ("ana", "bob"):
            made.grant(f"user:{name}", namespace=name, role="editor")
        made.grant("user:guest", namespace="ana", role="reader")
        yield made


def test_who_may_read_a_memory_may_read_its_blob(memos: MemOS) -> None:
    operation = put(memos, ONE, namespace="ana")
    for name in ("ana", "guest"):
        assert bytes(guarded(memos, name).blob(operation.cube)) == ONE
    with pytest.raises(VersionNotFound):
        guarded(memos, "guest").blob(operation.cube, version="0" * 64)


def test_a_foreign_blob_answers_as_a_missing_one(memos: MemOS) -> None:
    foreign = put(memos, ONE, namespace="ana")
    answers = []
    for cube, version in ((foreign.cube, None), (foreign.cube, foreign.id), (MISSING, None), (MISSING, foreign.id)):
        with pytest.raises(CubeNotFound) as refused:
            guarded(memos, "bob").blob(cube, version=version)
        answers.append(str(refused.value).replace(cube, "ID"))
    assert len({*answers}) == 1


def test_nobody_gets_a_blob_for_its_digest(memos: MemOS) -> None:
    """Troubleshooting: a digest may be known from elsewhere, and what lies in the vault under it must stay there."""
    put(memos, ONE, namespace="ana")
    bob = guarded(memos, "bob")
    for data in (ONE, OTHER):  # the first is here and the second is not, and the answers must not tell
        with pytest.raises(InvalidInput, match="must come along"):
            bob.commit(Batch([write(memos, ref(data), namespace="bob")]))
        with pytest.raises(InvalidInput, match="another digest"):
            bob.commit(Batch([write(memos, ref(data), namespace="bob")], blobs={ref(data).sha256: b"x" * len(data)}))
        with pytest.raises(NotPermitted):
            bob.commit(Batch([], blobs={ref(data).sha256: data}))
    with pytest.raises(NotPermitted):
        bob.missing_blobs()


def test_a_new_version_may_refer_to_what_the_memory_has(memos: MemOS) -> None:
    bob = guarded(memos, "bob")
    first = write(memos, ref(ONE), namespace="bob")
    bob.commit(Batch([first], blobs={ref(ONE).sha256: ONE}))
    bob.commit(Batch([write(memos, ref(ONE), namespace="bob", cube=first.cube, parents=(first.id,))]))
    assert bytes(bob.blob(first.cube)) == ONE


def test_a_blob_is_written_where_its_memory_may_be(memos: MemOS) -> None:
    for name in ("guest", "bob"):
        with pytest.raises(NotPermitted):
            guarded(memos, name).commit(Batch([write(memos, ref(ONE), namespace="ana")], blobs={ref(ONE).sha256: ONE}))
    assert memos.stats().blobs == 0


def test_blobs_come_along_when_vaults_are_merged(tmp_path: Path) -> None:
    with opened(tmp_path / "a.db") as one, opened(tmp_path / "b.db") as other:
        put(other, ONE, namespace="ana")
        shared, gone = put(other, OTHER, namespace="ana"), put(other, b"gone", namespace="ana")
        again = write(other, ref(OTHER), namespace="bob")
        other._vault.commit(Batch([again]))
        other.erase(gone.cube)
        assert one.merge(tmp_path / "b.db").missing_blobs == 0
        assert bytes(one._vault.blob(shared.cube)) == bytes(one._vault.blob(again.cube)) == OTHER
        assert one.stats().blobs == 2
        assert one.verify() == []


def test_a_blob_that_was_missing_comes_with_a_later_merge(tmp_path: Path) -> None:
    with opened(tmp_path / "a.db") as one, opened(tmp_path / "b.db") as other:
        operation = write(other, ref(ONE), namespace="ana")
        other._vault.commit(Batch([operation]))
        assert one.merge(tmp_path / "b.db").missing_blobs == 1
        with pytest.raises(BlobMissing):
            one._vault.blob(operation.cube)
        other._vault.commit(Batch([], blobs={ref(ONE).sha256: ONE}))
        merged = one.merge(tmp_path / "b.db")
        assert (merged.operations, merged.missing_blobs) == (0, 0)
        assert bytes(one._vault.blob(operation.cube)) == ONE


def test_blobs_are_in_step_after_a_sync(tmp_path: Path) -> None:
    with opened(tmp_path / "a.db") as one, opened(tmp_path / "b.db") as other:
        here, there = put(one, ONE, namespace="ana"), put(other, OTHER, namespace="ana")
        one.sync(tmp_path / "b.db")
        for memos in (one, other):
            assert bytes(memos._vault.blob(here.cube)) == ONE
            assert bytes(memos._vault.blob(there.cube)) == OTHER


def test_a_fork_has_its_own_blobs(tmp_path: Path) -> None:
    with opened(tmp_path / "a.db") as memos:
        operation = put(memos, ONE, namespace="ana")
        memos.fork(tmp_path / "fork.db")
        memos.erase(operation.cube)
        with pytest.raises(InvalidInput, match="is there already"):
            memos.fork(tmp_path / "fork.db")
    with opened(tmp_path / "fork.db") as forked:
        assert bytes(forked._vault.blob(operation.cube)) == ONE
        assert forked.verify() == []
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.db", "fork.db", "fork.db-blobs"]
