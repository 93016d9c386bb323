"""Vault files that are encrypted at rest: every page, the header, the write-ahead log, and the blobs beside it.

References
----------
SQLite3 Multiple Ciphers; its default, ChaCha20 with Poly1305, and PBKDF2 that makes the key of a passphrase.
"""

from __future__ import annotations

import apsw

from memos_core.errors import ExtraMissing, InvalidInput, VaultBusy, WrongKey
from memos_core.infrastructure.vault.blobs import Blobs
from memos_core.infrastructure.vault.connection import set_pragma, transaction, translated, unlocked, wait
from memos_core.infrastructure.vault.migrations import BLOBS_SINCE, version

# Installing the extra beside the plain build can leave either of the two, which share their files.
INSTALL = "pip install --force-reinstall --no-deps apsw-sqlite3mc"


def check_key(key: str | None) -> None:
    """Refuse what is no key, or cannot be used with the library that is installed.

    Raises
    ------
    InvalidInput
        If it is no text, or an empty one.
    ExtraMissing
        If the library cannot encrypt.
    """
    if key is None:
        return
    if not isinstance(key, str) or not key or "\0" in key:
        raise InvalidInput(detail="The key of a vault must be a text that is not empty.")
    if not hasattr(apsw, "mc_version"):
        raise ExtraMissing(what="An encrypted vault", install=INSTALL)


def recrypt(path: str, *, old: str | None, new: str | None) -> None:
    """Encrypt a vault that nobody else has open, give it another key, or decrypt it: all of it, or nothing.

    Parameters
    ----------
    old, new
        Keys; ``None`` is none.

    Raises
    ------
    WrongKey
        If the old one is not the vault's.
    VaultBusy
        If somebody else has it open.
    ExtraMissing
        If the library cannot encrypt.
    """
    for key in (old, new):
        check_key(key)
    db = unlocked(path, old)
    try:
        db.set_busy_handler(wait)
        db.execute("select count(*) from sqlite_master").fetchall()
        if db.pragma("journal_mode", "delete") != "delete":
            raise VaultBusy(path=path, seconds=0)
        blobs, has_blobs = Blobs(path, is_sealed=new is not None), version(db) >= BLOBS_SINCE
        # Files are encrypted before the keys to them are, and decrypted after: broken off, neither is half done.
        if has_blobs and new is not None:
            _reseal(db, blobs)
        db.pragma("rekey", new or "")
        if has_blobs and new is None:
            _reseal(db, blobs)
        set_pragma(db, "journal_mode", "wal")
        if has_blobs:
            with transaction(db, "begin immediate"):
                blobs.sweep(db)
    except apsw.NotADBError as error:
        raise WrongKey(path=path) from error
    except apsw.Error as error:
        raise translated(error, path, errno=db.system_errno) from error
    finally:
        db.close()


def _reseal(db: apsw.Connection, blobs: Blobs) -> None:
    with transaction(db, "begin immediate"):
        blobs.reseal(db)
