"""Keys of vaults, from where they are kept: never from a command line, which others can see."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path

from memos_core.errors import ExtraMissing, InvalidKey
from memos_core.infrastructure.keeping import save_secret

SERVICE = "memos"  # the name in the key ring under which keys are kept
BYTES = 32  # of a key that is made
PROMPT = "prompt"


def key_from(source: str, ask: Callable[[], str]) -> str:
    """Fetch a key.

    Parameters
    ----------
    source
        ``file:PATH``, the first line of a file; ``keyring:NAME``, in the key ring of the system; or ``prompt``.
    ask
        Asks a person for it.

    Raises
    ------
    InvalidKey
        If there is none, or the source is not understood.
    ExtraMissing
        If the key ring cannot be asked.
    """
    kind, _, name = source.partition(":")
    if source == PROMPT:
        return ask()
    if kind == "file" and name:
        return _from_file(Path(name).expanduser())
    if kind == "keyring" and name:
        return _from_keyring(name)
    raise InvalidKey(detail=f"{source!r} is no place of a key: file:PATH, keyring:NAME and prompt are.")


def new_key(path: Path) -> None:
    """Make a key at random, in a new file that only its owner may read.

    Raises
    ------
    InvalidKey
        If something is there already, or it cannot be written.
    """
    save_secret(path, f"{secrets.token_hex(BYTES)}\n".encode())


def _from_file(path: Path) -> str:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidKey(detail=f"The key file {path} cannot be read.") from error
    if not lines or not lines[0].strip():
        raise InvalidKey(detail=f"The key file {path} is empty. `memos key new FILE --vault` makes one.")
    return lines[0].strip()


def _from_keyring(name: str) -> str:
    try:
        import keyring
    except ImportError as error:
        raise ExtraMissing(what="The key ring", install="pip install 'memcubes[encrypted]'") from error
    found: str | None = keyring.get_password(SERVICE, name)
    if not found:
        raise InvalidKey(detail=f"The key ring has no key {name!r}: keyring set {SERVICE} {name}")
    return found
