"""Opening a vault file, or refusing one and leaving it untouched."""

from __future__ import annotations

import re
from pathlib import Path

import apsw

from memos_core.errors import InvalidInput, NotAVault, VaultError, VaultTooNew, WrongKey
from memos_core.infrastructure.vault.ciphers import check_key
from memos_core.infrastructure.vault.connection import MEMORY, Pool, set_pragma, translated, unlocked, wait
from memos_core.infrastructure.vault.migrations import APPLICATION_ID, VERSION, migrate

_MAGIC = b"SQLite format 3\0"
_HEADER = 100  # bytes
_USER_VERSION = slice(60, 64)
_APPLICATION_ID = slice(68, 72)
_IN_NO_PATH = re.compile("[\0\ud800-\udfff]")


def open_pool(path: str, *, now: int, key: str | None = None) -> Pool:
    """Open a vault, and make or migrate it where that is due.

    Parameters
    ----------
    now
        Microseconds since 1970 UTC.
    key
        Of an encrypted file.

    Raises
    ------
    NotAVault, VaultTooNew
        If the file is something else, or from a newer release.
    WrongKey
        If the key is not that of the file.
    InvalidInput
        If there is a key and no encrypted file.
    """
    check_key(key)
    if path != MEMORY:
        inspect(path, key)
    elif key is not None:
        raise InvalidInput(detail="A vault in memory has no file that could be encrypted.")
    pool = Pool(path, key)
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


def inspect(path: str, key: str | None = None) -> None:
    """Look at a file without opening it as a database; mark a new one as ours before anything else is in it.

    Raises
    ------
    InvalidInput
        If the path is none.
    NotAVault, VaultTooNew
        If the file is something else, or from a newer release.
    WrongKey
        If the key is not that of the file.
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
        _mark(path, key)
    elif key is not None:
        if header.startswith(_MAGIC):
            raise InvalidInput(detail=f"{path} is not encrypted, and a key was given. `memos encrypt` encrypts it.")
        _check_numbers(path, *_numbers(path, key))
    elif not header.startswith(_MAGIC) or len(header) < _HEADER:
        raise NotAVault(path=path, detail="it is no SQLite database; an encrypted vault needs its key")
    else:
        _check_numbers(path, *(int.from_bytes(header[at], "big") for at in (_APPLICATION_ID, _USER_VERSION)))


def _check_numbers(path: str, application: int, version: int) -> None:
    if application != APPLICATION_ID:
        raise NotAVault(path=path, detail="it is a SQLite database of another application")
    if version > VERSION:
        raise VaultTooNew(path=path, found=version, known=VERSION)


def _numbers(path: str, key: str) -> tuple[int, int]:
    """The application id and the schema version of an encrypted file, whose header tells neither."""
    db = unlocked(path, key)
    try:
        db.set_busy_handler(wait)
        return db.pragma("application_id"), db.pragma("user_version")
    except apsw.NotADBError as error:
        raise WrongKey(path=path) from error
    except apsw.Error as error:
        raise translated(error, path, errno=db.system_errno) from error
    finally:
        db.close()


def _mark(path: str, key: str | None) -> None:
    """Write the application id, in a file that is still empty, so that no half-made vault is taken for a stranger's."""
    db = unlocked(path, key)
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
