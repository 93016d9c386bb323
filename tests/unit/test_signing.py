"""Signing keys and signatures."""

from __future__ import annotations

import base64
import stat
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from memos_core.cube.canonical import canonical, parse_object
from memos_core.errors import InvalidInput, InvalidKey
from memos_core.infrastructure.exchange.signing import SigningKey, envelope, is_signed, opened, public_key

STATEMENT = {"_type": "test", "subject": "s"}


def test_a_key_is_kept_in_a_file_of_its_own(tmp_path: Path) -> None:
    key, path = SigningKey.new(), tmp_path / "k.pem"
    key.save(path)
    assert SigningKey.load(path).public == key.public == public_key(key.public)
    assert key.public in repr(key)
    if sys.platform != "win32":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(InvalidKey, match="never overwritten"):
        key.save(path)
    with pytest.raises(InvalidKey, match="cannot be written"):
        key.save(tmp_path / "no" / "k.pem")


def test_a_passphrase_protects_it(tmp_path: Path) -> None:
    key, path = SigningKey.new(), tmp_path / "k.pem"
    key.save(path, "open sesame")
    assert SigningKey.load(path, lambda: "open sesame").public == key.public
    with pytest.raises(InvalidKey, match="none was given"):
        SigningKey.load(path)
    with pytest.raises(InvalidKey, match="passphrase is wrong"):
        SigningKey.load(path, lambda: "sesame")


def test_what_is_no_key_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "k.pem"
    with pytest.raises(InvalidKey, match="cannot be read"):
        SigningKey.load(path)
    path.write_text("hello")
    with pytest.raises(InvalidKey, match="no private key"):
        SigningKey.load(path)
    path.write_bytes(Ed448PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with pytest.raises(InvalidKey, match="no Ed25519 key"):
        SigningKey.load(path)


@pytest.mark.parametrize(
    "text", ["", "ed25519:", "ed25519:" + "0" * 63, "ed25519:" + "A" * 64, "rsa:" + "0" * 64, None]
)
def test_what_is_no_public_key_is_refused(text: str) -> None:
    with pytest.raises(InvalidKey, match="no public key"):
        public_key(text)


def test_a_signature_is_that_of_its_bytes_and_key() -> None:
    key = SigningKey.new()
    signature = key.sign(b"data")
    assert is_signed(b"data", signature, key.public)
    assert not is_signed(b"date", signature, key.public)
    assert not is_signed(b"data", signature, SigningKey.new().public)


def test_an_envelope_gives_back_who_signed_what() -> None:
    key = SigningKey.new()
    data = envelope(STATEMENT, key)
    assert opened(data) == (key.public, STATEMENT)
    assert parse_object(data)["payloadType"] == "application/vnd.in-toto+json"


def test_every_altered_bit_of_an_envelope_is_found() -> None:
    data = envelope(STATEMENT, SigningKey.new())
    for place in range(len(data)):
        for bit in (1, 4, 32):
            with pytest.raises(InvalidInput):
                opened(data[:place] + bytes([data[place] ^ bit]) + data[place + 1 :])


@pytest.mark.parametrize(
    "change",
    [
        {"payloadType": "text/plain"},
        {"signatures": []},
        {"more": 1},
        {"payload": "!"},
        {"payload": base64.b64encode(b"{}").decode()},
    ],
)
def test_an_envelope_of_another_form_is_refused(change: dict[str, object]) -> None:
    fields = parse_object(envelope(STATEMENT, SigningKey.new()))
    with pytest.raises(InvalidInput):
        opened(canonical(fields | change))
