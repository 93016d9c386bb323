"""LangGraph's filters: the memory tests what it can, and what it has no words for is tested here."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

_KEY = re.compile(r"[\w-]{1,100}")
_ORDER: Mapping[str, Callable[[Any, Any], bool]] = {
    "$gt": operator.gt,
    "$gte": operator.ge,
    "$lt": operator.lt,
    "$lte": operator.le,
}


def split(wanted: Mapping[str, Any] | None) -> tuple[dict[str, Any], dict[str, Any]]:
    """Split a filter into what the memory can test, by dotted paths of its metadata, and the rest.

    Raises
    ------
    ValueError
        For an operator that LangGraph does not know.
    """
    known: dict[str, Any] = {}
    rest: dict[str, Any] = {}
    for key, test in (wanted or {}).items():
        if _KEY.fullmatch(key) and _is_plain(test):
            known[f"value.{key}"] = test
        else:
            rest[key] = test
    return known, rest


def holds(wanted: Mapping[str, Any], value: Mapping[str, Any]) -> bool:
    """Say whether a value passes a filter. Values of different JSON types are never equal and never ordered.

    A key with dots that the value does not have leads into it, as in LangGraph's SQLite store.
    """
    return all(_passes(_at(value, key), test) for key, test in wanted.items())


def _at(value: Mapping[str, Any], key: str) -> Any:
    if key in value or "." not in key:
        return value.get(key)
    found: Any = value
    for part in key.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def _is_plain(test: Any) -> bool:
    """Say whether a test compares one scalar with others."""
    if not isinstance(test, Mapping):
        return _is_scalar(test)
    return _is_comparison(test) and all(
        _is_scalar(value) and (name not in _ORDER or _is_ordered(value)) for name, value in test.items()
    )


def _is_comparison(test: Mapping[str, Any]) -> bool:
    if not any(name.startswith("$") for name in test):
        return False
    for name in test:
        if name not in {"$eq", "$ne", *_ORDER}:
            raise ValueError(f"Unsupported operator: {name}")
    return True


def _is_scalar(value: Any) -> bool:
    """Say whether the memory can compare with it; infinity it cannot."""
    return value is None or isinstance(value, (str, int)) or (isinstance(value, float) and math.isfinite(value))


def _is_ordered(value: Any) -> bool:
    return isinstance(value, (str, int, float)) and not isinstance(value, bool)


def _passes(found: Any, test: Any) -> bool:
    if isinstance(test, Mapping):
        if _is_comparison(test):
            return all(_compares(found, name, value) for name, value in test.items())
        return isinstance(found, Mapping) and all(_passes(found.get(key), value) for key, value in test.items())
    return _same(found, test)


def _same(found: Any, test: Any) -> bool:
    if isinstance(test, (list, tuple)):
        same_length = isinstance(found, list) and len(found) == len(test)
        return same_length and all(_passes(one, other) for one, other in zip(found, test, strict=True))
    return isinstance(found, bool) == isinstance(test, bool) and bool(found == test)


def _compares(found: Any, name: str, value: Any) -> bool:
    if name in _ORDER:
        alike = _is_ordered(found) and _is_ordered(value) and isinstance(found, str) == isinstance(value, str)
        return alike and _ORDER[name](found, value)
    return _same(found, value) == (name == "$eq")
