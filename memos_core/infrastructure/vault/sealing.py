"""Blobs of encrypted vaults: each file under a random key of its own, in pieces that no one can cut, swap or alter.

References
----------
Hoang, Reyhanitabar, Rogaway and Vizár, "Online Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance",
CRYPTO 2015: the construction STREAM, here with AES-256 in Galois/Counter Mode.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator
from typing import Any

from memos_core.infrastructure.vault.sources import PIECE

KEY_BYTES = 32
TAG_BYTES = 16
NONCE_BYTES = 12  # the number of the piece, and whether it is the last


def new_key() -> bytes:
    """A key for one file, and no other: that makes it safe to number the nonces."""
    return secrets.token_bytes(KEY_BYTES)


def new_name() -> str:
    """A name for a file, which tells nothing."""
    return secrets.token_hex(16)


def sealed_size(size: int) -> int:
    """Length in bytes of a file with a blob of this length."""
    return size + TAG_BYTES * _count(size)


def seal(key: bytes, size: int, pieces: Iterable[Any]) -> Iterator[bytes]:
    """Encrypt the pieces of a blob of this length."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    cipher, last = AESGCM(key), _count(size) - 1
    number = -1
    for number, piece in enumerate(pieces):
        yield cipher.encrypt(_nonce(number, is_last=number == last), piece, None)
    if number < 0:
        yield cipher.encrypt(_nonce(0, is_last=True), b"", None)


def unseal(key: bytes, size: int, sealed: memoryview) -> Iterator[bytes]:
    """Decrypt a file with a blob of this length, piece by piece.

    Raises
    ------
    ValueError
        If it was altered.
    """
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    cipher, last, step = AESGCM(key), _count(size) - 1, PIECE + TAG_BYTES
    try:
        for number in range(last + 1):
            piece = sealed[number * step : (number + 1) * step]
            yield cipher.decrypt(_nonce(number, is_last=number == last), piece, None)
    except InvalidTag as error:
        raise ValueError("it was altered") from error


def _count(size: int) -> int:
    return max(1, -(-size // PIECE))


def _nonce(number: int, *, is_last: bool) -> bytes:
    return number.to_bytes(NONCE_BYTES - 1, "big") + bytes([is_last])
