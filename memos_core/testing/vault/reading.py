"""Conformance: what is read is what was written, no more and no less."""

from __future__ import annotations

from datetime import timedelta

import pytest

from memos_core.cube.claim import Claim
from memos_core.cube.fold import fold
from memos_core.cube.interval import Interval
from memos_core.cube.memcube import Governance, Kind, Origin, Provenance, State, Trust
from memos_core.cube.payload import Activation, BlobRef, Parametric
from memos_core.cube.selection import Selection, View, conditions
from memos_core.errors import InvalidInput
from memos_core.testing.vault.desk import Desk, alice, content, day, days
from memos_core.testing.vault.suite import VaultSuite

ALL_STATES = frozenset(State)
STRANGE_LABELS = [
    "%",
    "_",
    "a_ice",
    "ali%",
    "*",
    "ali*",
    "[a-z]",
    "a?ice",
    "\\",
    "'",
    '"',
    "Alice",
    "ALICE",
    "ali",
    "\u00e9",
    "e\u0301",
]

METADATA: list[dict[str, object]] = [
    {},
    {"key": None},
    {"key": True},
    {"key": False},
    {"key": 0},
    {"key": 1},
    {"key": 1.5},
    {"key": -3},
    {"key": 1e20},
    {"key": "1"},
    {"key": ""},
    {"key": "Zebra"},
    {"key": "zebra"},
    {"key": "'; DROP TABLE cube; --"},
    {"key": "é"},
    {"key": []},
    {"key": ["zebra"]},
    {"key": {"deep": 1}},
    {"key": {"deep": {"er": "zebra"}}},
    {"key.deep": 1},
    {"other": "zebra"},
]
WANTED: list[dict[str, object]] = [
    {"key": value}
    for value in (None, True, False, 0, 1, 1.0, 1.5, 1e20, "1", "", "zebra", "é", "'; DROP TABLE cube; --")
]
WANTED += [{"key": {"$ne": value}} for value in (None, True, 1, "zebra")]
WANTED += [
    {"key": {comparison: value}}
    for comparison in ("$gt", "$gte", "$lt", "$lte")
    for value in (None, True, 0, 1, 1.5, "1", "Zebra", "é")
]
WANTED += [
    {"key.deep": 1},
    {"key.deep.er": "zebra"},
    {"key.deep": {"$ne": 1}},
    {"other": None},
    {"key": {"$gte": 0, "$lt": 1.5}},
]


