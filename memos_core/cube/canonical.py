"""Canonical JSON (RFC 8785) and the digests that rest on it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Union

import rfc8785

from memos_core.errors import InvalidInput

# A recursive alias that pydantic cannot resolve on Python 3.10; Any keeps the depth open.
JSON = Union[None, bool, int, float, str, "list[Any]", "dict[str, Any]"]

MAX_DEPTH = 64


def canonical(value: Mapping[str, Any]) -> bytes:
    """Serialise a JSON object so that equal values always give equal bytes.

    Raises
    ------
    InvalidInput
        For NaN, infinity, integers over 2**53, lone surrogates and anything that is not JSON.

    References
    ----------
    RFC 8785, JSON Canonicalization Scheme.
    """
    try:
        return rfc8785.dumps(dict(value))
    except (rfc8785.CanonicalizationError, UnicodeError, RecursionError, TypeError) as error:
        raise InvalidInput(detail=f"This value cannot be written as canonical JSON: {error}") from error


def parse_object(data: bytes) -> dict[str, Any]:
    """Read a JSON object strictly: no NaN, no duplicate keys, no deep nesting.

    Raises
    ------
    InvalidInput
        If ``data`` is anything but one JSON object in UTF-8.
    """
    try:
        value = json.loads(data.decode("utf-8"), parse_constant=_refuse_constant, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(detail=f"This is not a JSON object: {error}") from error
    if not isinstance(value, dict):
        raise InvalidInput(detail=f"This is not a JSON object but a {type(value).__name__}.")
    return value


def sha256(*parts: bytes) -> str:
    """Hexadecimal SHA-256 of the concatenated parts."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = dict(pairs)
    if len(keys) != len(pairs):
        raise ValueError("an object names the same key twice")
    return keys
