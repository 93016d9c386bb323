"""LangGraph's filters: what the memory can test itself is handed down, and everything is tested here again."""

from __future__ import annotations

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


def pushed_down(wanted: Mapping[str, Any] | None) -> dict[str, Any]:
    """The part of a filter that the memory understands: equality of texts by plain keys."""
    return {
        f"value.{key}": value for key, value in (wanted or {}).items() if isinstance(value, str) and _KEY.fullmatch(key)
    }


def holds(wanted: Mapping[str, Any] | None, value: Mapping[str, Any]) -> bool:
    """Say whether a value passes a filter, as LangGraph's in-memory store reads it."""
    return all(_passes(value.get(key), test) for key, test in (wanted or {}).items())


def _passes(found: Any, test: Any) -> bool:
    if isinstance(test, Mapping):
        if any(key.startswith("$") for key in test):
            return all(_compares(found, name, value) for name, value in test.items())
        return isinstance(found, Mapping) and all(_passes(found.get(key), value) for key, value in test.items())
    if isinstance(test, (list, tuple)):
        same_length = isinstance(found, (list, tuple)) and len(found) == len(test)
        return same_length and all(_passes(one, other) for one, other in zip(found, test, strict=True))
    return bool(found == test)


def _compares(found: Any, name: str, value: Any) -> bool:
    if name == "$eq":
        return bool(found == value)
    if name == "$ne":
        return bool(found != value)
    if name not in _ORDER:
        raise ValueError(f"Unsupported operator: {name}")
    numbers = isinstance(found, (int, float)) and isinstance(value, (int, float))
    return (numbers or (isinstance(found, str) and isinstance(value, str))) and _ORDER[name](found, value)
