"""Connections to one vault file: safe settings, one per thread, short transactions, errors in our own words."""

from __future__ import annotations

import ctypes
import errno
import os
import secrets
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

import apsw

from memos_core.errors import (
    ForkedVault,
    InvalidText,
    MemOSError,
    UnsupportedSQLite,
    VaultBusy,
    VaultClosed,
    VaultCorrupt,
    VaultError,
    VaultFull,
)

MEMORY = ":memory:"
CACHE_KIBIBYTES = 65_536
JOURNAL_LIMIT = 64 * 1024 * 1024  # bytes of WAL kept after a checkpoint
BUSY_TRIES = 30_000
BUSY_SLEEP = (0.0003, 0.001)  # seconds; short and random, because SQLite's own handler starves writers

#: First releases without the WAL-reset bug, which can lose committed writes (sqlite.org/wal.html#walresetbug).
FIXED = (3, 51, 3)
FIXED_BRANCHES = {(3, 44): 6, (3, 50): 7}

# sqlite-vec turns SQLITE_FULL into generic errors with these texts.
_HIDDEN_FULL = ("database or disk is full", "Could not insert a new vector chunk")
NO_SPACE = {errno.ENOSPC, errno.EFBIG, errno.EDQUOT}
_RANDOM = secrets.SystemRandom()


def check_library(version: str) -> None:
    """Refuse a SQLite library that can lose what it has acknowledged.

    Raises
    ------
    UnsupportedSQLite
        For every release with the WAL-reset bug.
    """
    major, minor, patch = (int(number) for number in version.split(".")[:3])
    if (major, minor, patch) < FIXED and patch < FIXED_BRANCHES.get((major, minor), patch + 1):
        raise UnsupportedSQLite(
            detail=f"SQLite {version} can lose committed writes in WAL mode; 3.51.3 and later cannot."
        )


def vector_extension() -> str:
    """Path of the sqlite-vec library. The Python package around it is not imported, for it loads numpy.

    Raises
    ------
    UnsupportedSQLite
        If it is not installed.
    """
    found = find_spec("sqlite_vec")
    if found is None or not found.submodule_search_locations:
        raise UnsupportedSQLite(detail="The SQLite extension sqlite-vec is not installed: pip install sqlite-vec.")
    return str(Path(found.submodule_search_locations[0]) / "vec0")


class Pool:
    """The connections of one open vault: one per thread to a file, and a single one to memory.

    Parameters
    ----------
    path
        Of the file, or ``":memory:"``.
    key
        Of an encrypted file.

    Attributes
    ----------
    is_flush_due
        Erased bytes may still be in the WAL.
    """

    def __init__(self, path: str, key: str | None = None) -> None:
        check_library(apsw.sqlite_lib_version())
        self.path = path
        self.key = key
        self.is_flush_due = False
        self._pid = os.getpid()
        self._closed = False
        self._users = threading.Condition()
        self._using = 0
        self._local = threading.local()
        self._all: weakref.WeakSet[apsw.Connection] = weakref.WeakSet()
        self._writing = threading.RLock()
        self._memory = connect(MEMORY) if path == MEMORY else None
        _POOLS.add(self)

    @contextmanager
    def read(self) -> Iterator[apsw.Connection]:
        """A connection inside a transaction that sees one unchanging state; inside the one that the thread holds."""
        with self._translated() as db, self._alone(), self._joined(db) if self.is_held else transaction(db, "begin"):
            yield db

    @contextmanager
    def write(self, *, patient: bool = True) -> Iterator[apsw.Connection]:
        """A connection inside a write transaction: committed at the end, rolled back on any error.

        Inside a transaction that the thread holds, an error undoes this part of it. Whoever is not patient gets
        ``VaultBusy`` at once where another writes.
        """
        with self._translated() as db, self._writing:
            if not self.is_held:
                with _patience(db, patient=patient), transaction(db, "begin immediate"):
                    yield db
            else:
                with self._joined(db), db:  # a savepoint
                    yield db

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Make one write transaction of all that this thread reads and writes; one inside another joins it."""
        if self.is_held:
            yield
            return
        with self._translated() as db, self._writing, transaction(db, "begin immediate"):
            self._local.is_held = True
            try:
                yield
                with self._joined(db):
                    pass
            finally:
                self._local.is_held = False

    @property
    def is_held(self) -> bool:
        """Whether this thread is inside a transaction of several calls."""
        return getattr(self._local, "is_held", False)

    @contextmanager
    def _joined(self, db: apsw.Connection) -> Iterator[None]:
        """Make sure that the transaction is there: where no space is left, SQLite rolls back all of it by itself."""
        if not db.in_transaction:
            raise VaultError(detail="An error has undone the whole transaction; leave it, and begin again.")
        yield

    @contextmanager
    def bare(self) -> Iterator[apsw.Connection]:
        """A connection outside any transaction, for what SQLite allows only there."""
        with self._translated() as db, self._writing:
            yield db

    def flush(self) -> None:
        """Move everything out of the WAL and cut it, so that erased bytes stay nowhere.

        Where a reader holds it for longer than we wait, it is due again after the next commit and at the last close.
        """
        self.is_flush_due = True
        if self.is_held:
            return
        with suppress(VaultBusy), self.bare() as db:
            db.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
            self.is_flush_due = False

    def close(self) -> None:
        """Close all connections, when no thread uses one any more.

        A forked child closes none, for that could damage its parent's file.
        """
        if os.getpid() != self._pid:
            return
        with self._users:
            self._closed = True
            self._users.wait_for(lambda: self._using == 0)
        for db in [*self._all, *filter(None, [self._memory])]:
            db.close()

    @contextmanager
    def _translated(self) -> Iterator[apsw.Connection]:
        db: apsw.Connection | None = None
        self._enter()
        try:
            db = self._connection()
            yield db
        except apsw.Error as error:
            raise translated(error, self.path, errno=0 if db is None else db.system_errno) from error
        except UnicodeDecodeError as error:
            raise VaultCorrupt(path=self.path, detail="a stored text is not valid Unicode") from error
        except UnicodeEncodeError as error:
            raise InvalidText(detail=f"{error.object!r} is not valid Unicode: a lone surrogate.") from error
        finally:
            self._leave()

    def _enter(self) -> None:
        if os.getpid() != self._pid:  # before any lock, which another thread of the parent may have held
            raise ForkedVault(opened_by=self._pid, used_by=os.getpid())
        with self._users:
            if self._closed:
                raise VaultClosed
            self._using += 1

    def _leave(self) -> None:
        with self._users:
            self._using -= 1
            self._users.notify_all()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Threads take turns in a database in memory, which has only one connection."""
        if self._memory is None:
            yield
        else:
            with self._writing:
                yield

    def _connection(self) -> apsw.Connection:
        db: apsw.Connection | None = self._memory or getattr(self._local, "db", None)
        if db is None:
            db = self._local.db = connect(self.path, self.key)
            self._all.add(db)
        return db

    def _leak(self) -> None:
        """Keep inherited connections from ever being closed in a forked child.

        Closing one would undo in shared memory what the parent may be writing.
        """
        for db in self._all:
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(db))


