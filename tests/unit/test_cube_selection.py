from __future__ import annotations

import math
import operator
from datetime import datetime, timedelta, timezone
from itertools import product
from typing import Any

import pytest

from memos_core.cube.claim import Claim
from memos_core.cube.fold import fold
from memos_core.cube.interval import Interval
from memos_core.cube.memcube import REMOVED, Governance, Kind, MemCube, Provenance, State, Trust
from memos_core.cube.selection import Comparison, Condition, Selection, conditions, json_type, selection
from memos_core.errors import InvalidFilter, InvalidInput, InvalidNamespace, NaiveDatetime
from memos_core.infrastructure.vault.dict import DictVault
from memos_core.testing.clock import ManualClock
from memos_core.testing.vault.desk import Desk, alice, content, day, days

SCALARS: list[Any] = [None, False, True, -1, 0, 1, 1.0, 1.5, 1e300, "", "1", "a", "b", "\u00e9", "\U0001f600", "\uffee"]
ORDERS = {
    Comparison.GT: operator.gt,
    Comparison.GTE: operator.ge,
    Comparison.LT: operator.lt,
    Comparison.LTE: operator.le,
}
NOW = day(9)


def ordered_alike(one: Any, other: Any) -> bool:
    both = (one, other)
    return all(isinstance(value, str) for value in both) or all(type(value) in {int, float} for value in both)


@pytest.mark.parametrize("comparison", Comparison)
def test_condition_compares_values_of_one_json_type_only(comparison: Comparison) -> None:
    for found, wanted in product(SCALARS, repeat=2):
        equal = found == wanted and json_type(found) == json_type(wanted)
        if comparison is Comparison.EQ:
            expected = equal
        elif comparison is Comparison.NE:
            expected = not equal
        else:
            expected = ordered_alike(found, wanted) and ORDERS[comparison](found, wanted)
        assert Condition(key="k", comparison=comparison, value=wanted).holds({"k": found}) == expected, (found, wanted)


@pytest.mark.parametrize("comparison", Comparison)
def test_missing_key_is_like_null(comparison: Comparison) -> None:
    for wanted in SCALARS:
        condition = Condition(key="k", comparison=comparison, value=wanted)
        assert condition.holds({}) == condition.holds({"k": None})


@pytest.mark.parametrize("structure", [[], ["a"], {}, {"a": 1}])
def test_structures_equal_nothing(structure: object) -> None:
    for comparison, wanted in product(Comparison, SCALARS):
        holds = Condition(key="k", comparison=comparison, value=wanted).holds({"k": structure})
        assert holds == (comparison is Comparison.NE)


def test_dotted_keys_lead_into_objects_and_nowhere_else() -> None:
    (condition,) = conditions({"a.b.c": 1})
    assert condition.holds({"a": {"b": {"c": 1}}})
    for metadata in ({"a.b.c": 1}, {"a": {"b.c": 1}}, {"a": [{"b": {"c": 1}}]}, {"a": "b.c"}, {"a": None}):
        assert not condition.holds(metadata)


def test_json_types_are_told_apart() -> None:
    values = [None, True, 1, 1.5, "a", [], {}]
    assert [json_type(value) for value in values] == [
        "null", "truth", "number", "number", "text", "structure", "structure",
    ]  # fmt: skip


def test_where_is_read_into_conditions() -> None:
    assert conditions(None) == conditions({}) == ()
    read = conditions({"project": "apollo", "year": {"$gte": 2020, "$lt": 2022}, "gone": None})
    assert [(each.key, each.comparison.value, each.value) for each in read] == [
        ("project", "$eq", "apollo"),
        ("year", "$gte", 2020),
        ("year", "$lt", 2022),
        ("gone", "$eq", None),
    ]


@pytest.mark.parametrize(
    "where",
    [
        {"": 1},
        {"a b": 1},
        {"a..b": 1},
        {".a": 1},
        {"a.": 1},
        {"a'": 1},
        {'a"': 1},
        {"$.a": 1},
        {"a[0]": 1},
        {"a\n": 1},
        {"a\0": 1},
        {"a" * 129: 1},
        {".".join("a" * 9): 1},
        {1: 1},
        {"a": {"$in": [1]}},
        {"a": {"eq": 1}},
        {"a": {1: 1}},
        {"a": [1]},
        {"a": {"$eq": {}}},
        {"a": {"$eq": b"bytes"}},
        {"a": math.nan},
        {"a": math.inf},
        {"a": {"$lt": -math.inf}},
        {"a": "\ud800"},
    ],
)
def test_filter_that_is_not_understood_is_refused(where: dict[Any, Any]) -> None:
    with pytest.raises(InvalidFilter):
        conditions(where)


def test_keys_may_be_in_any_script() -> None:
    assert conditions({"gr\u00f6\u00dfe.\u5c3a\u5bf8-1": 1})


@pytest.fixture
def cube() -> MemCube:
    desk = Desk(DictVault(ManualClock()))
    put = desk.write_put(
        "text",
        namespace="alice/work",
        kind=Kind.FACT,
        metadata={"year": 2020},
        provenance=Provenance(source_id="m1", session="s1"),
        governance=Governance(trust=Trust.TOOL, expires_at=day(5)),
        occurred=days(2, 4),
    )
    folded = fold([put])
    assert folded is not None
    return folded


