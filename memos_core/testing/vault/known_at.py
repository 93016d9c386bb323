"""Conformance: what was known at a moment stays known as of that moment, until it is erased."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from memos_core.cube.fold import fold
from memos_core.cube.memcube import Governance, MemCube, State, Trust
from memos_core.cube.operation import Operation
from memos_core.cube.selection import Selection
from memos_core.errors import NaiveDatetime
from memos_core.ports import Walk
from memos_core.testing.vault.desk import Desk, alice, days
from memos_core.testing.vault.suite import VaultSuite


class KnownAt(VaultSuite):
    def test_superseded_text_is_found_as_it_was_known_then(self, desk: Desk) -> None:
        """Troubleshooting: fold the operations up to ``Timestamp.last_of(known_at)``, for the indexes as well."""
        put = desk.put("Alice lives in Paris", occurred=days(1, 3))
        then = desk.clock.now()
        desk.put("Alice lives in Rome", cube=put.cube, parents=[put.id])
        for moment, found, missed in ((then, "paris", "rome"), (None, "rome", "paris")):
            selection = alice(known_at=moment)
            assert [scored.cube for scored in desk.vault.match(selection, [found], limit=9)] == [put.cube]
            assert desk.vault.match(selection, [missed], limit=9) == []
        assert [cube.text for cube in desk.vault.get([put.cube], known_at=then)] == ["Alice lives in Paris"]
        assert [scored.cube for scored in desk.vault.during(alice(known_at=then), days(1, 9), limit=9)] == [put.cube]
        assert desk.vault.during(alice(), days(1, 9), limit=9) == []

    def test_what_was_learnt_later_was_not_known(self, desk: Desk) -> None:
        put = desk.put("something")
        before = put.hlc.datetime() - timedelta(milliseconds=1)
        assert desk.texts(alice(known_at=before)) == []
        assert desk.vault.get([put.cube], known_at=before) == []
        assert desk.texts(alice(known_at=put.hlc.datetime())) == ["something"]
        assert desk.vault.match(alice(known_at=before), ["something"], limit=9) == []
        assert desk.vault.passages(alice(known_at=before), [put.cube]) == {}
        assert (
            desk.vault.neighbourhood(alice(known_at=before), [f"cube:{put.cube}"], Walk(hops=1, fanout=9, limit=9))
            == []
        )

    def test_states_namespaces_and_conflicts_are_those_of_then(self, desk: Desk) -> None:
        put = desk.put("first")
        concurrent = desk.put("concurrent", cube=put.cube)
        in_conflict = desk.clock.now()
        merged = desk.put("settled", cube=put.cube, parents=[put.id, concurrent.id], namespace="bob")
        settled = desk.clock.now()
        desk.move(merged, State.ARCHIVED)
        (cube,) = desk.vault.select(alice(known_at=in_conflict), limit=9)
        assert (cube.text, cube.conflicts, cube.state) == ("concurrent", (put.id,), State.GENERATED)
        assert desk.texts(alice(known_at=settled)) == []
        assert desk.texts(Selection(namespace=("bob",), known_at=settled)) == ["settled"]
        assert desk.texts(Selection(namespace=("bob",))) == []

    def test_transaction_time_decides_not_the_order_of_arrival(self, desk: Desk) -> None:
        early = desk.write_put("early")
        desk.put("late", cube=early.cube, parents=[early.id])
        desk.commit(early)
        assert desk.texts(alice(known_at=early.hlc.datetime())) == ["early"]
        assert desk.texts(alice()) == ["late"]

    def test_every_past_moment_is_the_fold_of_what_was_known(self, desk: Desk, other: Desk) -> None:
        first, second = desk.put("first fox"), desk.put("second fox")
        steps = [first, second]
        steps.append(
            other.put("first whale", cube=first.cube, parents=[first.id], governance=Governance(trust=Trust.TOOL))
        )
        steps.append(desk.put("first hare", cube=first.cube, parents=[first.id]))
        steps.append(desk.move(second, State.ARCHIVED))
        steps.append(desk.put("second owl", cube=second.cube, parents=[second.id]))
        steps.append(desk.put("first bear", cube=first.cube, parents=[steps[2].id, steps[3].id]))
        desk.commit(*steps)
        for step in steps:
            moment = step.hlc.datetime()
            known = [operation for operation in steps if operation.hlc.datetime() <= moment]
            expected = [cube for cube in (_fold_of(known, name) for name in (first.cube, second.cube)) if cube]
            assert desk.vault.get([first.cube, second.cube], known_at=moment) == expected
            selection = alice(known_at=moment)
            admitted = {cube.id for cube in expected if selection.admits(cube)}
            assert {cube.id for cube in desk.vault.select(selection, limit=9)} == admitted
            for word in ("fox", "whale", "hare", "owl", "bear"):
                having = {cube.id for cube in expected if selection.admits(cube) and word in cube.text}
                assert {scored.cube for scored in desk.vault.match(selection, [word], limit=9)} == having

    def test_changes_are_those_of_a_namespace_within_a_time_the_latest_first(self, desk: Desk) -> None:
        first = desk.put("first", namespace="alice/work")
        start = desk.clock.now()
        second = desk.put("second", cube=first.cube, parents=[first.id], namespace="alice")
        third = desk.put("foreign", namespace="bob")
        moved = desk.move(second, State.ARCHIVED)
        end = desk.clock.now()
        last = desk.put("last", namespace="alicent")

        def changes(namespace: tuple[str, ...], **bounds: datetime) -> list[str]:
            return [each.id for each in desk.vault.changes(namespace, limit=9, **bounds)]

        assert changes(("alice",)) == [moved.id, second.id, first.id]
        assert changes(("alice",), since=start, until=end) == [moved.id, second.id]
        assert changes(("alice", "work")) == [moved.id, second.id, first.id]
        assert changes(()) == [last.id, moved.id, third.id, second.id, first.id]
        assert desk.vault.changes((), limit=1) == [last]
        with pytest.raises(NaiveDatetime):
            desk.vault.changes((), since=datetime(2025, 1, 1), limit=1)  # noqa: DTZ001 - what is tested

    def test_changes_of_the_erased_are_in_no_namespace_those_of_the_expired_are(self, desk: Desk) -> None:
        expired, erased = desk.put("expired"), desk.put("erased")
        moved = desk.move(expired, State.EXPIRED)
        desk.erase(erased)
        assert desk.vault.changes(("alice",), limit=9) == [moved, expired]

    def test_the_selection_of_no_namespace_is_that_of_all(self, desk: Desk) -> None:
        desk.put("one", namespace="alice")
        desk.put("two", namespace="bob/work")
        assert desk.texts(Selection(namespace=())) == ["two", "one"]
        assert desk.vault.count(Selection(namespace=())) == 2
        assert desk.vault.count(Selection(namespace=("",))) == 0


def _fold_of(operations: list[Operation], cube: str) -> MemCube | None:
    return fold(operation for operation in operations if operation.cube == cube)
