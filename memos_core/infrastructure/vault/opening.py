"""Opening a vault file, or refusing one and leaving it untouched."""

from __future__ import annotations

from pathlib import Path

import apsw

from memos_core.errors import NotAVault, VaultError, VaultTooNew
from memos_core.infrastructure.vault.connection import MEMORY, Pool, set_pragma, translated, wait
from memos_core.infrastructure.vault.migrations import APPLICATION_ID, VERSION, migrate

_MAGIC = b"SQLite format 3\0"
_HEADER = 100  # bytes
_USER_VERSION = slice(60, 64)
_APPLICATION_ID = slice(68, 72)


def open_pool(path: str, *, now: int) -> Pool:
    """Open a vault, and make or migrate it where that is due.

    Parameters
    ----------
    now
        Microseconds since 1970 UTC.

    Raises
    ------
    NotAVault, VaultTooNew
        If the file is something else, or from a newer release.
    """
    if path != MEMORY:
        inspect(path)
    pool = Pool(path)
    try:
        with pool.bare() as db:
            migrate(db, path, now=now)
    except BaseException:
        pool.close()
        raise
    return pool


def inspect(path: str) -> None:
    """Look at a file without opening it as a database; mark a new one as ours before anything else is in it.

    Raises
    ------
    NotAVault, VaultTooNew
        If the file is something else, or from a newer release.
    """
    file = Path(path)
    if file.is_dir():
        raise NotAVault(path=path, detail="it is a directory")
    if not file.parent.is_dir():
        raise VaultError(detail=f"{path} cannot be made, for there is no directory {file.parent}. Make it first.")
    try:
        header = _header(file)
    except OSError as error:
        raise VaultError(detail=f"{path} cannot be read: {error.strerror}.") from error
    if not header:
        _mark(path)
    elif not header.startswith(_MAGIC) or len(header) < _HEADER:
        raise NotAVault(path=path, detail="it is no SQLite database")
    elif int.from_bytes(header[_APPLICATION_ID], "big") != APPLICATION_ID:
        raise NotAVault(path=path, detail="it is a SQLite database of another application")
    elif (found := int.from_bytes(header[_USER_VERSION], "big")) > VERSION:
        raise VaultTooNew(path=path, found=found, known=VERSION)


def _mark(path: str) -> None:
    """Write the application id, in a file that is still empty, so that no half-made vault is taken for a stranger's."""
    db = apsw.Connection(path)
    try:
        db.set_busy_handler(wait)
        set_pragma(db, "application_id", APPLICATION_ID)
    except apsw.Error as error:
        raise translated(error, path, errno=db.system_errno) from error
    finally:
        db.close()


def _header(file: Path) -> bytes:
    if not file.exists():
        return b""
    with file.open("rb") as stream:
        return stream.read(_HEADER)
