"""Selections: which cubes are meant. One value for search, list, forget, export and the rest."""

from __future__ import annotations

import json
import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from enum import Enum
from typing import Any, TypeVar

from pydantic import AwareDatetime, Field, ValidationError
from typing_extensions import TypedDict, Unpack

from memos_core.cube.frozen import Frozen, problems
from memos_core.cube.memcube import RECALLED, Content, Kind, MemCube, State, Trust, TrustField
from memos_core.cube.message import aware, names
from memos_core.cube.namespace import Namespace, NamespaceLike, covers, namespace
from memos_core.errors import InvalidFilter

_Named = TypeVar("_Named", Kind, State)

KEY = re.compile(r"[\w-]{1,128}(\.[\w-]{1,128}){0,7}")


class Comparison(str, Enum):
    """How a filter compares a metadata value."""

    EQ = "$eq"
    NE = "$ne"
    GT = "$gt"
    GTE = "$gte"
    LT = "$lt"
    LTE = "$lte"


class Condition(Frozen):
    """A test of one metadata value.

    Attributes
    ----------
    key
        Dotted path into the metadata, e.g. ``"project.name"``.
    value
        Text, number, truth value or null. Values of different JSON types are never equal and never ordered;
        a missing key is like null.
    """

    key: str
    comparison: Comparison
    value: str | int | float | bool | None

    def __str__(self) -> str:
        sign = "" if self.comparison is Comparison.EQ else f"{self.comparison.value} "
        return f"{self.key}: {sign}{json.dumps(self.value, ensure_ascii=False)}"

    def holds(self, metadata: Mapping[str, Any]) -> bool:
        """Say whether the metadata pass."""
        found: Any = metadata
        for part in self.key.split("."):
            found = found.get(part) if isinstance(found, Mapping) else None
        alike = json_type(found) == json_type(self.value)
        if self.comparison is Comparison.NE:
            return not (alike and found == self.value)
        if not alike or (self.comparison is not Comparison.EQ and json_type(found) not in {"number", "text"}):
            return False
        return bool(_COMPARE[self.comparison](found, self.value))


_COMPARE: dict[Comparison, Callable[[Any, Any], bool]] = {
    Comparison.EQ: operator.eq,
    Comparison.GT: operator.gt,
    Comparison.GTE: operator.ge,
    Comparison.LT: operator.lt,
    Comparison.LTE: operator.le,
}


