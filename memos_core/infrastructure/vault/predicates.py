"""Selections as SQL: fixed text with bound values, which begins with the namespace."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any

import apsw

from memos_core.cube.memcube import RECALLED
from memos_core.cube.selection import Comparison, Condition, Selection, View, json_type
from memos_core.infrastructure.vault.moments import horizon, microseconds
from memos_core.infrastructure.vault.statements import load, query

_READ = load("read")
_ORDERED = {Comparison.GT: ">", Comparison.GTE: ">=", Comparison.LT: "<", Comparison.LTE: "<="}
_BEGINNING = "(select id from cube where name >= :prefix and name < :prefix_end)"
_MAX_INTEGER = (1 << 63) - 1


def scope(db: apsw.Connection, selection: Selection) -> tuple[int, ...]:
    """Numbers of the namespaces that a selection covers and that are in use."""
    path = {"path": "/".join(selection.namespace)}
    if selection.exact:
        found = query(db, _READ["exactly"], path)
    else:
        found = query(db, _READ["covered"], {**path, "whole": not selection.namespace})
    return tuple(number for number, path in found if not selection.leaves_out(tuple(path.split("/"))))


def admitted(selection: Selection, within: Sequence[int], *, put: str = "put") -> tuple[str, dict[str, Any]]:
    """The predicate of a selection over a row of ``put``, and the values it binds.

    It only filters rows and never chooses an index: the plus signs see to that.

    Parameters
    ----------
    within
        What :func:`scope` found.
    put
        Alias of the table in the statement. It changes the text, not the values.
    """
    values: dict[str, Any] = {"namespaces": json.dumps(within)}
    tests = [f"+{put}.namespace in {_listed('namespaces')}", _shown(selection, put, values)]
    tests += _contents(selection, put, values)
    numbers = count()
    tests += [_condition(each, f"{put}.metadata", next(numbers), values) for each in selection.where]
    if selection.views:
        tests.append(f"({' or '.join(_viewed(view, put, numbers, values) for view in selection.views)})")
    return " and ".join(tests), values


def driving(selection: Selection, within: Sequence[int], *, at: str | None = None) -> str:
    """A part of the predicate again, in the form that finds the best index over ``put``.

    Parameters
    ----------
    at
        The one namespace that is looked at, in the words of the statement.
    """
    # One namespace, the usual case, is told apart so that an index can give the rows in their order.
    one = at or ("(:namespaces ->> '$[0]')" if len(within) == 1 else None)
    tests = [f"put.namespace = {one}" if one else f"put.namespace in {_listed('namespaces')}"]
    if selection.source_ids is not None:
        tests.append(f"put.source in {_listed('sources')}")
    elif selection.session is not None:
        tests.append("put.session = :session")
    elif selection.id_prefix is not None:
        tests.append(f"put.cube in {_BEGINNING}")
    elif _is_ordinary(selection):
        tests.append("put.live = 1")
    return " and ".join(tests)


def _is_ordinary(selection: Selection) -> bool:
    return selection.known_at is None and selection.states == RECALLED


def is_plain(selection: Selection) -> bool:
    """Say whether the indexes themselves can answer: present time, states that are recalled, no narrow filter."""
    place = {"namespace": selection.namespace, "exact": selection.exact, "without": selection.without}
    return selection == Selection(**place, now=selection.now)


def _shown(selection: Selection, put: str, values: dict[str, Any]) -> str:
    if _is_ordinary(selection):
        return f"+{put}.live = 1"
    values["at"] = horizon(selection.known_at)
    values["states"] = json.dumps(sorted(state.value for state in selection.states))
    return (
        f"exists (select 1 from shown where shown.cube = {put}.cube and shown.put = {put}.seq"  # noqa: S608 - an alias
        f" and shown.known_from <= :at and shown.known_to >= :at and shown.state in {_listed('states')})"
    )


def _contents(selection: Selection, put: str, values: dict[str, Any]) -> Iterator[str]:
    if selection.kinds is not None:
        values["kinds"] = json.dumps(sorted(kind.value for kind in selection.kinds))
        yield f"{put}.kind in {_listed('kinds')}"
    if selection.min_trust is not None:
        values["min_trust"] = int(selection.min_trust)
        yield f"{put}.trust >= :min_trust"
    if selection.source_ids is not None:
        values["sources"] = json.dumps(sorted(selection.source_ids))
        yield f"+{put}.source in {_listed('sources')}"
    if selection.session is not None:
        values["session"] = selection.session
        yield f"+{put}.session = :session"
    if selection.id_prefix is not None:
        values |= {"prefix": selection.id_prefix, "prefix_end": selection.id_prefix + "g"}  # after all hexadecimal
        yield f"+{put}.cube in {_BEGINNING}"
    if selection.now is not None:
        values["now"] = microseconds(selection.now)
        yield f"({put}.expires is null or {put}.expires > :now)"
    if selection.contested:
        values["contested_at"] = horizon(selection.known_at)
        yield (
            f"exists (select 1 from shown where shown.cube = {put}.cube and shown.put = {put}.seq"  # noqa: S608 - an alias
            " and shown.known_from <= :contested_at and shown.known_to >= :contested_at and shown.conflicts != '[]')"
        )
    if selection.as_of is not None:
        values["as_of"] = microseconds(selection.as_of)
        yield (
            f"({put}.starts is null or ({put}.starts <= :as_of"
            f" and not ({put}.claimed and {put}.ends is not null"
            f" and {put}.starts < {put}.ends and {put}.ends <= :as_of)))"
        )


def _viewed(view: View, put: str, numbers: Iterator[int], values: dict[str, Any]) -> str:
    tests = [_condition(each, f"{put}.metadata", next(numbers), values) for each in view.where]
    if view.kinds is not None:
        values[name := f"kinds{next(numbers)}"] = json.dumps(sorted(kind.value for kind in view.kinds))
        tests.append(f"{put}.kind in {_listed(name)}")
    return f"({' and '.join(tests) or '1'})"


def _condition(condition: Condition, metadata: str, number: int, values: dict[str, Any]) -> str:
    path, value = f":path{number}", f":value{number}"
    values[path[1:]] = "".join(f'."{part}"' for part in condition.key.split(".")).join(("$", ""))
    found, kind = f"{metadata} ->> {path}", f"ifnull(json_type({metadata}, {path}), 'null')"
    match json_type(condition.value):
        case "null":
            alike, same = f"{kind} = 'null'", "1"
        case "truth":
            alike, same = f"{kind} = '{'true' if condition.value else 'false'}'", "1"
        case name:
            alike = f"{kind} = 'text'" if name == "text" else f"{kind} in ('integer', 'real')"
            same = f"{found} = {value}"
            values[value[1:]] = _bindable(condition.value)
    if condition.comparison in _ORDERED:
        if value[1:] not in values:
            return "0"
        same = f"{found} {_ORDERED[condition.comparison]} {value}"
    equal = f"ifnull({alike} and {same}, 0)"
    return f"not {equal}" if condition.comparison is Comparison.NE else equal


def _listed(name: str) -> str:
    """The values of a bound JSON array."""
    return f"(select value from json_each(:{name}))"  # noqa: S608 - a name of ours


def _bindable(value: object) -> object:
    """SQLite's integers end at 63 bits; no stored number is greater, so infinity orders and equals as well."""
    if isinstance(value, int) and abs(value) > _MAX_INTEGER:
        return float("inf") if value > 0 else float("-inf")
    return value