@contextmanager
def transaction(db: apsw.Connection, begin: str) -> Iterator[None]:
    """Run a transaction; SQLite may have rolled it back by itself when an error comes."""
    db.execute(begin)
    try:
        yield
        db.execute("commit")
    finally:
        if db.in_transaction:
            db.execute("rollback")


@contextmanager
def _patience(db: apsw.Connection, *, patient: bool) -> Iterator[None]:
    if patient:
        yield
        return
    db.set_busy_handler(None)
    try:
        yield
    finally:
        db.set_busy_handler(wait)


def connect(path: str, key: str | None = None) -> apsw.Connection:
    """Open a connection with every safety on, and check that each is."""
    db = unlocked(path, key)
    db.set_busy_handler(wait)
    db.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 1)
    for name, value in {
        "journal_mode": "memory" if path == MEMORY else "wal",
        "synchronous": 2,
        "secure_delete": 1,
        "trusted_schema": 0,
        "cell_size_check": 1,
        "temp_store": 2,
        "cache_size": -CACHE_KIBIBYTES,
        "journal_size_limit": JOURNAL_LIMIT,
    }.items():
        set_pragma(db, name, value)
    db.enable_load_extension(True)
    db.load_extension(vector_extension())
    db.enable_load_extension(False)
    return db


def unlocked(path: str, key: str | None) -> apsw.Connection:
    """A bare connection to a file, with its key if it is encrypted."""
    db = apsw.Connection(path)
    if key is not None:
        db.pragma("key", key)
    return db


def set_pragma(db: apsw.Connection, name: str, value: str | int) -> None:
    """Set a pragma and make sure that it took: apsw runs only the first of several in one text.

    Raises
    ------
    UnsupportedSQLite
        If the library keeps another value.
    """
    db.execute(f"pragma {name} = {value}").fetchall()
    kept = db.execute(f"pragma {name}").get
    if kept != value:
        raise UnsupportedSQLite(detail=f"SQLite keeps {name} at {kept!r} where {value!r} is needed.")


def translated(error: apsw.Error, path: str, *, errno: int = 0) -> MemOSError:
    """The error of ours that a driver error means.

    Parameters
    ----------
    errno
        Of the system call that failed last; full disks show there when SQLite or sqlite-vec hide them.
    """
    hidden = isinstance(error, apsw.SQLError) and any(text in str(error) for text in _HIDDEN_FULL)
    if hidden or isinstance(error, apsw.FullError) or (isinstance(error, apsw.IOError) and errno in NO_SPACE):
        return VaultFull(path=path)
    if isinstance(error, (apsw.BusyError, apsw.LockedError)):
        return VaultBusy(path=path, seconds=BUSY_TRIES * sum(BUSY_SLEEP) / 2)
    if isinstance(error, (apsw.CorruptError, apsw.NotADBError)):
        return VaultCorrupt(path=path, detail=str(error))
    return VaultError(detail=f"{path} cannot be used: {error}.")


def wait(tries: int) -> bool:
    """Busy handler: sleep a little, at random, so that every writer gets its turn."""
    time.sleep(_RANDOM.uniform(*BUSY_SLEEP))
    return tries < BUSY_TRIES


_POOLS: weakref.WeakSet[Pool] = weakref.WeakSet()


def _leak_all() -> None:
    for pool in _POOLS:
        pool._leak()  # noqa: SLF001 - the hook that the system calls in a forked child belongs to the class


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leak_all)
