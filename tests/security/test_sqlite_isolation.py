"""No selection admits what it should not: the vault's SQL against the plain words of ``Selection.admits``."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from memos_core.cube.claim import Claim
from memos_core.cube.interval import Interval
from memos_core.cube.memcube import Governance, Kind, Provenance, State, Trust
from memos_core.cube.selection import KEY, Comparison, Condition, Selection, conditions
from memos_core.errors import InvalidFilter, MemOSError
from memos_core.infrastructure.vault.sqlite import SQLiteVault
from memos_core.ports import Batch, Walk
from memos_core.testing.clock import ManualClock
from memos_core.testing.vault.desk import SPEC, Desk, alice, day, parts_of, vector

MOMENTS = [day(1), day(2), day(2) + timedelta(microseconds=1), day(30)]
NAMESPACES = ["a", "a/b", "ab", "a/b/c", "A", "a%", "a_", "a*", "a/é", "aé", "a-", "a.b", "a0", "a 'b'", '"a"']
TEXTS = ["", "x", "X", "é", "z", "\U0001f98a", "\uffff", "1", "true", "null", "' or 1=1 --", "a\\b", '"']
NUMBERS = [0, 1, -1, 2, 2**53 - 1, 1 - 2**53, 0.5, 1.0, -0.0, 1e300, 3]
SCALARS: list[Any] = [None, True, False, *NUMBERS, *TEXTS]

hostile = st.text(st.sampled_from("ab.$[]\"'()-_*%;:,/\\ \0\n\u00e9\ud800"), max_size=8)


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    vault = SQLiteVault(":memory:", clock=ManualClock())
    yield Desk(vault)
    vault.close()


def metadata() -> st.SearchStrategy[dict[str, Any]]:
    scalars = st.sampled_from(SCALARS)
    values = st.one_of(scalars, st.lists(scalars, max_size=2), st.dictionaries(st.sampled_from("kl"), scalars))
    return st.dictionaries(st.sampled_from(["k", "l", "k.l", "é", "0"]), values, max_size=3)


def filters() -> st.SearchStrategy[Condition]:
    return st.builds(
        Condition,
        key=st.sampled_from(["k", "l", "k.l", "é", "0", "k.0", "missing"]),
        comparison=st.sampled_from(list(Comparison)),
        value=st.sampled_from([*SCALARS, 10**30, -(10**30)]),
    )


def intervals() -> st.SearchStrategy[Interval | None]:
    pairs = st.tuples(st.sampled_from(MOMENTS), st.one_of(st.none(), st.sampled_from(MOMENTS)))
    return st.one_of(
        st.none(),
        pairs.filter(lambda pair: pair[1] is None or pair[0] <= pair[1]).map(
            lambda pair: Interval(start=pair[0], end=pair[1])
        ),
    )


def fields() -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {
            "namespace": st.sampled_from(NAMESPACES),
            "kind": st.sampled_from(list(Kind)),
            "occurred": intervals(),
            "claim": st.sampled_from([None, Claim(subject="s", predicate="p", object="o")]),
            "metadata": metadata(),
            "provenance": st.builds(
                Provenance, source_id=st.sampled_from([None, *TEXTS]), session=st.sampled_from([None, *TEXTS])
            ),
            "governance": st.builds(
                Governance, trust=st.sampled_from(list(Trust)), expires_at=st.sampled_from([None, *MOMENTS])
            ),
        }
    )


def selections() -> st.SearchStrategy[Selection]:
    moment = st.sampled_from([None, *MOMENTS])
    return st.builds(
        Selection,
        namespace=st.sampled_from(NAMESPACES).map(lambda text: tuple(text.split("/"))),
        exact=st.booleans(),
        kinds=st.one_of(st.none(), st.frozensets(st.sampled_from(list(Kind)))),
        states=st.frozensets(st.sampled_from(list(State)), min_size=1),
        min_trust=st.sampled_from([None, *Trust]),
        source_ids=st.one_of(st.none(), st.frozensets(st.sampled_from(TEXTS), max_size=3)),
        session=st.sampled_from([None, *TEXTS]),
        where=st.lists(filters(), max_size=2).map(tuple),
        now=moment,
        as_of=moment,
    )


def simple() -> st.SearchStrategy[Selection]:
    """Selections with one test beside the namespace, which admit more."""
    one_filter = filters().map(lambda condition: {"where": (condition,)})
    times = st.sampled_from(MOMENTS)
    tests = st.one_of(one_filter, times.map(lambda at: {"as_of": at}), times.map(lambda at: {"now": at}), st.just({}))
    return st.builds(
        lambda namespace, test: Selection(namespace=tuple(namespace.split("/")), **test),
        st.sampled_from(NAMESPACES),
        tests,
    )


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    contents=st.lists(fields(), min_size=1, max_size=6), asked=st.lists(st.one_of(simple(), selections()), min_size=4)
)
def test_sql_admits_what_the_selection_admits(
    desk: Desk, contents: list[dict[str, Any]], asked: list[Selection]
) -> None:
    puts = [desk.write_put(f"text {number}", **its) for number, its in enumerate(contents)]
    desk.vault.commit(Batch(puts, {put.id: parts_of(put, [vector(1, 0, 0, 0)]) for put in puts}, SPEC))
    cubes = desk.vault.get([put.cube for put in puts])
    for selection in asked:
        wanted = {cube.id for cube in cubes if selection.admits(cube)}
        new = {cube.id for cube in cubes}
        assert {cube.id for cube in desk.vault.select(selection, limit=10**6)} & new == wanted
        assert set(desk.vault.passages(selection, sorted(new))) == wanted
        for found in (
            desk.vault.match(selection, ["text"], limit=10**6),
            desk.vault.nearest(selection, vector(1, 0, 0, 0), limit=10**6),
        ):
            assert {scored.cube for scored in found} & new == wanted
    desk.vault.commit(Batch([desk.write_erase(put) for put in puts]))


@pytest.mark.parametrize("outer", NAMESPACES)
def test_namespace_covers_whole_labels_only(outer: str) -> None:
    desk = Desk(SQLiteVault(":memory:", clock=ManualClock()))
    for name in NAMESPACES:
        desk.put(name, namespace=name)
    wanted = sorted(name for name in NAMESPACES if name == outer or name.startswith(outer + "/"))
    assert sorted(desk.texts(Selection(namespace=tuple(outer.split("/"))))) == wanted
    assert desk.texts(Selection(namespace=tuple(outer.split("/")), exact=True)) == [outer]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    key=hostile,
    value=st.one_of(hostile, st.sampled_from(SCALARS)),
    comparison=st.sampled_from([*Comparison, "$or", "$x"]),
)
def test_no_filter_is_read_as_sql(foreign: Desk, key: str, value: Any, comparison: str) -> None:
    """Troubleshooting: keys are checked, then bound as paths; a filter can only take away from the namespace."""
    try:
        where = conditions({key: {str(getattr(comparison, "value", comparison)): value}})
    except InvalidFilter:
        assert not KEY.fullmatch(key) or comparison in {"$or", "$x"} or "\ud800" in str(value)
        return
    selection = alice(where=where)
    found = foreign.vault.select(selection, limit=99)
    assert {cube.namespace for cube in found} <= {("alice",)}
    assert len(found) == foreign.vault.count(selection) <= 1


@pytest.fixture(scope="module")
def foreign() -> Iterator[Desk]:
    """A cube of Alice's and one of Bob's."""
    vault = SQLiteVault(":memory:", clock=ManualClock())
    desk = Desk(vault)
    for name in ("alice", "bob"):
        desk.put("text", namespace=name, metadata={"a": {"b": "a"}, "b": 1})
    yield desk
    vault.close()


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=hostile)
def test_no_name_is_read_as_sql(foreign: Desk, text: str) -> None:
    for selection in (alice(session=text), alice(source_ids=frozenset({text})), Selection(namespace=(text,))):
        assert answers_of(foreign, selection, text) == []
    assert foreign.vault.get([text]) == []
    assert foreign.vault.count(alice()) == 1


def answers_of(desk: Desk, selection: Selection, text: str) -> list[Any]:
    """Everything found of a selection, with a text as the question."""
    try:
        return [
            *desk.vault.select(selection, limit=99),
            *desk.vault.match(selection, [text], limit=99),
            *desk.vault.passages(selection, [text]),
            *desk.vault.neighbourhood(selection, [text], Walk(hops=2, fanout=9, limit=99)),
        ]
    except MemOSError:
        assert "\ud800" in text
        return []


def test_moment_at_either_end_of_time_is_understood(desk: Desk) -> None:
    first = datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))
    last = datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=timezone(-timedelta(hours=14)))
    put = desk.put("text", namespace="times", occurred=Interval(start=first, end=last))
    selection = Selection(namespace=("times",))
    for moment in (first, last):
        assert desk.vault.count(selection.model_copy(update={"as_of": moment})) == 1
        assert desk.vault.count(selection.model_copy(update={"known_at": moment})) == (moment == last)
        assert desk.vault.get([put.cube], known_at=first) == []
    ((found, score),) = desk.vault.during(selection, Interval(start=first, end=last), limit=9)
    assert found == put.cube
    assert math.isclose(score, 1.0)