@pytest.mark.parametrize(
    ("tests", "admitted"),
    [
        ({}, True),
        ({"namespace": ("alice", "work")}, True),
        ({"namespace": ("alice", "work"), "exact": True}, True),
        ({"exact": True}, False),
        ({"namespace": ("bob",)}, False),
        ({"namespace": ("alice", "wor")}, False),
        ({"namespace": ("alice", "work", "x")}, False),
        ({"kinds": {Kind.FACT, Kind.EVENT}}, True),
        ({"kinds": {Kind.EVENT}}, False),
        ({"kinds": set()}, False),
        ({"states": {State.GENERATED}}, True),
        ({"states": REMOVED}, False),
        ({"min_trust": Trust.TOOL}, True),
        ({"min_trust": Trust.AGENT}, False),
        ({"source_ids": {"m1"}}, True),
        ({"source_ids": set()}, False),
        ({"session": "s1"}, True),
        ({"session": "s2"}, False),
        ({"where": conditions({"year": 2020})}, True),
        ({"where": conditions({"year": 2020, "month": 1})}, False),
        ({"now": day(5) - timedelta(microseconds=1)}, True),
        ({"now": day(5)}, False),
        ({"as_of": day(2)}, True),
        ({"as_of": day(2) - timedelta(microseconds=1)}, False),
        ({"as_of": day(8)}, True),
    ],
)
def test_selection_admits_what_passes_every_test(cube: MemCube, tests: dict[str, Any], admitted: bool) -> None:
    assert alice(**tests).admits(cube) == admitted


def test_claims_end_and_happenings_do_not() -> None:
    claim = Claim(subject="a", predicate="b", object="c")
    for as_of, happened, claimed, still in (
        (day(1), False, False, False),
        (day(2), True, True, True),
        (day(4) - timedelta(microseconds=1), True, True, True),
        (day(4), True, False, True),
    ):
        wanted = alice(as_of=as_of)
        assert wanted.admits_content(content("x", occurred=days(2, 4))) == happened
        assert wanted.admits_content(content("x", occurred=days(2, 4), claims=(claim,))) == claimed
        assert wanted.admits_content(content("x", occurred=days(2, None), claims=(claim,))) == still
        assert wanted.admits_content(content("x", claims=(claim,)))


def test_instant_claim_holds_from_its_moment_on() -> None:
    claim = Claim(subject="a", predicate="b", object="c")
    moment = content("x", occurred=Interval.instant(day(2)), claims=(claim,))
    assert not alice(as_of=day(2) - timedelta(microseconds=1)).admits_content(moment)
    assert alice(as_of=day(2)).admits_content(moment)
    assert alice(as_of=day(9)).admits_content(moment)


def test_selection_is_made_of_what_a_caller_gives() -> None:
    made = selection(
        "alice/work",
        now=NOW,
        states="archived",
        kinds=["fact", Kind.EVENT],
        min_trust="agent",
        where={"year": {"$gt": 1}},
        as_of=day(1),
        source_ids=["m1"],
        session="s1",
        exact=True,
    )
    assert made == Selection(
        namespace=("alice", "work"),
        exact=True,
        kinds=frozenset({Kind.FACT, Kind.EVENT}),
        states=frozenset({State.ARCHIVED}),
        min_trust=Trust.AGENT,
        source_ids=frozenset({"m1"}),
        session="s1",
        where=conditions({"year": {"$gt": 1}}),
        now=NOW,
        as_of=day(1),
    )
    assert selection("alice", now=NOW) == Selection(namespace=("alice",), now=NOW)


@pytest.mark.parametrize(
    ("filters", "error"),
    [
        ({"kinds": ["thought"]}, InvalidFilter),
        ({"states": ["lost"]}, InvalidFilter),
        ({"min_trust": "blind"}, InvalidFilter),
        ({"min_trust": 99}, InvalidFilter),
        ({"where": {"a": [1]}}, InvalidFilter),
        ({"session": 7}, InvalidFilter),
        ({"exact": "perhaps"}, InvalidFilter),
        ({"expired": "perhaps"}, InvalidFilter),
        ({"as_of": datetime(2023, 5, 1)}, NaiveDatetime),  # noqa: DTZ001  # what is tested
        ({"known_at": datetime(2023, 5, 1)}, NaiveDatetime),  # noqa: DTZ001  # what is tested
    ],
)
def test_selection_that_is_not_understood_is_refused(filters: dict[str, Any], error: type[InvalidInput]) -> None:
    with pytest.raises(error):
        selection("alice", now=NOW, **filters)


def test_no_namespace_never_means_everything() -> None:
    with pytest.raises(InvalidNamespace):
        selection(None, now=NOW)
    with pytest.raises(InvalidNamespace):
        selection("", now=NOW)


def test_offsets_of_moments_do_not_matter() -> None:
    east = timezone(timedelta(hours=9))
    assert alice(as_of=day(2).astimezone(east)).admits_content(content("x", occurred=days(2, 4)))


@pytest.mark.parametrize("prefix", ["", "%", "01A", "0g", "\ud800", "0" * 37, 7])
def test_what_no_id_begins_with_is_refused(prefix: Any) -> None:
    with pytest.raises(InvalidFilter):
        selection("alice", now=NOW, id_prefix=prefix)
