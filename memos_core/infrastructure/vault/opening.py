"""Opening a vault file, or refusing one and leaving it untouched."""

from __future__ import annotations

import re
from pathlib import Path

import apsw

from memos_core.errors import InvalidInput, NotAVault, VaultError, VaultTooNew
from memos_core.infrastructure.vault.connection import MEMORY, Pool, set_pragma, translated, wait
from memos_core.infrastructure.vault.migrations import APPLICATION_ID, VERSION, migrate

_MAGIC = b"SQLite format 3\0"
_HEADER = 100  # bytes
_USER_VERSION = slice(60, 64)
_APPLICATION_ID = slice(68, 72)
_IN_NO_PATH = re.compile("[\0\ud800-\udfff]")


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


def check_path(path: str) -> None:
    """Refuse what no file can be called.

    Raises
    ------
    InvalidInput
        If it is empty, or has NUL characters or lone surrogates.
    """
    if not isinstance(path, str) or not path or _IN_NO_PATH.search(path):
        raise InvalidInput(detail=f"{path!r} is no path: a text is, without NUL characters and lone surrogates.")


def inspect(path: str) -> None:
    """Look at a file without opening it as a database; mark a new one as ours before anything else is in it.

    Raises
    ------
    InvalidInput
        If the path is none.
    NotAVault, VaultTooNew
        If the file is something else, or from a newer release.
    VaultError
        If it cannot be read or made.
    """
    check_path(path)
    file = Path(path)
    try:
        is_directory, has_directory = file.is_dir(), file.parent.is_dir()
        header = _header(file) if has_directory and not is_directory else b""
    except OSError as error:
        raise VaultError(detail=f"{path} cannot be read: {error.strerror}.") from error
    if is_directory:
        raise NotAVault(path=path, detail="it is a directory")
    if not has_directory:
        raise VaultError(detail=f"{path} cannot be made, for there is no directory {file.parent}. Make it first.")
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
