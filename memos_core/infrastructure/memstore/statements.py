"""Signed statements of a marketplace: indexes, rotations of keys, licences, reports of use."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from memos_core.cube.canonical import sha256
from memos_core.errors import InvalidInput, KeyChanged
from memos_core.infrastructure.exchange.signing import STATEMENT, SigningKey, envelope, opened, public_key

INDEX = "urn:memstore:index:1"
ROTATION = "urn:memstore:rotation:1"
LICENCE = "urn:memstore:licence:1"
REPORT = "urn:memstore:report:1"


def signed(kind: str, subject: str, predicate: Mapping[str, Any], key: SigningKey) -> bytes:
    """A statement about something, in an envelope."""
    digest = {"sha256": sha256(subject.encode())}
    statement = {"_type": STATEMENT, "subject": [{"name": subject, "digest": digest}], "predicateType": kind}
    return envelope({**statement, "predicate": dict(predicate)}, key)


def read(data: bytes, kind: str) -> tuple[str, str, dict[str, Any]]:
    """The key that signed a statement, its subject, and what it says.

    Raises
    ------
    InvalidInput
        If it is no statement of this kind, or its signature is wrong.
    """
    key, statement = opened(data)
    try:
        [subject] = statement["subject"]
        predicate, name = statement["predicate"], subject["name"]
        is_right = statement["predicateType"] == kind and subject["digest"] == {"sha256": sha256(name.encode())}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InvalidInput(detail="The envelope holds no statement.") from error
    if not is_right or not isinstance(predicate, dict):
        raise InvalidInput(detail=f"The envelope holds no {kind}.")
    return key, name, predicate


def rotation(old: SigningKey, new: str) -> str:
    """The envelope by which a key names its successor."""
    return signed(ROTATION, old.public, {"successor": public_key(new)}, old).decode()


def follow(pinned: str, rotations: Iterable[str]) -> set[str]:
    """The keys that a pinned one leads to, itself included; each was named by one before it.

    Raises
    ------
    InvalidInput
        If an envelope is none of a rotation.
    """
    trusted = {pinned}
    for text in rotations:
        key, subject, said = read(text.encode(), ROTATION)
        if key == subject and key in trusted:
            trusted.add(public_key(said.get("successor", "")))
    return trusted


def check_pin(pinned: str | None, key: str, rotations: Iterable[str], *, registry: str, whose: str) -> None:
    """Refuse a key that is not the pinned one, nor named by it. Without a pin any key will do: it is pinned then.

    Raises
    ------
    KeyChanged
        If it is another.
    """
    if pinned is not None and key not in follow(pinned, rotations):
        detail = f"{whose} signs with {key}, and at first use it was {pinned}, which has not named it as its successor."
        raise KeyChanged(registry=registry, detail=detail)
