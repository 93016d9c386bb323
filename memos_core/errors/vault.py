"""What goes wrong with a vault."""

from __future__ import annotations

from memos_core.errors.root import MemOSError


class VaultError(MemOSError):
    """The vault cannot do what was asked."""


class NotAVault(VaultError, ValueError):
    """A file that is not a MemOS vault. It was left untouched."""

    path: str
    template = "{path} is not a MemOS vault ({detail}). It was left untouched; pass another path to create a new vault."


class WrongKey(VaultError):
    """A key that is not the vault's, or a file that is no vault."""

    path: str
    template = "{path} is encrypted with another key, or is no vault. It was left untouched."


class VaultTooNew(VaultError):
    """A vault written by a newer release. It was left untouched."""

    path: str
    found: int
    known: int
    template = (
        "{path} has schema version {found}, and this release knows up to {known}. It was left untouched. "
        "Upgrade with: pip install --upgrade memcubes"
    )


class VaultClosed(VaultError):
    """Use after close."""

    template = "This vault is closed. Open it again with MemOS.open(path)."


class ForkedVault(VaultError, RuntimeError):
    """A vault opened before a fork and used after it in the child."""

    template = (
        "This vault was opened by process {opened_by} and is used in its child {used_by}, which would corrupt it. "
        "Open the vault again in the child."
    )


class VaultFull(VaultError, OSError):
    """No space left for the write; nothing of it was stored."""

    path: str
    template = (
        "There is no space left to write {path}; nothing of this call was stored. Free some disk space and try again."
    )


class VaultBusy(VaultError, TimeoutError):
    """Another process held the write lock for too long."""

    path: str
    seconds: float
    template = "{path} was locked by another writer for {seconds:.0f} s; nothing of this call was stored. Try again."


class VaultCorrupt(VaultError):
    """Stored bytes that do not match their digests."""

    path: str
    template = "{path} is damaged: {detail}. Run `memos doctor`, then restore a backup or run `memos rebuild`."


class UnsupportedSQLite(VaultError, RuntimeError):
    """A SQLite library with a known defect, or without what the vault needs."""

    template = "{detail} Install a newer one with: pip install --upgrade apsw"
