"""Canonical JSON (RFC 8785) and the digests that rest on it."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any, Union

import rfc8785
from typing_extensions import Buffer

from memos_core.errors import InvalidInput

# A recursive alias that pydantic cannot resolve on Python 3.10; Any keeps the depth open.
JSON = Union[None, bool, int, float, str, "list[Any]", "dict[str, Any]"]

#: Numbers that are not short integers, escapes that could be surrogates, and characters that sort otherwise in UTF-16.
_MAY_DIFFER = re.compile(rb"[:,\[]-?[0-9]+[.eE]|[0-9]{16}|\\u[dD]|[\xf0-\xf4]")

MAX_DEPTH = 64
MAX_SAFE = 2**53 - 1  # the largest integer that every double near it can tell apart


def canonical(value: Mapping[str, Any]) -> bytes:
    """Serialise a JSON object so that equal values always give equal bytes.

    Raises
    ------
    InvalidInput
        For NaN, infinity, integers over 2**53, lone surrogates, more than ``MAX_DEPTH`` levels and what is
        not JSON.

    References
    ----------
    RFC 8785, JSON Canonicalization Scheme.
    """
    try:
        whole = dict(value)
        _check_depth(whole)
        return rfc8785.dumps(whole)
    except (ValueError, TypeError) as error:
        raise InvalidInput(
            detail=f"This value cannot be written as canonical JSON: {error}. "
            "Use valid Unicode without lone surrogates, finite numbers, and plain lists and objects."
        ) from error


def json_object(value: Mapping[str, Any]) -> dict[str, Any]:
    """A copy that is JSON through and through, as it will be read back.

    Raises
    ------
    InvalidInput
        As :func:`canonical`.
    """
    return parse_object(canonical(value))


def parse_object(data: bytes) -> dict[str, Any]:
    """Read a JSON object strictly: no NaN or infinity, no duplicate keys, at most ``MAX_DEPTH`` levels.

    Raises
    ------
    InvalidInput
        If ``data`` is anything but one JSON object in UTF-8.
    """
    try:
        value = json.loads(
            data.decode("utf-8"),
            parse_int=_integer,
            parse_float=_finite,
            parse_constant=_refuse_constant,
            object_pairs_hook=_unique,
        )
        if data.count(b"{") + data.count(b"[") > MAX_DEPTH:
            _check_depth(value)
    except (ValueError, RecursionError) as error:
        # Its own count of lines would stand beside that of the file which the object is a line of.
        what = f"{error.msg} at character {error.pos + 1}" if isinstance(error, json.JSONDecodeError) else error
        raise InvalidInput(detail=f"This is not a JSON object: {what}.") from error
    if not isinstance(value, dict):
        raise InvalidInput(detail=f"This is not a JSON object but a {type(value).__name__}.")
    return value


def is_canonical(data: bytes, value: Mapping[str, Any]) -> bool:
    """Say whether bytes are the canonical form of the object that was read from them.

    Raises
    ------
    InvalidInput
        As :func:`canonical`.
    """
    # Ten times faster, and the same wherever the two ways of writing JSON cannot differ.
    if not _MAY_DIFFER.search(data):
        return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode() == data
    return canonical(value) == data


def sha256(*parts: Buffer) -> str:
    """Hexadecimal SHA-256 of the concatenated parts."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


def _check_depth(value: object) -> None:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [member for item in level for member in _members(item) if isinstance(member, (dict, list, tuple))]
        if not level:
            return
    raise ValueError(f"it is nested more than {MAX_DEPTH} levels deep")


def _members(item: object) -> Iterable[object]:
    if isinstance(item, dict):
        return item.values()
    return item if isinstance(item, (list, tuple)) else ()


def _integer(digits: str) -> int | float:
    # Canonical JSON writes 1e20 with all its digits; only a float has room for it.
    number = _finite(digits)
    return int(digits) if abs(number) <= MAX_SAFE else number


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError(f"{digits[:40]} is beyond what a number in JSON can hold")
    return number


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = dict(pairs)
    if len(keys) != len(pairs):
        raise ValueError("an object names the same key twice")
    return keys
