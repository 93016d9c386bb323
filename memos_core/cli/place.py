"""Where a vault lies when nobody says where."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from memos_core.errors import VaultError

FILE = Path("memos") / "memory.db"


def default_vault() -> Path:
    """The vault of this user, where the platform keeps the data of applications."""
    home = Path.home()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local") / FILE
    if sys.platform == "darwin":
        return home / "Library" / "Application Support" / FILE
    data = Path(os.environ.get("XDG_DATA_HOME", ""))  # to be ignored unless absolute, says its specification
    return (data if data.is_absolute() else home / ".local" / "share") / FILE


def prepare(vault: Path) -> Path:
    """Make the folder of the default vault if need be; other folders are their owners' business.

    Raises
    ------
    VaultError
        If that cannot be done.
    """
    if vault == default_vault():
        try:
            vault.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            detail = (
                f"{vault.parent} cannot be made: {error.strerror}. Say with --vault where else the memory may live."
            )
            raise VaultError(detail=detail) from error
    return vault


def fetched_key(source: str) -> str:
    """The key of a vault, from ``file:PATH``, ``keyring:NAME`` or ``prompt``.

    Raises
    ------
    InvalidKey
        If there is none.
    """
    import typer

    from memos_core.infrastructure.vault.keys import key_from

    return key_from(source, lambda: str(typer.prompt("Key of the vault", hide_input=True, err=True)))
