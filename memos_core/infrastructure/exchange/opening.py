"""Opening what memories are taken from: vaults, packages, encrypted packages."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from memos_core.errors import InvalidInput, InvalidPackage
from memos_core.infrastructure.exchange import encryption
from memos_core.infrastructure.exchange.archive import Package
from memos_core.infrastructure.vault.sqlite import SQLiteVault
from memos_core.ports import Batch, Clock, Vault

_ZIP = b"PK\3\4"
_SQLITE = b"SQLite format 3\0"


def opened_vault(path: Path, *, clock: Clock, key: str | None = None) -> SQLiteVault | None:
    """The vault in a file; ``None`` if the file is something else.

    Parameters
    ----------
    key
        Of an encrypted vault.

    Raises
    ------
    InvalidInput
        If it cannot be read.
    VaultError
        If it is a database, and no vault that this release can use.
    """
    return SQLiteVault(str(path), clock=clock, key=key) if is_vault(path, key=key) else None


def is_vault(path: Path, *, key: str | None) -> bool:
    """Say whether a file seems to be a vault: what has a key is one.

    Raises
    ------
    InvalidInput
        If it cannot be read.
    """
    return start_of(path, len(_SQLITE)) == _SQLITE or key is not None


@contextmanager
def opened_package(path: Path, *, identities: Iterable[str] = ()) -> Iterator[Package]:
    """A package, decrypted if that is due into a folder that goes with it.

    Raises
    ------
    InvalidInput
        If it cannot be read, or none of the identities opens it.
    InvalidPackage
        If it is not sound.
    """
    start = start_of(path, encryption.START)
    if not encryption.is_encrypted(start):
        if not start.startswith(_ZIP):
            detail = "it does not begin as one. (A vault that is encrypted needs its key.)"
            raise InvalidPackage(path=path, detail=detail)
        with Package(path) as package:
            yield package
        return
    with tempfile.TemporaryDirectory(prefix="memcube-") as folder:
        plain = Path(folder) / path.name
        encryption.decrypt(path, plain, identities)
        with Package(plain) as package:
            yield package


@contextmanager
def unpacked(package: Package, *, clock: Clock) -> Iterator[Vault]:
    """A vault that holds what a package does, for as long as this lasts.

    Raises
    ------
    InvalidPackage
        If its operations are not as the format wants them.
    """
    with tempfile.TemporaryDirectory(prefix="memcube-") as folder:
        vault = SQLiteVault(str(Path(folder) / "unpacked.db"), clock=clock)
        try:
            with vault.transaction():
                for page in package.pages():
                    vault.commit(Batch(page))
            yield vault
        finally:
            vault.close()


def start_of(path: Path, length: int) -> bytes:
    """The first bytes of a file.

    Raises
    ------
    InvalidInput
        If it cannot be read.
    """
    try:
        with path.open("rb") as stream:
            return stream.read(length)
    except OSError as error:
        raise InvalidInput(detail=f"{path} cannot be read: {error.strerror}.") from error
