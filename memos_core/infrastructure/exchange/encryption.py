"""Encryption of packages to those who may read them, with age.

References
----------
The age file encryption format, age-encryption.org/v1, C2SP.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memos_core.errors import ExtraMissing, InvalidInput, InvalidKey
from memos_core.infrastructure.keeping import save_secret

if TYPE_CHECKING:
    from types import ModuleType

BEGINNING = "AGE-SECRET-KEY-1"  # of a secret key
_MARK = b"age-encryption.org/v1\n"
START = len(_MARK)  # bytes that tell an encrypted file


def is_encrypted(start: bytes) -> bool:
    """Say whether a file that begins so is encrypted."""
    return start == _MARK


def new_identity() -> tuple[str, str]:
    """Make a secret key, and the public key that belongs to it."""
    identity = _age().x25519.Identity.generate()
    return str(identity), str(identity.to_public())


def public_of(secret: str) -> str:
    """The public key that belongs to a secret one.

    Raises
    ------
    InvalidKey
        If it is none.
    """
    return str(_identity(secret).to_public())


def save_identity(secret: str, path: Path) -> None:
    """Write a secret key to a new file that only its owner may read.

    Raises
    ------
    InvalidKey
        If something is there already, or it cannot be written.
    """
    save_secret(path, f"# public key: {public_of(secret)}\n{secret}\n".encode())


def load_identity(path: Path) -> str:
    """Read a secret key from a file, as age writes it too.

    Raises
    ------
    InvalidKey
        If it holds none.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidKey(detail=f"The key file {path} cannot be read.") from error
    found = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    if len(found) != 1 or not found[0].startswith(BEGINNING):
        raise InvalidKey(detail=f"{path} holds no secret key of age. `memos key new FILE --age` makes one.")
    return found[0]


def is_identity(path: Path) -> bool:
    """Say whether a file seems to hold a secret key of age."""
    try:
        return BEGINNING.encode() in path.read_bytes()
    except OSError:
        return False


def recipient(text: str) -> str:
    """Read a public key of age.

    Raises
    ------
    InvalidKey
        If it is none.
    """
    _recipient(text)
    return text


def encrypt(source: Path, target: Path, recipients: Iterable[str]) -> None:
    """Encrypt a file.

    Raises
    ------
    InvalidKey
        If a recipient is no public key of age.
    """
    keys = [_recipient(text) for text in recipients]
    with source.open("rb") as plain, target.open("wb") as sealed:
        _age().encrypt_io(plain, sealed, keys)


def decrypt(source: Path, target: Path, identities: Iterable[str]) -> None:
    """Decrypt a file.

    Raises
    ------
    InvalidKey
        If an identity is no secret key of age.
    InvalidInput
        If none of them opens it, or it was altered.
    """
    age = _age()
    keys = [_identity(text) for text in identities]
    if not keys:
        raise InvalidInput(detail=f"{source} is encrypted. Give the secret key of age that it was encrypted to.")
    with source.open("rb") as sealed, target.open("wb") as plain:
        try:
            age.decrypt_io(sealed, plain, keys)
        except (age.DecryptError, OSError) as error:
            detail = f"{source} cannot be decrypted: it is for other keys, or was altered."
            raise InvalidInput(detail=detail) from error


def _recipient(text: str) -> Any:
    age = _age()
    try:
        return age.x25519.Recipient.from_str(text)
    except age.RecipientError as error:
        raise InvalidKey(detail=f"{text!r} is no public key of age: age1 and 58 characters are.") from error


def _identity(text: str) -> Any:
    age = _age()
    try:
        return age.x25519.Identity.from_str(text.strip())
    except age.IdentityError as error:
        raise InvalidKey(detail="A secret key of age begins with AGE-SECRET-KEY-1, and this is none.") from error


def _age() -> ModuleType:
    try:
        import pyrage
    except ImportError as error:
        raise ExtraMissing(what="Encryption of packages", install="pip install 'memcubes[age]'") from error
    module: ModuleType = pyrage
    return module
