"""The files beside a vault file: whatever happens when, none is missing that is referred to, and none stays for long."""

from __future__ import annotations

import mmap
import os
import shutil
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import pytest

from memos_core.cube.operation import Operation
from memos_core.errors import BlobMissing, CubeNotFound, InvalidInput, VaultBusy, VaultCorrupt, VaultError
from memos_core.infrastructure.vault.blobs import Blobs, Held
from memos_core.infrastructure.vault.folder import Folder
from memos_core.infrastructure.vault.sqlite import SQLiteVault
from memos_core.infrastructure.vault.statements import load
from memos_core.ports import Batch
from memos_core.testing.clock import ManualClock
from memos_core.testing.vault.blobs import ONE, OTHER, bring, put, ref, write
from memos_core.testing.vault.desk import Desk

GONE = b"gone" * 1000


def opened(path: Path, *, is_sealed: bool = False) -> SQLiteVault:
    """A vault; its files may be encrypted though it is not, which needs no other library."""
    vault = SQLiteVault(str(path), clock=ManualClock())
    vault._blobs = Blobs(str(path), is_sealed=is_sealed)
    return vault


@pytest.fixture(params=[False, True], ids=["plain", "sealed"])
def vault(request: pytest.FixtureRequest, tmp_path: Path) -> SQLiteVault:
    return opened(tmp_path / "vault.db", is_sealed=request.param)


@pytest.fixture
def desk(vault: SQLiteVault) -> Desk:
    return Desk(vault)


def folder(vault: SQLiteVault) -> Path:
    return Path(f"{vault.path}-blobs")


def files(vault: SQLiteVault) -> list[str]:
    return sorted(file.name for file in folder(vault).iterdir()) if folder(vault).exists() else []


def only_file(vault: SQLiteVault) -> Path:
    [name] = files(vault)
    return folder(vault) / name


# what lies where


def test_a_file_is_named_by_its_content_and_mapped_without_a_copy(tmp_path: Path) -> None:
    desk = Desk(opened(tmp_path / "vault.db"))
    operation = put(desk, OTHER)
    assert files(desk.vault) == [ref(OTHER).sha256]
    assert isinstance(desk.vault.blob(operation.cube).obj, mmap.mmap)
    assert only_file(desk.vault).read_bytes() == OTHER


def test_the_name_of_an_encrypted_file_tells_nothing_and_neither_do_its_bytes(tmp_path: Path) -> None:
    desk = Desk(opened(tmp_path / "vault.db", is_sealed=True))
    operation = put(desk, OTHER)
    assert ref(OTHER).sha256[:4] not in only_file(desk.vault).name
    assert b"other" not in only_file(desk.vault).read_bytes()
    assert bytes(desk.vault.blob(operation.cube)) == OTHER


def test_a_vault_without_blobs_has_no_folder(vault: SQLiteVault, desk: Desk) -> None:
    desk.put("text")
    assert not folder(vault).exists()
    first, second = put(desk, ONE), put(desk, OTHER)
    desk.erase(first)
    assert len(files(vault)) == 1
    desk.erase(second)
    assert not folder(vault).exists()


def test_a_path_that_is_a_link_leads_to_the_same_blobs(tmp_path: Path) -> None:
    operation = put(Desk(opened(tmp_path / "vault.db")), ONE)
    (tmp_path / "link.db").symlink_to(tmp_path / "vault.db")
    linked = opened(tmp_path / "link.db")
    assert bytes(linked.blob(operation.cube)) == ONE


# the order of things


