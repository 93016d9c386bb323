"""Signing keys and signatures: Ed25519, in an envelope that other tools can verify too.

References
----------
DSSE, the Dead Simple Signing Envelope, v1.0; in-toto Attestation Framework, Statement v1; RFC 8032 (Ed25519).
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from memos_core.cube.canonical import canonical, parse_object
from memos_core.errors import InvalidInput, InvalidKey
from memos_core.infrastructure.keeping import save_secret

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT = "https://in-toto.io/Statement/v1"
PREFIX = "ed25519:"  # of a public key as text, before 64 hexadecimal digits

Passphrase = Callable[[], str]


class SigningKey:
    """A private Ed25519 key."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key

    def __repr__(self) -> str:
        return f"SigningKey({self.public})"

    @property
    def public(self) -> str:
        """The public key, as text."""
        raw = self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return f"{PREFIX}{raw.hex()}"

    @classmethod
    def new(cls) -> SigningKey:
        """Make a key at random."""
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def of(cls, secret: str) -> SigningKey:
        """The key that :attr:`secret` is of."""
        return cls(Ed25519PrivateKey.from_private_bytes(bytes.fromhex(secret)))

    @property
    def secret(self) -> str:
        """The private key, as 64 hexadecimal digits: for nobody's eyes."""
        return self._key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption()).hex()

    @classmethod
    def load(cls, path: Path, passphrase: Passphrase | None = None) -> SigningKey:
        """Read a key from a file in PEM (PKCS 8).

        Parameters
        ----------
        passphrase
            Asked for the passphrase if the file is protected by one.

        Raises
        ------
        InvalidKey
            If it holds none, or the passphrase is wrong.
        """
        try:
            data = path.read_bytes()
        except OSError as error:
            raise InvalidKey(detail=f"The key file {path} cannot be read: {error.strerror}.") from error
        is_protected = b"ENCRYPTED" in data
        if is_protected and passphrase is None:
            raise InvalidKey(detail=f"The key in {path} is protected by a passphrase, and none was given.")
        secret = passphrase().encode() if is_protected and passphrase else None
        try:
            key = load_pem_private_key(data, password=secret)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            detail = "the passphrase is wrong" if is_protected else "it is no private key in PEM"
            raise InvalidKey(detail=f"The key in {path} cannot be used: {detail}.") from error
        if not isinstance(key, Ed25519PrivateKey):
            raise InvalidKey(detail=f"The key in {path} is no Ed25519 key. `memos key new` makes one.")
        return cls(key)

    def save(self, path: Path, passphrase: str | None = None) -> None:
        """Write the key to a new file that only its owner may read.

        Raises
        ------
        InvalidKey
            If something is there already, or it cannot be written.
        """
        how = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
        data = self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, how)
        save_secret(path, data)

    def sign(self, data: bytes) -> bytes:
        """The signature of bytes, 64 long."""
        return self._key.sign(data)


def public_key(text: str) -> str:
    """Read a public key, and return it as it is written everywhere.

    Raises
    ------
    InvalidKey
        If it is none.
    """
    _raw(text)
    return text


def is_signed(data: bytes, signature: bytes, key: str) -> bool:
    """Say whether a signature of bytes is that of a public key."""
    try:
        Ed25519PublicKey.from_public_bytes(_raw(key)).verify(signature, data)
    except InvalidSignature:
        return False
    return True


def envelope(statement: Mapping[str, Any], key: SigningKey) -> bytes:
    """A signed statement, as canonical JSON."""
    payload = canonical(statement)
    signature = key.sign(_authenticated(payload))
    return canonical(
        {
            "payload": base64.b64encode(payload).decode(),
            "payloadType": PAYLOAD_TYPE,
            "signatures": [{"keyid": key.public, "sig": base64.b64encode(signature).decode()}],
        }
    )


def opened(data: bytes) -> tuple[str, dict[str, Any]]:
    """The key that signed an envelope, and the statement in it.

    Raises
    ------
    InvalidInput
        If it is not exactly what :func:`envelope` makes, or the signature is wrong.
    """
    fields = parse_object(data)
    try:
        payload = base64.b64decode(fields["payload"], validate=True)
        [signed] = fields["signatures"]
        key, signature = public_key(signed["keyid"]), base64.b64decode(signed["sig"], validate=True)
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidInput(detail="This is no envelope with one signature.") from error
    if not is_signed(_authenticated(payload), signature, key):
        raise InvalidInput(detail=f"The signature is not that of {key}.")
    signed = {"keyid": key, "sig": base64.b64encode(signature).decode()}
    whole = {"payload": base64.b64encode(payload).decode(), "payloadType": PAYLOAD_TYPE, "signatures": [signed]}
    if canonical(whole) != data:
        raise InvalidInput(detail="The envelope is not written as the format wants it.")
    return key, parse_object(payload)


def _authenticated(payload: bytes) -> bytes:
    """What is signed: the payload with its type, in DSSE's encoding."""
    kind = PAYLOAD_TYPE.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def _raw(key: str) -> bytes:
    digits = key.removeprefix(PREFIX) if isinstance(key, str) else ""
    if not isinstance(key, str) or not key.startswith(PREFIX) or len(digits) != 64 or digits.strip("0123456789abcdef"):
        raise InvalidKey(detail=f"{key!r} is no public key: {PREFIX} and 64 hexadecimal digits are.")
    return bytes.fromhex(digits)