class Reading(VaultSuite):
    def test_get_keeps_the_order_asked_for_and_leaves_out_what_is_missing(self, desk: Desk) -> None:
        first, second, third = desk.put("one"), desk.put("two"), desk.put("three")
        desk.erase(second)
        got = desk.vault.get([third.cube, "nothing", second.cube, first.cube])
        assert [cube.text for cube in got] == ["three", "one"]

    def test_get_finds_what_selections_leave_out_by_state(self, desk: Desk) -> None:
        put = desk.put("archived")
        desk.move(put, State.ARCHIVED)
        assert [cube.state for cube in desk.vault.get([put.cube])] == [State.ARCHIVED]

    def test_cube_is_the_fold_of_its_operations(self, desk: Desk) -> None:
        blob = BlobRef(sha256="a" * 64, size=3)
        put = desk.put("first", entities=("Ana",), claims=(Claim(subject="a", predicate="b", object="c"),))
        desk.put("second", cube=put.cube, parents=[put.id], occurred=days(3, None))
        desk.move(put, State.FROZEN)
        kept = [
            desk.put("x", payload=Activation(blob=blob, model="m", tokens=1, dtype="float16", shape=(1, 2))),
            desk.put("x", payload=Parametric(blob=blob, base_model="m", method="lora", rank=4)),
            put,
        ]
        for operation in kept:
            assert desk.vault.get([operation.cube]) == [fold(desk.vault.history(operation.cube))]
        assert desk.vault.count(alice()) == 3

    def test_latest_version_comes_first(self, desk: Desk) -> None:
        first = desk.put("one")
        desk.put("two")
        desk.put("three")
        desk.put("one again", cube=first.cube, parents=[first.id])
        desk.move(desk.put("four"), State.ACTIVATED)
        assert desk.texts(alice()) == ["four", "one again", "three", "two"]

    def test_order_within_a_millisecond_is_that_of_writing(self, desk: Desk) -> None:
        for number in range(5):
            desk.commit(desk.author.put(desk.new_id(), content(f"text {number}")))
        assert desk.texts(alice()) == [f"text {number}" for number in reversed(range(5))]

    def test_pages_make_up_the_whole(self, desk: Desk) -> None:
        for number in range(7):
            desk.put(f"text {number}")
        whole = desk.vault.select(alice(), limit=100)
        pages = [desk.vault.select(alice(), limit=3, offset=offset) for offset in (0, 3, 6, 9)]
        assert [cube for page in pages for cube in page] == whole
        assert [len(page) for page in pages] == [3, 3, 1, 0]
        assert desk.vault.select(alice(), limit=0) == []
        assert desk.vault.count(alice()) == 7

    def test_negative_pages_are_refused(self, desk: Desk) -> None:
        """Troubleshooting: SQL takes a negative limit for no limit."""
        desk.put("text")
        for limit, offset in ((-1, 0), (1, -1)):
            with pytest.raises(InvalidInput):
                desk.vault.select(alice(), limit=limit, offset=offset)
        with pytest.raises(InvalidInput):
            desk.vault.match(alice(), ["text"], limit=-1)

    def test_namespace_covers_what_lies_below_it(self, desk: Desk) -> None:
        for name in ("alice", "alice/work", "alice/work/apollo", "alicework", "bob", "work/alice"):
            desk.put(name, namespace=name)
        assert desk.texts(alice()) == ["alice/work/apollo", "alice/work", "alice"]
        assert desk.texts(Selection(namespace=("alice", "work"))) == ["alice/work/apollo", "alice/work"]
        assert desk.texts(Selection(namespace=("ali",))) == []

    def test_exact_namespace_covers_itself_alone(self, desk: Desk) -> None:
        for name in ("alice", "alice/work"):
            desk.put(name, namespace=name)
        assert desk.texts(alice(exact=True)) == ["alice"]
        assert desk.texts(Selection(namespace=("alice", "work"), exact=True)) == ["alice/work"]

    def test_namespaces_that_are_left_out_take_those_below_along(self, desk: Desk) -> None:
        for name in ("alice", "alice/work", "alice/work/plans", "alice/workshop"):
            desk.put(name, namespace=name)
        left = alice(without=[("alice", "work")])
        assert sorted(desk.texts(left)) == ["alice", "alice/workshop"]
        assert desk.texts(Selection(namespace=("alice", "work"), exact=True, without=left.without)) == []

    def test_labels_are_compared_literally(self, desk: Desk) -> None:
        """Troubleshooting: LIKE, GLOB and regular expressions have wildcards, and LIKE ignores letter case."""
        for label in [*STRANGE_LABELS, "alice"]:
            desk.put(label, namespace=(label,))
            desk.put(f"{label} below", namespace=(label, "x"))
        for label in STRANGE_LABELS:
            assert desk.texts(Selection(namespace=(label,))) == [f"{label} below", label]
            assert desk.texts(Selection(namespace=(label,), exact=True)) == [label]
            assert desk.texts(Selection(namespace=("alice", label))) == []

    def test_cube_that_moves_to_another_namespace_leaves_the_first(self, desk: Desk) -> None:
        put = desk.put("here")
        desk.put("there", cube=put.cube, parents=[put.id], namespace="bob")
        assert desk.texts(alice()) == []
        assert desk.texts(Selection(namespace=("bob",))) == ["there"]
        assert desk.vault.namespaces() == [("bob",)]

    def test_namespaces_are_those_of_all_that_is_not_erased(self, desk: Desk) -> None:
        desk.put("one", namespace="bob/work")
        desk.move(desk.put("two", namespace="alice"), State.ARCHIVED)
        desk.put("three", namespace="bob/work")
        desk.erase(desk.put("four", namespace="carol"))
        assert desk.vault.namespaces() == [("alice",), ("bob", "work")]

    def test_namespaces_of_a_selection_are_those_that_hold_what_it_admits(self, desk: Desk) -> None:
        desk.put("one", namespace="bob/work", metadata={"n": 1})
        desk.put("two", namespace="bob/work", metadata={"n": 2})
        desk.put("three", namespace="bob/home", kind=Kind.FACT, metadata={"n": 1})
        desk.put("four", namespace="bobby", metadata={"n": 1})
        desk.move(desk.put("five", namespace="bob"), State.ARCHIVED)
        below, one = Selection(namespace=("bob",)), conditions({"n": 1})
        for selection, found in [
            (below, [("bob", "home"), ("bob", "work")]),
            (below.model_copy(update={"states": frozenset(State)}), [("bob",), ("bob", "home"), ("bob", "work")]),
            (below.model_copy(update={"kinds": frozenset({Kind.FACT})}), [("bob", "home")]),
            (Selection(namespace=(), where=one), [("bob", "home"), ("bob", "work"), ("bobby",)]),
            (Selection(namespace=("bob", "work"), exact=True, where=one), [("bob", "work")]),
            (Selection(namespace=("nobody",)), []),
        ]:
            assert desk.vault.namespaces(selection) == found

    def test_tests_on_content_narrow_a_selection(self, desk: Desk) -> None:
        tool = Provenance(origin=Origin.TOOL, source_id="m1", session="s1")
        desk.put("fact", kind=Kind.FACT, governance=Governance(trust=Trust.TOOL), provenance=tool)
        desk.put("episode", provenance=Provenance(source_id="m2", session="s1"))
        desk.put("summary", kind=Kind.SUMMARY, governance=Governance(trust=Trust.THIRD_PARTY))
        for tests, texts in (
            ({"kinds": {Kind.FACT, Kind.SUMMARY}}, ["summary", "fact"]),
            ({"kinds": frozenset()}, []),
            ({"min_trust": Trust.TOOL}, ["episode", "fact"]),
            ({"min_trust": Trust.AGENT}, ["episode"]),
            ({"min_trust": Trust.THIRD_PARTY}, ["summary", "episode", "fact"]),
            ({"source_ids": {"m1", "m2"}}, ["episode", "fact"]),
            ({"source_ids": {"m1"}}, ["fact"]),
            ({"source_ids": frozenset()}, []),
            ({"session": "s1"}, ["episode", "fact"]),
            ({"session": "s1", "kinds": {Kind.FACT}}, ["fact"]),
            ({"states": frozenset()}, []),
        ):
            selection = alice(**tests)
            assert desk.texts(selection) == texts, tests
            assert desk.vault.count(selection) == len(texts), tests
            assert {scored.cube for scored in desk.vault.match(selection, ["fact", "episode", "summary"], limit=9)} == {
                cube.id for cube in desk.vault.select(selection, limit=9)
            }, tests

    def test_the_beginning_of_an_id_narrows_a_selection(self, desk: Desk) -> None:
        names = [desk.put(text).cube for text in ("one", "two", "three")]
        other = desk.put("a fox of bob's", namespace="bob").cube
        for name in (*names, other):
            for length in (1, 8, 13, 20, 36):
                expected = {each for each in names if each.startswith(name[:length])}
                wanted = alice(id_prefix=name[:length])
                assert {cube.id for cube in desk.vault.select(wanted, limit=9)} == expected
                assert desk.vault.count(wanted) == len(expected)
                found = desk.vault.match(wanted, ["one", "two", "three", "fox"], limit=9)
                assert {scored.cube for scored in found} == expected
        assert desk.texts(alice(id_prefix="fffffff")) == []
        assert desk.texts(alice(id_prefix=names[0], known_at=day(1))) == []

    def test_metadata_tests_are_those_of_the_condition(self, desk: Desk) -> None:
        """Troubleshooting: JSON truth values are not numbers, a missing key is null, and text orders by code point."""
        for number, metadata in enumerate(METADATA):
            desk.put(str(number), metadata=metadata)
        for where in WANTED:
            tests = conditions(where)
            expected = {
                str(number)
                for number, metadata in enumerate(METADATA)
                if all(condition.holds(metadata) for condition in tests)
            }
            assert set(desk.texts(alice(where=tests))) == expected, where
            assert desk.vault.count(alice(where=tests)) == len(expected), where

    def test_cube_is_gone_from_the_moment_it_expires(self, desk: Desk) -> None:
        desk.put("expires", governance=Governance(expires_at=day(5)))
        desk.put("stays")
        assert desk.texts(alice(now=day(5) - timedelta(milliseconds=1))) == ["stays", "expires"]
        assert desk.texts(alice(now=day(5))) == ["stays"]
        assert desk.texts(alice(now=day(6))) == ["stays"]
        assert desk.texts(alice()) == ["stays", "expires"]

    def test_as_of_asks_what_was_true_then(self, desk: Desk) -> None:
        lives = Claim(subject="alice", predicate="lives in", object="Rome")
        desk.put("claim", claims=(lives,), occurred=days(3, 6))
        desk.put("still so", claims=(lives,), occurred=days(4, None))
        desk.put("since a moment", claims=(lives,), occurred=Interval.instant(day(5)))
        desk.put("happened", occurred=days(3, 6))
        desk.put("happened at a moment", occurred=Interval.instant(day(5)))
        desk.put("timeless")
        for moment, texts in (
            (day(2), {"timeless"}),
            (day(3), {"timeless", "happened", "claim"}),
            (day(5) - timedelta(microseconds=1), {"timeless", "happened", "claim", "still so"}),
            (day(5), {"timeless", "happened", "claim", "still so", "since a moment", "happened at a moment"}),
            (day(6), {"timeless", "happened", "still so", "since a moment", "happened at a moment"}),
        ):
            assert set(desk.texts(alice(as_of=moment))) == texts, moment

    def test_states_choose_and_removed_ones_must_be_asked_for(self, desk: Desk) -> None:
        for state in State:
            put = desk.put(state.value)
            if state is not State.GENERATED:
                desk.move(put, state)
        assert set(desk.texts(alice())) == {"generated", "activated", "frozen"}
        for state in State:
            assert desk.texts(alice(states={state})) == [state.value]
        assert desk.vault.count(alice(states=ALL_STATES)) == len(State)

    def test_put_that_a_removal_had_not_seen_brings_the_cube_back(self, desk: Desk) -> None:
        put = desk.put("first")
        desk.move(put, State.ARCHIVED)
        assert desk.texts(alice()) == []
        desk.put("concurrent", cube=put.cube, parents=[put.id])
        assert desk.texts(alice()) == ["concurrent"]
        assert [found.cube for found in desk.vault.match(alice(), ["concurrent"], limit=9)] == [put.cube]

    def test_what_one_of_several_views_shows_is_admitted(self, desk: Desk) -> None:
        desk.put("fact of apollo", kind=Kind.FACT, metadata={"project": "apollo"})
        desk.put("event of apollo", kind=Kind.EVENT, metadata={"project": "apollo"})
        desk.put("event", kind=Kind.EVENT)
        apollo, events = View(where=conditions({"project": "apollo"})), View(kinds=frozenset({Kind.EVENT}))
        both = View(kinds=events.kinds, where=apollo.where)
        for views, expected in (
            ((), {"fact of apollo", "event of apollo", "event"}),
            ((View(),), {"fact of apollo", "event of apollo", "event"}),
            ((apollo,), {"fact of apollo", "event of apollo"}),
            ((events,), {"event of apollo", "event"}),
            ((both,), {"event of apollo"}),
            ((apollo, events), {"fact of apollo", "event of apollo", "event"}),
            ((View(kinds=frozenset()),), set()),
        ):
            assert set(desk.texts(alice(views=views))) == expected
            assert desk.vault.count(alice(views=views)) == len(expected)
            narrowed = alice(views=views, where=conditions({"project": "apollo"}))
            assert set(desk.texts(narrowed)) == expected - {"event"}

    def test_conflicting_versions_are_listed_until_they_are_resolved(self, desk: Desk) -> None:
        put = desk.put("first")
        tool = desk.put(
            "later but less trusted", cube=put.cube, parents=[put.id], governance=Governance(trust=Trust.TOOL)
        )
        user = desk.put("trusted", cube=put.cube, parents=[put.id])
        (cube,) = desk.vault.select(alice(), limit=9)
        assert (cube.text, cube.version, cube.conflicts) == ("trusted", user.id, (tool.id,))
        assert desk.vault.stats().conflicts == 1
        desk.put("of one mind")
        then, contested = desk.clock.now(), alice(contested=True)
        desk.clock.advance(timedelta(seconds=1))
        assert (desk.texts(contested), desk.vault.count(contested)) == (["trusted"], 1)
        assert [found.cube for found in desk.vault.match(contested, ["trusted", "one"], limit=9)] == [put.cube]
        desk.put("settled", cube=put.cube, parents=[tool.id, user.id])
        cube, _ = desk.vault.select(alice(), limit=9)
        assert (cube.text, cube.conflicts) == ("settled", ())
        assert desk.vault.stats().conflicts == 0
        assert desk.texts(contested) == []
        assert desk.texts(alice(contested=True, known_at=then)) == ["trusted"]

    def test_history_is_told_in_the_order_of_time(self, desk: Desk) -> None:
        first = desk.write_put("first")
        second = desk.write_put("second", cube=first.cube, parents=[first.id])
        desk.put("of another cube")
        desk.commit(second)
        desk.commit(first)
        assert desk.vault.history(first.cube) == [first, second]
        assert desk.vault.history("nothing") == []

    def test_log_is_told_in_the_order_of_storing(self, desk: Desk) -> None:
        puts = [desk.write_put(f"text {number}") for number in range(5)]
        stored = [puts[3], puts[0], puts[4], puts[1], puts[2]]
        for operation in stored:
            desk.commit(operation)
        entries = desk.vault.log()
        assert [operation for _, operation in entries] == stored
        cursors = [cursor for cursor, _ in entries]
        assert cursors == sorted(set(cursors))
        assert desk.vault.log(limit=2) == entries[:2]
        assert desk.vault.log(after=cursors[1], limit=2) == entries[2:4]
        assert desk.vault.log(after=cursors[-1]) == []

    def test_log_goes_on_where_a_reader_left_it(self, desk: Desk) -> None:
        desk.put("one")
        cursor = desk.vault.log()[-1][0]
        erased = desk.erase(desk.put("two"))
        assert desk.vault.log(after=cursor)[-1][1] == erased
        assert len(desk.vault.log(after=cursor)) == 2