def test_a_file_is_synced_and_named_and_synced_again_before_the_commit(
    vault: SQLiteVault, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def syncing(handle: int) -> None:
        done.append("sync folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "sync file")
        fsync(handle)

    def naming(file: Path, target: Path) -> Path:
        done.append("name")
        return replace(file, target)

    def tracing(_: object, statement: str, __: object) -> bool:
        done.append(statement) if statement in {"begin immediate", "commit"} else None
        return True

    put(desk, ONE)  # the folder is there now
    monkeypatch.setattr(os, "fsync", syncing)
    monkeypatch.setattr(Path, "replace", naming)
    with vault._pool.bare() as db:
        db.exec_trace = tracing
    put(desk, OTHER)
    start = done.index("begin immediate")
    assert done[start : start + 5] == ["begin immediate", "sync file", "name", "sync folder", "commit"]


@pytest.mark.parametrize("name", ["0" * 64, "0" * 64 + ".part", "f" * 32, "f" * 32 + ".part"])
def test_what_a_kill_has_left_is_swept_at_the_next_opening(vault: SQLiteVault, desk: Desk, name: str) -> None:
    operation = put(desk, ONE)
    vault.close()
    for other in (name, "notes.txt", "0" * 63):
        (folder(vault) / other).write_bytes(GONE)
    again = opened(Path(vault.path))
    assert name not in files(again)
    assert {"notes.txt", "0" * 63} < {*files(again)}, "files of others are left alone"
    assert bytes(again.blob(operation.cube)) == ONE


def test_a_transaction_that_is_undone_leaves_no_file(vault: SQLiteVault, desk: Desk) -> None:
    first = put(desk, ONE)
    before = files(vault)
    with pytest.raises(RuntimeError), vault.transaction():  # noqa: PT012
        with pytest.raises(InvalidInput):
            bring(vault, write(desk, OTHER), OTHER, source=b"x" * len(OTHER))
        put(desk, OTHER)
        desk.erase(first)
        assert len(files(vault)) == 2, "nothing is removed before the end"
        raise RuntimeError
    assert files(vault) == before


def test_a_write_that_fails_leaves_nothing(vault: SQLiteVault, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    first = put(desk, ONE)

    def broken(*_: object) -> None:
        raise OSError(5, "Input/output error")

    for broken_call in ("fsync", "replace"):
        with monkeypatch.context() as patch:
            patch.setattr(*((os, "fsync") if broken_call == "fsync" else (Path, "replace")), broken)
            operation = write(desk, OTHER)
            with pytest.raises(VaultError, match="Input/output error"):
                bring(vault, operation, OTHER)
        assert vault.history(operation.cube) == []
        assert len(files(vault)) == 1
    assert bytes(vault.blob(first.cube)) == ONE
    bring(vault, operation, OTHER)
    assert list(vault.verify()) == []


FULL = """
import os, resource, sys
from pathlib import Path
from memos_core.errors import VaultFull
from memos_core.infrastructure.vault.sqlite import SQLiteVault
from memos_core.testing.clock import ManualClock
from memos_core.testing.vault.blobs import OTHER, put
from memos_core.testing.vault.desk import Desk
desk = Desk(SQLiteVault(sys.argv[1], clock=ManualClock()))
first = put(desk, b"first")
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, hard))
try:
    put(desk, OTHER)
except VaultFull as error:
    assert "no space left" in str(error)
else:
    raise SystemExit("there was space")
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
assert len(os.listdir(sys.argv[1] + "-blobs")) == 1
put(desk, OTHER)
assert list(desk.vault.verify()) == []
assert desk.vault.stats().blobs == 2
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs RLIMIT_FSIZE")
def test_a_full_disk_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", FULL, str(tmp_path / "vault.db")], check=True, timeout=60)


# removing


def test_a_file_in_use_is_pending_and_goes_with_the_next_commit(
    vault: SQLiteVault, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Troubleshooting: on Windows, a file that somebody has mapped cannot be removed."""
    operation = put(desk, ONE)

    def refused(*_: object, **__: object) -> None:
        raise PermissionError(13, "in use")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", refused)
        desk.erase(operation)
        assert vault.has_traces
    with pytest.raises(CubeNotFound):
        vault.blob(operation.cube)
    assert len(files(vault)) == 1
    desk.put("something else")
    assert not vault.has_traces
    assert files(vault) == []


def test_whoever_sweeps_takes_no_file_of_a_transaction_that_is_open(vault: SQLiteVault, desk: Desk) -> None:
    stray = "0" * 64
    with vault.transaction():
        operation = put(desk, ONE)
        (folder(vault) / stray).write_bytes(GONE)
        opening: list[SQLiteVault] = []
        thread = threading.Thread(target=lambda: opening.append(opened(Path(vault.path))))
        thread.start()
        thread.join(10)
        assert not thread.is_alive(), "opening waits for nobody"
        assert len(files(vault)) == 2
    again = opened(Path(vault.path))
    assert stray not in files(again)
    assert bytes(again.blob(operation.cube)) == ONE


def test_a_blob_that_comes_back_before_the_sweep_stays(
    vault: SQLiteVault, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = put(desk, ONE)
    other = opened(Path(vault.path))
    with monkeypatch.context() as patch:
        patch.setattr(vault, "_clean", lambda **_: None)  # the process stops here for a while
        desk.erase(first)
        second = put(Desk(other, number=2), ONE)
    vault._clean()
    assert bytes(vault.blob(second.cube)) == ONE
    assert len(files(vault)) == 1


HAMMER = """
import random, sys
from memos_core.errors import BlobMissing, CubeNotFound
from memos_core.infrastructure.vault.sqlite import SQLiteVault
from memos_core.testing.clock import ManualClock
from memos_core.testing.vault.blobs import put
from memos_core.testing.vault.desk import Desk
path, number = sys.argv[1], int(sys.argv[2])
chance, mine = random.Random(number), []
vault = SQLiteVault(path, clock=ManualClock())
desk = Desk(vault, number=number)
for turn in range(25):
    data = bytes([chance.randrange(3)]) * 5000
    mine.append((put(desk, data), data))
    for operation, expected in mine:
        assert bytes(vault.blob(operation.cube)) == expected
    if turn % 3 == 2:
        desk.erase(mine.pop(chance.randrange(len(mine)))[0])
    if turn % 10 == 9:
        vault.close()
        vault = desk.vault = SQLiteVault(path, clock=ManualClock())
while mine:
    desk.erase(mine.pop()[0])
"""


def test_processes_that_write_and_sweep_at_once_take_nothing_from_one_another(tmp_path: Path) -> None:
    """All blobs are one of three, so that each process erases what another is about to refer to."""
    path = tmp_path / "vault.db"
    SQLiteVault(str(path), clock=ManualClock()).close()
    running = [subprocess.Popen([sys.executable, "-c", HAMMER, str(path), str(number)]) for number in (1, 2, 3)]
    assert [process.wait(120) for process in running] == [0, 0, 0]
    vault = opened(path)
    assert list(vault.verify()) == []
    assert files(vault) == []


# reading


def test_a_blob_that_is_erased_while_it_is_looked_up_is_gone_and_not_missing(
    vault: SQLiteVault, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("memos_core.infrastructure.vault.connection.BUSY_TRIES", 10)  # the eraser waits for the reader
    operation = put(desk, ONE)
    mapped = Folder.mapped

    def erased_first(self: Folder, name: str) -> memoryview:
        monkeypatch.setattr(Folder, "mapped", mapped)
        eraser = Desk(opened(Path(vault.path)), number=2)
        thread = threading.Thread(target=eraser.erase, args=[operation])
        thread.start()
        thread.join()
        return mapped(self, name)

    monkeypatch.setattr(Folder, "mapped", erased_first)
    with pytest.raises(CubeNotFound):
        vault.blob(operation.cube)


def test_a_vault_copied_without_its_folder_says_so(vault: SQLiteVault, desk: Desk, tmp_path: Path) -> None:
    operation = put(desk, ONE)
    vault.close()
    shutil.copy(vault.path, tmp_path / "copy.db")
    copy = opened(tmp_path / "copy.db")
    with pytest.raises(BlobMissing, match=r"gone from .*copy\.db-blobs"):
        copy.blob(operation.cube)
    assert ["is missing" in damage.what for damage in copy.verify()] == [True]
    copy.rebuild()
    assert [each.version for each in copy.missing_blobs()] == [operation.id]
    shutil.copytree(folder(vault), folder(copy))
    assert bytes(copy.blob(operation.cube)) == ONE
    shutil.rmtree(folder(copy))
    bring(copy, None, ONE)  # as a merge would
    assert bytes(copy.blob(operation.cube)) == ONE
    assert list(copy.verify()) == []


def cut(data: bytes) -> bytes:
    return data[:-1]


def lengthen(data: bytes) -> bytes:
    return data + b"\0"


def alter(data: bytes) -> bytes:
    return data[:1000] + bytes([data[1000] ^ 1]) + data[1001:]


@pytest.mark.parametrize("damage", [cut, lengthen, alter])
def test_damage_to_a_file_is_found(vault: SQLiteVault, desk: Desk, damage: Callable[[bytes], bytes]) -> None:
    operation, other = put(desk, OTHER), put(desk, b"")
    file = next(folder(vault) / name for name in files(vault) if (folder(vault) / name).stat().st_size > 1000)
    whole = file.read_bytes()
    file.write_bytes(damage(whole))
    [found] = vault.verify()
    assert found.where == f"blob {ref(OTHER).sha256}"
    if damage is not alter or vault._blobs._is_sealed:
        with pytest.raises(VaultCorrupt, match=r"in place of|altered"):
            vault.blob(operation.cube)
    assert bytes(vault.blob(other.cube)) == b""
    if damage is not alter:
        bring(vault, None, OTHER)
        assert list(vault.verify()) == []
    file.write_bytes(whole)


@pytest.mark.parametrize(
    "damage",
    [
        "update blob set size = size + 1",
        "update blob set name = '" + "0" * 64 + "'",
        "update blob set name = null",
        "update blob set digest = '" + "0" * 64 + "'",
        "update blob set key = zeroblob(32)",
        "update blob set key = zeroblob(5)",
        "insert into blob (digest, size) values ('x', 1)",
        "update put set blob = null",
        "update put set blob = '" + "0" * 64 + "'",
    ],
)
def test_damage_to_what_is_noted_of_blobs_is_found(vault: SQLiteVault, desk: Desk, damage: str) -> None:
    put(desk, ONE)
    vault.close()
    db = apsw.Connection(vault.path)
    db.execute(damage)
    db.close()
    assert list(opened(Path(vault.path)).verify()) != []


def test_rebuilding_mends_what_is_derived_of_blobs(vault: SQLiteVault, desk: Desk) -> None:
    operation = put(desk, ONE)
    with vault._pool.write() as db:
        db.execute("update put set blob = null")
        db.execute("insert into blob (digest, size) values ('x', 1)")
    assert list(vault.verify()) != []
    vault.rebuild()
    assert list(vault.verify()) == []
    assert bytes(vault.blob(operation.cube)) == ONE


# copies


def test_a_backup_shows_nothing_whose_blob_was_erased_meanwhile(
    vault: SQLiteVault, desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, gone = put(desk, ONE), put(desk, GONE)
    copy, copied = Blobs.copy, list[str]()

    def after_an_erasure(self: Blobs, wanted: list[Held], path: str, read: Any) -> Any:
        if not copied:
            desk.erase(gone)
        copied.append(path)
        return copy(self, wanted, path, read)

    monkeypatch.setattr(Blobs, "copy", after_an_erasure)
    vault.backup(str(tmp_path / "copy.db"))
    assert len(copied) == 2
    made = opened(tmp_path / "copy.db")
    assert list(made.verify()) == []
    assert made.get([gone.cube]) == []
    assert bytes(made.blob(kept.cube)) == ONE


def test_a_backup_of_a_vault_that_lacks_a_file_lacks_it_too(vault: SQLiteVault, desk: Desk, tmp_path: Path) -> None:
    put(desk, ONE)
    only_file(vault).unlink()
    vault.backup(str(tmp_path / "copy.db"))
    assert len(list(opened(tmp_path / "copy.db").verify())) == 1


def test_a_backup_that_fails_leaves_nothing(
    vault: SQLiteVault, desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(desk, ONE)

    def broken(*_: object) -> None:
        raise VaultBusy(path="x", seconds=1)

    (tmp_path / "taken.db-blobs").mkdir()
    with pytest.raises(InvalidInput, match=r"taken\.db-blobs is there already"):
        vault.backup(str(tmp_path / "taken.db"))
    monkeypatch.setattr(Folder, "place", broken)
    with pytest.raises(VaultBusy):
        vault.backup(str(tmp_path / "copy.db"))
    left = {file.name for file in tmp_path.iterdir()}
    assert {name for name in left if name.startswith(("copy", "taken"))} == {"taken.db-blobs"}


def test_a_backup_of_memory_has_files(tmp_path: Path) -> None:
    desk = Desk(SQLiteVault(":memory:", clock=ManualClock()))
    operation = put(desk, OTHER)
    desk.vault.backup(str(tmp_path / "copy.db"))
    copy = opened(tmp_path / "copy.db")
    assert files(copy) == [ref(OTHER).sha256]
    assert (tmp_path / "copy.db").stat().st_size < len(OTHER)
    assert bytes(copy.blob(operation.cube)) == OTHER


def test_a_batch_may_bring_what_a_put_of_it_erases(vault: SQLiteVault, desk: Desk) -> None:
    operation: Operation = write(desk, ONE)
    vault.commit(Batch([operation, desk.write_erase(operation)], blobs={ref(ONE).sha256: ONE}))
    assert files(vault) == []


@pytest.mark.parametrize(
    ("name", "values"), [("sizes", {"digests": "[]"}), ("is_used", ("x",)), ("forget", ()), ("used", ())]
)
def test_what_refers_to_blobs_is_found_by_an_index(vault: SQLiteVault, name: str, values: Any) -> None:
    with vault._pool.read() as db:
        steps = [row[-1] for row in db.execute(f"explain query plan {load('blobs')[name]}", values)]
    assert any("INDEX put_by_blob" in step for step in steps), steps