def json_type(value: object) -> str:
    """The JSON type of a value: null, truth, number, text or structure."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "truth"
    if isinstance(value, (int, float)):
        return "number"
    return "text" if isinstance(value, str) else "structure"


def conditions(where: Mapping[str, Any] | None) -> tuple[Condition, ...]:
    """Read ``{"project": "apollo", "year": {"$gte": 2020}}``.

    Raises
    ------
    InvalidFilter
        For a key that is no dotted path, an unknown comparison, or a value that cannot be compared.
    """
    if where is not None and not isinstance(where, Mapping):
        raise InvalidFilter(detail=f'where must be a mapping such as {{"project": "apollo"}}, and is {where!r}.')
    found = []
    for key, wanted in (where or {}).items():
        if not isinstance(key, str) or not KEY.fullmatch(key):
            raise InvalidFilter(detail=f"{key!r} is not a metadata key: letters, digits, '_', '-' and dots are.")
        tests = wanted if isinstance(wanted, Mapping) else {"$eq": wanted}
        for name, value in tests.items():
            if name not in [known.value for known in Comparison]:
                known_names = ", ".join(known.value for known in Comparison)
                raise InvalidFilter(detail=f"{name!r} is not a comparison; known are {known_names}.")
            if not _is_comparable(value):
                raise InvalidFilter(
                    detail=f"{key}: {value!r} cannot be compared; use text, a finite number, a truth value or null."
                )
            found.append(Condition(key=key, comparison=Comparison(name), value=value))
    return tuple(found)


def _is_comparable(value: object) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, str):
        return not any("\ud800" <= char <= "\udfff" for char in value)
    return json_type(value) != "structure"


class View(Frozen):
    """A part of what there is: memories of some kinds, with some metadata."""

    kinds: frozenset[Kind] | None = None
    where: tuple[Condition, ...] = ()

    def shows(self, kind: Kind, metadata: Mapping[str, Any]) -> bool:
        """Say whether a memory is in it."""
        return (self.kinds is None or kind in self.kinds) and all(each.holds(metadata) for each in self.where)


class Selection(Frozen):
    """Which cubes are meant: those that pass every test.

    Attributes
    ----------
    namespace
        Covers its sub-namespaces, unless ``exact``.
    without
        Namespaces that are left out, with all below them.
    states
        By default those that are recalled without being asked for.
    id_prefix
        How their ids begin.
    now
        Cubes that expire at or before this moment are left out.
    views
        Only what one of these shows; all without any.
    contested
        Only cubes of which versions were written apart, and not settled since.
    as_of
        Valid time: only what had happened by then, and of claims only what still held. A claim of an instant holds
        from then on.
    known_at
        Transaction time: contents and states as they were known then. An erased cube stays erased.
    """

    namespace: Namespace
    exact: bool = False
    without: frozenset[Namespace] = frozenset()
    kinds: frozenset[Kind] | None = None
    states: frozenset[State] = RECALLED
    min_trust: TrustField | None = None
    source_ids: frozenset[str] | None = None
    session: str | None = None
    id_prefix: str | None = Field(default=None, pattern="^[0-9a-f-]{1,36}$")
    where: tuple[Condition, ...] = ()
    views: tuple[View, ...] = ()
    contested: bool = False
    now: AwareDatetime | None = None
    as_of: AwareDatetime | None = None
    known_at: AwareDatetime | None = None

    def at(self, namespace: Namespace) -> Selection:
        """The same of one namespace, and of none below it."""
        return self.model_copy(update={"namespace": namespace, "exact": True})

    def leaves_out(self, namespace: Namespace) -> bool:
        """Say whether a namespace is one of those that are left out, or below it."""
        return any(covers(outer, namespace) for outer in self.without)

    def admits(self, cube: MemCube) -> bool:
        """Say whether a cube, folded as of ``known_at``, passes."""
        return (
            self.admits_content(cube)
            and cube.state in self.states
            and cube.id.startswith(self.id_prefix or "")
            and (bool(cube.conflicts) or not self.contested)
        )

    def admits_content(self, content: Content) -> bool:
        """Say whether a content passes, whatever its state."""
        provenance, governance = content.provenance, content.governance
        return (
            not self.leaves_out(content.namespace)
            and (content.namespace == self.namespace if self.exact else covers(self.namespace, content.namespace))
            and (self.kinds is None or content.kind in self.kinds)
            and (self.min_trust is None or governance.trust >= self.min_trust)
            and (self.source_ids is None or provenance.source_id in self.source_ids)
            and (self.session is None or provenance.session == self.session)
            and (self.now is None or governance.expires_at is None or governance.expires_at > self.now)
            and (self.as_of is None or _true_at(content, self.as_of))
            and all(condition.holds(content.metadata) for condition in self.where)
            and (not self.views or any(view.shows(content.kind, content.metadata) for view in self.views))
        )


class Filters(TypedDict, total=False):
    """What narrows a selection, as callers give it; the attributes of :class:`Selection` say what each means.

    ``expired`` widens it by what has expired, until the scheduler has taken that away.
    """

    as_of: datetime | None
    known_at: datetime | None
    kinds: Iterable[Kind | str] | None
    where: Mapping[str, Any] | None
    min_trust: Trust | str | None
    source_ids: Iterable[str] | None
    session: str | None
    id_prefix: str | None
    exact: bool
    expired: bool


def selection(
    address: NamespaceLike | None,
    *,
    now: datetime,
    states: Iterable[State | str] | None = None,
    **filters: Unpack[Filters],
) -> Selection:
    """Make a selection of what a caller gave.

    Raises
    ------
    InvalidInput
        If a namespace is missing, a datetime has no time zone, or a kind, state, trust tier or filter is unknown.
    """
    if unknown := filters.keys() - Filters.__annotations__.keys():
        known = ", ".join(Filters.__annotations__)
        raise InvalidFilter(detail=f"{', '.join(sorted(unknown))}: no such filter. Known are {known}.")
    wanted: dict[str, Any] = {"namespace": namespace(address), "where": conditions(filters.get("where"))}
    wanted["now"] = _expiry(now, filters.get("expired", False))
    for field in ("as_of", "known_at"):
        wanted[field] = aware(filters.get(field), field)  # type: ignore[arg-type]  # a TypedDict key by name
    if filters.get("kinds") is not None:
        wanted["kinds"] = _members(Kind, filters["kinds"])
    for field in ("session", "id_prefix", "exact"):
        if field in filters:
            wanted[field] = filters[field]  # type: ignore[literal-required]
    if filters.get("source_ids") is not None:
        wanted["source_ids"] = frozenset(names(filters["source_ids"] or (), "source_ids"))
    if states is not None:
        wanted["states"] = _members(State, states)
    if filters.get("min_trust") is not None:
        wanted["min_trust"] = filters["min_trust"]
    try:
        return Selection(**wanted)
    except ValidationError as error:
        raise InvalidFilter(detail=f"This selection is not understood: {problems(error)}") from error


def _expiry(now: datetime, expired: object) -> datetime | None:
    """The moment at which what has expired is left out, if it is."""
    if not isinstance(expired, bool):
        raise InvalidFilter(detail=f"expired must be true or false, and is {expired!r}.")
    return None if expired else now


def _members(values: type[_Named], given: Iterable[_Named | str] | None) -> frozenset[_Named]:
    several: Iterable[object] = given if isinstance(given, Iterable) and not isinstance(given, str) else [given]
    try:
        return frozenset(values(value) for value in several)
    except ValueError as error:
        known = ", ".join(value.value for value in values)
        raise InvalidFilter(detail=f"{error}; known are {known}.") from error


def _true_at(content: Content, moment: datetime) -> bool:
    """What has no time is timeless; what happened stays so; what was claimed holds until its end.

    A claim of an instant holds from then on: its moment says since when, and nothing of until when.
    """
    occurred = content.occurred
    if occurred is None:
        return True
    ended = bool(content.claims) and occurred.end is not None and occurred.start < occurred.end <= moment
    return occurred.start <= moment and not ended
