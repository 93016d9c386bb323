"""Conformance: blobs come and go with what refers to them, and are what their digests say."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from memos_core.cube.canonical import sha256
from memos_core.cube.memcube import State
from memos_core.cube.operation import Operation
from memos_core.cube.payload import Activation, BlobRef, Parametric
from memos_core.errors import BlobMissing, CubeNotFound, InvalidInput, VersionNotFound
from memos_core.ports import Batch, BlobSource, MissingBlob, Vault
from memos_core.testing.vault.desk import Desk
from memos_core.testing.vault.suite import VaultSuite

ONE, OTHER = b"one" * 1000, b"other" * 500_000  # the latter longer than a piece that is read or encrypted at a time
EMPTY = b""


def ref(data: bytes) -> BlobRef:
    """The address of a blob."""
    return BlobRef(sha256=sha256(data), size=len(data))


def cache(blob: BlobRef) -> Activation:
    """A payload that refers to a blob."""
    return Activation(blob=blob, model="m", tokens=1, dtype="float16", shape=(1, 2, 1, 1, 1))


def write(desk: Desk, data: bytes, *, cube: str | None = None, parents: Sequence[str] = ()) -> Operation:
    """Write a put that refers to a blob, without storing it."""
    return desk.write_put("", cube=cube, parents=parents, payload=cache(ref(data)))


def put(desk: Desk, data: bytes, *, cube: str | None = None, parents: Sequence[str] = ()) -> Operation:
    """Store a put and its blob."""
    operation = write(desk, data, cube=cube, parents=parents)
    bring(desk.vault, operation, data)
    return operation


def bring(vault: Vault, operation: Operation | None, data: bytes, source: BlobSource | None = None) -> int:
    """Store a blob, with an operation or alone."""
    given = {sha256(data): data if source is None else source}
    return vault.commit(Batch([] if operation is None else [operation], blobs=given))


class Keeping(VaultSuite):
    @pytest.mark.parametrize("data", [EMPTY, ONE, OTHER, b"x" * 1024 * 1024], ids=["empty", "short", "long", "even"])
    def test_blob_is_read_as_it_was_stored(self, desk: Desk, data: bytes) -> None:
        operation = put(desk, data)
        held = desk.vault.blob(operation.cube)
        assert held.readonly
        assert bytes(held) == data
        assert list(desk.vault.verify()) == []
        assert (desk.vault.stats().blobs, desk.vault.stats().blob_size) == (1, len(data))

    def test_blob_may_come_from_a_file_which_stays(self, desk: Desk, tmp_path: Path) -> None:
        path = tmp_path / "given"
        path.write_bytes(OTHER)
        operation = write(desk, OTHER)
        bring(desk.vault, operation, OTHER, path)
        path.write_bytes(b"changed")
        assert bytes(desk.vault.blob(operation.cube)) == OTHER
        bring(desk.vault, operation, OTHER, memoryview(OTHER))
        assert path.read_bytes() == b"changed"

    def test_each_version_has_its_own(self, desk: Desk) -> None:
        first = put(desk, ONE)
        second = put(desk, OTHER, cube=first.cube, parents=[first.id])
        text = desk.put("text", cube=first.cube, parents=[second.id])
        vault = desk.vault
        assert bytes(vault.blob(first.cube, version=first.id)) == ONE
        assert bytes(vault.blob(first.cube, version=second.id)) == OTHER
        with pytest.raises(BlobMissing, match="refers to none"):
            vault.blob(first.cube)
        desk.put(
            "",
            cube=first.cube,
            parents=[text.id],
            payload=Parametric(blob=ref(ONE), base_model="m", method="lora", rank=1),
        )
        assert bytes(vault.blob(first.cube)) == ONE

    def test_what_is_not_there_is_told_apart(self, desk: Desk) -> None:
        operation, other = put(desk, ONE), put(desk, OTHER)
        moved = desk.move(operation, State.ARCHIVED)
        with pytest.raises(CubeNotFound):
            desk.vault.blob("nothing")
        with pytest.raises(CubeNotFound):
            desk.vault.blob("nothing", version=operation.id)
        for version in (other.id, moved.id, "0" * 64):
            with pytest.raises(VersionNotFound):
                desk.vault.blob(operation.cube, version=version)

    def test_put_may_come_without_its_blob_and_the_blob_later(self, desk: Desk) -> None:
        operation = write(desk, ONE)
        desk.commit(operation)
        with pytest.raises(BlobMissing, match="3,000 bytes"):
            desk.vault.blob(operation.cube)
        assert desk.vault.missing_blobs() == [MissingBlob(operation.cube, operation.id, ref(ONE))]
        assert list(desk.vault.verify()) == []
        bring(desk.vault, None, ONE)
        assert bytes(desk.vault.blob(operation.cube)) == ONE
        assert desk.vault.missing_blobs() == []

    def test_blob_of_another_length_than_said_is_not_the_one_meant(self, desk: Desk) -> None:
        put(desk, ONE)
        liar = desk.put("", payload=cache(BlobRef(sha256=sha256(ONE), size=7)))
        with pytest.raises(BlobMissing):
            desk.vault.blob(liar.cube)
        assert [each.version for each in desk.vault.missing_blobs()] == [liar.id]

    def test_what_is_given_is_checked_and_a_bad_batch_changes_nothing(self, desk: Desk, tmp_path: Path) -> None:
        kept, digest = put(desk, OTHER), sha256(ONE)
        altered = tmp_path / "altered"
        altered.write_bytes(b"two" * 1000)
        for blobs in (
            {digest: b"two" * 1000},
            {digest: b"short"},
            {digest: altered},
            {digest: tmp_path / "nothing"},
            {digest: tmp_path},
            {digest: "text"},
            {digest: None},
            {sha256(b"nobody"): b"nobody"},
            {"../evil": ONE},
            {sha256(OTHER): b"other" * 499_999 + b"OTHER", digest: ONE},
        ):
            operation = write(desk, ONE)
            with pytest.raises(InvalidInput):
                desk.vault.commit(Batch([operation], blobs=blobs))  # type: ignore[arg-type]
            assert desk.vault.history(operation.cube) == []
        assert bytes(desk.vault.blob(kept.cube)) == OTHER
        assert desk.vault.stats().blobs == 1

    def test_transaction_that_is_undone_leaves_no_blob(self, desk: Desk) -> None:
        first = put(desk, ONE)
        with pytest.raises(RuntimeError), desk.vault.transaction():  # noqa: PT012
            operation = put(desk, OTHER)
            assert bytes(desk.vault.blob(operation.cube)) == OTHER
            desk.erase(first)
            raise RuntimeError
        assert bytes(desk.vault.blob(first.cube)) == ONE
        assert desk.vault.stats().blobs == 1
        assert not desk.vault.has_traces
        assert list(desk.vault.verify()) == []


class Parting(VaultSuite):
    def test_blob_goes_with_the_last_that_refers_to_it(self, desk: Desk) -> None:
        first, second, third = (put(desk, ONE) for _ in range(3))
        assert desk.vault.stats().blobs == 1
        desk.erase(first)
        desk.move(second, State.EXPIRED)
        assert bytes(desk.vault.blob(third.cube)) == ONE
        with pytest.raises(CubeNotFound):
            desk.vault.blob(first.cube)
        with pytest.raises(BlobMissing):
            desk.vault.blob(second.cube)
        desk.erase(third)
        assert desk.vault.stats().blobs == 0
        assert not desk.vault.has_traces
        assert list(desk.vault.verify()) == []

    def test_older_and_archived_versions_keep_theirs(self, desk: Desk) -> None:
        first = put(desk, ONE)
        second = put(desk, OTHER, cube=first.cube, parents=[first.id])
        desk.move(second, State.ARCHIVED)
        assert bytes(desk.vault.blob(first.cube)) == OTHER
        assert bytes(desk.vault.blob(first.cube, version=first.id)) == ONE

    def test_expired_cube_that_comes_back_needs_its_blob_again(self, desk: Desk) -> None:
        first = put(desk, ONE)
        desk.move(first, State.EXPIRED)
        assert (desk.vault.stats().blobs, desk.vault.missing_blobs()) == (0, [])
        apart = desk.put("apart", cube=first.cube)
        assert [each.version for each in desk.vault.missing_blobs()] == [first.id]
        bring(desk.vault, None, ONE)
        assert bytes(desk.vault.blob(first.cube, version=first.id)) == ONE
        desk.erase(apart)
        assert desk.vault.stats().blobs == 0

    def test_blob_of_what_is_erased_is_not_taken_in(self, desk: Desk) -> None:
        operation = write(desk, ONE)
        desk.commit(desk.write_erase(operation))
        assert bring(desk.vault, operation, ONE) == 1
        assert desk.vault.stats().blobs == 0
        with pytest.raises(InvalidInput):
            bring(desk.vault, None, ONE)

    def test_view_that_somebody_reads_stays_good(self, desk: Desk) -> None:
        operation = put(desk, OTHER)
        view = desk.vault.blob(operation.cube)
        desk.erase(operation)
        assert bytes(view) == OTHER

    def test_rebuilding_keeps_blobs(self, desk: Desk) -> None:
        operation = put(desk, ONE)
        desk.vault.rebuild()
        assert bytes(desk.vault.blob(operation.cube)) == ONE

    def test_reopened_vault_has_its_blobs(self, desk: Desk) -> None:
        operation = put(desk, OTHER)
        again = self.reopen(desk.vault)
        if again is None:
            pytest.skip("this vault is not stored")
        assert bytes(again.blob(operation.cube)) == OTHER
        again.close()

    def test_backup_has_its_own(self, desk: Desk, tmp_path: Path) -> None:
        first, second = put(desk, ONE), put(desk, OTHER)
        desk.vault.backup(str(tmp_path / "backup"))
        desk.erase(first)
        copy = self.open_backup(tmp_path / "backup")
        assert bytes(copy.blob(first.cube)) == ONE
        assert bytes(copy.blob(second.cube)) == OTHER
        assert list(copy.verify()) == []
        copy.close()
