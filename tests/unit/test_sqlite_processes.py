"""The vault and the system below it: full disks, forks, other processes, other threads."""

from __future__ import annotations

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from memos_core.errors import VaultClosed, VaultFull
from memos_core.infrastructure.vault.sqlite import SQLiteVault
from memos_core.testing.clock import ManualClock
from memos_core.testing.vault.desk import Desk, alice, vector

SETUP = """
import sys
from memos_core.errors import *
from memos_core.infrastructure.vault.sqlite import SQLiteVault
from memos_core.testing.clock import ManualClock
from memos_core.testing.vault.desk import Desk, alice, vector
path, number = sys.argv[1], int(sys.argv[2])
vault = SQLiteVault(path, clock=ManualClock())
desk = Desk(vault, number=number)
"""

FILL = """
import os, resource
small = [vector(1, 0, 0, 0)]
first = desk.put("first", vectors=small)
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (os.path.getsize(path) + 300_000, hard))
stored = [first.id]
try:
    while True:
        stored.append(desk.put("text " * 2000, vectors=small).id)
except VaultFull:
    pass
assert [operation.id for _, operation in vault.log()] == stored, "nothing of the refused write is there"
assert vault.count(alice()) == len(stored)
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
stored.append(desk.put("there is space again", vectors=small).id)
assert [operation.id for _, operation in vault.log()] == stored
assert list(vault.verify()) == []
vault.close()
assert SQLiteVault(path, clock=ManualClock()).count(alice()) == len(stored)
print("done")
"""

FORK = """
import gc, os, weakref
desk.put("before")
child = os.fork()
if child == 0:
    for refused in (lambda: vault.count(alice()), lambda: desk.put("in the child"), lambda: vault.log()):
        try:
            refused()
        except ForkedVault as error:
            assert error.facts["used_by"] == os.getpid()
        else:
            raise SystemExit("the child was let in")
    inherited = [weakref.ref(db) for db in vault._pool._all]
    vault.close()
    del vault, desk, refused
    gc.collect()
    assert [db() is None or db().in_transaction for db in inherited] == [False], "the child closed it"
    raise SystemExit(0)  # with all that an interpreter clears away at its end
_, status = os.waitpid(child, 0)
assert status == 0
assert os.path.exists(path + "-wal"), "the child took the parent's WAL away"
desk.put("after")
assert desk.texts(alice()) == ["after", "before"]
assert list(vault.verify()) == []
vault.close()
assert SQLiteVault(path, clock=ManualClock()).count(alice()) == 2
print("done")
"""

WRITE = """
for number in range(40):
    desk.put(f"text {number}", vectors=[vector(1, number, 0, 0)])
print("done")
"""


def started(code: str, path: Path, *, number: int = 1) -> subprocess.Popen[str]:
    command = [sys.executable, "-W", "error", "-c", SETUP + code, str(path), str(number)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def assert_done(process: subprocess.Popen[str]) -> None:
    out, err = process.communicate()
    assert (out, err) == ("done\n", "")


def test_full_disk_changes_nothing_and_is_overcome(tmp_path: Path) -> None:
    assert_done(started(FILL, tmp_path / "vault.db"))


def test_full_database_is_told_from_what_sqlite_vec_makes_of_it(tmp_path: Path) -> None:
    """Troubleshooting: sqlite-vec hides that the database is full behind an error of its own."""
    vault = SQLiteVault(str(tmp_path / "vault.db"), clock=ManualClock())
    desk = Desk(vault)
    put = desk.put("first")
    with vault._pool.bare() as db:
        pages = db.execute("pragma page_count").get
        db.execute(f"pragma max_page_count = {pages + 1}")
    with pytest.raises(VaultFull):
        desk.put("second", vectors=[vector(1, 0, 0, 0)])
    assert vault.spec is None
    assert [operation.id for _, operation in vault.log()] == [put.id]
    with vault._pool.bare() as db:
        db.execute("pragma max_page_count = 1000000")
    desk.put("third", vectors=[vector(1, 0, 0, 0)])
    assert list(vault.verify()) == []


def test_forked_child_is_kept_out_and_harms_nothing(tmp_path: Path) -> None:
    assert_done(started(FORK, tmp_path / "vault.db"))


def test_processes_take_turns(tmp_path: Path) -> None:
    """Troubleshooting: all four find no file and make it at once; then they write without a pause."""
    path = tmp_path / "vault.db"
    writers = [started(WRITE, path, number=number) for number in range(1, 5)]
    for writer in writers:
        assert_done(writer)
    vault = SQLiteVault(str(path), clock=ManualClock())
    assert vault.count(alice()) == 4 * 40
    assert list(vault.verify()) == []


@pytest.mark.parametrize("name", ["vault.db", ":memory:"])
def test_threads_share_a_vault(tmp_path: Path, name: str) -> None:
    path = name if name == ":memory:" else str(tmp_path / name)
    vault = SQLiteVault(path, clock=ManualClock())
    gate = threading.Barrier(4)

    def work(number: int) -> int:
        desk = Desk(vault, number=number)
        gate.wait()
        for at in range(20):
            desk.put(f"text {at}", vectors=[vector(1, at, number, 0)])
            assert vault.nearest(alice(), vector(1, 0, 0, 0), limit=3)
        return number

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(work, range(4))) == [0, 1, 2, 3]
    assert vault.count(alice()) == 80
    assert list(vault.verify()) == []
    vault.close()


@pytest.mark.parametrize("name", ["vault.db", ":memory:"])
def test_closing_waits_for_threads_that_are_at_work(tmp_path: Path, name: str) -> None:
    path = name if name == ":memory:" else str(tmp_path / name)
    vault = SQLiteVault(path, clock=ManualClock())
    at_work = threading.Barrier(4)

    def work(number: int) -> int:
        desk = Desk(vault, number=number)
        done = 0
        try:
            while True:
                desk.put("text", vectors=[vector(1, done, 0, 0)])
                vault.match(alice(), ["text"], limit=9)
                if done == 0:
                    at_work.wait()
                done += 1
        except VaultClosed:
            return done

    with ThreadPoolExecutor(3) as pool:
        running = [pool.submit(work, number) for number in range(3)]
        at_work.wait()
        vault.close()
        assert min(thread.result() for thread in running) > 0
    if name != ":memory:":
        assert list(SQLiteVault(path, clock=ManualClock()).verify()) == []


def test_connections_of_finished_threads_are_closed(tmp_path: Path) -> None:
    vault = SQLiteVault(str(tmp_path / "vault.db"), clock=ManualClock())
    for _ in range(5):
        thread = threading.Thread(target=vault.count, args=(alice(),))
        thread.start()
        thread.join()
    assert len(vault._pool._all) == 1
