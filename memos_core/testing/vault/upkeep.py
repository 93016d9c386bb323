"""Conformance: counting, embedding anew, checking, rebuilding, copying."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from memos_core.cube.memcube import Kind, State
from memos_core.cube.payload import BlobRef, Parametric
from memos_core.errors import EmbedderMismatch, InvalidInput, InvalidVector, NaiveDatetime
from memos_core.ports import Batch
from memos_core.testing.vault.answers import answers
from memos_core.testing.vault.desk import OTHER_SPEC, SPEC, Desk, alice, day, days, mention, parts_of, vector
from memos_core.testing.vault.suite import VaultSuite

EAST = vector(1, 0, 0, 0)
NEW_EAST = vector(1, 0, 0, 0, 0, 0)


def furnish(desk: Desk) -> None:
    """Store some of everything."""
    first = desk.put("first fox", vectors=[EAST], entities=("Ana",), times=(mention(days(3, 5)),))
    second = desk.put("second fox", vectors=[vector(1, 1, 0, 0), vector(0, 1, 0, 0)], follows=first.cube)
    desk.put("first hare", cube=first.cube, parents=[first.id], vectors=[vector(0, 0, 1, 0)], entities=("Bob",))
    desk.put("first owl", cube=first.cube, parents=[first.id], occurred=days(3, 5))
    desk.put("alone", namespace="alice/work", kind=Kind.FACT, metadata={"year": 2020})
    desk.move(second, State.ACTIVATED)
    desk.move(desk.put("archived fox"), State.ARCHIVED)
    desk.erase(desk.put("erased fox", vectors=[EAST]))
    desk.vault.record_usage({first.cube: 2}, day(9))


class Usage(VaultSuite):
    def test_recalls_are_counted_and_change_nothing_else(self, desk: Desk) -> None:
        put, other = desk.put("one"), desk.put("two")
        before = desk.vault.log()
        desk.vault.record_usage({put.cube: 2, other.cube: 1}, day(3))
        desk.vault.record_usage({put.cube: 1, "nothing": 5}, day(2))
        cube, unchanged = desk.vault.get([put.cube, other.cube])
        assert (cube.usage.count, cube.usage.last_access) == (3, day(3))
        assert (unchanged.usage.count, unchanged.usage.last_access) == (1, day(3))
        assert desk.vault.log() == before
        assert desk.vault.get(["nothing"]) == []
        assert desk.texts(alice()) == ["two", "one"]

    def test_counts_outlive_a_new_version(self, desk: Desk) -> None:
        put = desk.put("one")
        desk.vault.record_usage({put.cube: 2}, day(3))
        desk.put("one again", cube=put.cube, parents=[put.id])
        assert desk.vault.get([put.cube])[0].usage.count == 2
        assert desk.vault.select(alice(), limit=1)[0].usage.count == 2

    def test_counts_that_cannot_be_are_refused(self, desk: Desk) -> None:
        put = desk.put("one")
        with pytest.raises(InvalidInput):
            desk.vault.record_usage({put.cube: -1}, day(3))
        with pytest.raises(NaiveDatetime):
            desk.vault.record_usage({put.cube: 1}, day(3).replace(tzinfo=None))
        assert desk.vault.get([put.cube])[0].usage.count == 0


class Embedding(VaultSuite):
    def test_vectors_are_known_by_exactly_what_was_embedded(self, desk: Desk) -> None:
        desk.put("text", vectors=[EAST, vector(0, 1, 0, 0)])
        known = desk.vault.known_vectors(["text 0", "text 1", "text", "Text 0"], SPEC)
        assert set(known) == {"text 0", "text 1"}
        assert np.array_equal(known["text 1"], vector(0, 1, 0, 0))
        assert known["text 1"].dtype == np.float32
        assert desk.vault.known_vectors(["text 0"], OTHER_SPEC) == {}

    def test_what_waits_for_vectors_is_listed_by_id(self, desk: Desk) -> None:
        puts = [desk.put(f"text {number}") for number in range(3)]
        newer = desk.put("newer", cube=puts[0].cube, parents=[puts[0].id])
        embedded = desk.put("embedded", vectors=[EAST])
        desk.put("x", payload=Parametric(blob=BlobRef(sha256="a" * 64, size=1), base_model="m", method="lora", rank=1))
        waiting = desk.vault.unembedded(SPEC, limit=99)
        assert [name for name, _ in waiting] == sorted(put.id for put in [*puts, newer])
        assert {content.text for _, content in waiting} == {"text 0", "text 1", "text 2", "newer"}
        assert desk.vault.unembedded(SPEC, limit=2) == waiting[:2]
        assert embedded.id in [name for name, _ in desk.vault.unembedded(OTHER_SPEC, limit=99)]
        assert desk.vault.stats().unembedded == 4

    def test_vectors_given_later_serve_at_once(self, desk: Desk) -> None:
        desk.put("embedded", vectors=[EAST])
        put = desk.put("waiting")
        desk.vault.reembed(SPEC, {put.id: parts_of(put, [vector(1, 1, 0, 0)])})
        assert put.cube in [scored.cube for scored in desk.vault.nearest(alice(), EAST, limit=9)]
        assert desk.vault.unembedded(SPEC, limit=9) == []

    def test_another_embedder_takes_over_when_all_is_embedded_anew(self, desk: Desk) -> None:
        """Troubleshooting: both sets of vectors are kept until the switch, which is made in one transaction."""
        puts = [desk.put(f"text {number}", vectors=[EAST]) for number in range(3)]
        archived = desk.put("archived", vectors=[EAST])
        desk.move(archived, State.ARCHIVED)
        for done, put in enumerate([*puts, archived]):
            assert desk.vault.spec == SPEC
            assert len(desk.vault.unembedded(OTHER_SPEC, limit=99)) == 4 - done
            assert len(desk.vault.nearest(alice(), EAST, limit=9)) == 3
            desk.vault.reembed(OTHER_SPEC, {put.id: parts_of(put, [NEW_EAST])})
        assert desk.vault.spec == OTHER_SPEC
        assert len(desk.vault.nearest(alice(), NEW_EAST, limit=9)) == 3
        assert len(desk.vault.unembedded(SPEC, limit=9)) == 4
        with pytest.raises(InvalidVector):
            desk.vault.nearest(alice(), EAST, limit=9)
        with pytest.raises(EmbedderMismatch):
            desk.put("of the old one", vectors=[EAST])
        assert list(desk.vault.verify()) == []

    def test_writing_goes_on_while_vectors_are_made_anew(self, desk: Desk) -> None:
        first, second = desk.put("first", vectors=[EAST]), desk.put("second", vectors=[EAST])
        desk.vault.reembed(OTHER_SPEC, {first.id: parts_of(first, [NEW_EAST])})
        third = desk.put("third", vectors=[EAST])
        desk.erase(second)
        desk.vault.reembed(OTHER_SPEC, {second.id: parts_of(second, [NEW_EAST])})
        assert desk.vault.spec == SPEC
        assert desk.vault.known_vectors(["second 0"], OTHER_SPEC) == {}
        desk.vault.reembed(OTHER_SPEC, {third.id: parts_of(third, [NEW_EAST])})
        assert desk.vault.spec == OTHER_SPEC
        found = desk.vault.nearest(alice(), NEW_EAST, limit=9)
        assert {scored.cube for scored in found} == {first.cube, third.cube}

    def test_switch_may_be_all_that_is_left_to_do(self, desk: Desk) -> None:
        desk.erase(desk.put("text", vectors=[EAST]))
        desk.vault.reembed(OTHER_SPEC, {})
        put = desk.write_put("new")
        desk.vault.commit(Batch([put], {put.id: parts_of(put, [NEW_EAST])}, OTHER_SPEC))
        assert len(desk.vault.nearest(alice(), NEW_EAST, limit=9)) == 1

    def test_bad_vectors_are_refused_here_too(self, desk: Desk) -> None:
        put = desk.put("text")
        for numbers in (np.array([0, 0, 0, 0], np.float32), np.array([np.nan, 0, 0, 1], np.float32), NEW_EAST):
            with pytest.raises(InvalidVector):
                desk.vault.reembed(SPEC, {put.id: parts_of(put, [numbers])})
        with pytest.raises(InvalidInput):
            desk.vault.reembed(SPEC, {"0" * 64: parts_of(put, [EAST])})
        assert [name for name, _ in desk.vault.unembedded(SPEC, limit=9)] == [put.id]
        assert desk.vault.spec is None


class Upkeep(VaultSuite):
    def test_sound_vault_verifies(self, desk: Desk) -> None:
        furnish(desk)
        assert list(desk.vault.verify()) == []

    def test_rebuilt_vault_gives_the_same_answers(self, desk: Desk) -> None:
        """Troubleshooting: everything but the operations, their vectors and the usage is derived."""
        furnish(desk)
        before = answers(desk.vault)
        desk.vault.rebuild()
        assert answers(desk.vault) == before
        assert list(desk.vault.verify()) == []

    def test_rebuilding_keeps_the_vectors_of_cubes_that_moved(self, desk: Desk) -> None:
        """Troubleshooting: what is numbered anew by a rebuild must not be compared with what was numbered before."""
        first = desk.put("first", vectors=[EAST])
        desk.put("second", vectors=[EAST], namespace="bob")
        desk.put("moved", cube=first.cube, parents=[first.id], vectors=[EAST], namespace="alice/work")
        desk.vault.rebuild()
        assert [scored.cube for scored in desk.vault.nearest(alice(), EAST, limit=9)] == [first.cube]
        assert desk.vault.unembedded(SPEC, limit=9) == []
        assert list(desk.vault.verify()) == []

    def test_reopened_vault_gives_the_same_answers(self, desk: Desk) -> None:
        furnish(desk)
        before, actor = answers(desk.vault), desk.vault.actor
        again = self.reopen(desk.vault)
        if again is None:
            pytest.skip("this vault is not stored")
        assert answers(again) == before
        assert (again.actor, again.spec) == (actor, SPEC)
        again.close()

    def test_stats_count_what_is_there(self, desk: Desk) -> None:
        furnish(desk)
        stats = desk.vault.stats()
        assert (stats.cubes, stats.operations, stats.unembedded, stats.conflicts) == (4, 10, 3, 1)
        assert dict(stats.by_kind) == {"episode": 3, "fact": 1}
        assert dict(stats.by_state) == {"generated": 2, "activated": 1, "archived": 1}
        assert dict(stats.by_namespace) == {"alice": 3, "alice/work": 1}
        assert stats.size > 0
        assert stats.schema >= 1

    def test_backup_is_the_same_vault_under_another_name(self, desk: Desk, tmp_path: Path) -> None:
        """Troubleshooting: two vaults that write under one actor name make timestamps that nothing can order."""
        furnish(desk)
        path = tmp_path / "backup"
        desk.vault.backup(str(path))
        copy = self.open_backup(path)
        assert answers(copy) == answers(desk.vault)
        assert copy.actor != desk.vault.actor
        assert list(copy.verify()) == []
        Desk(copy, number=3).put("only in the copy")
        assert copy.count(alice()) == desk.vault.count(alice()) + 1
        copy.close()

    def test_backup_never_overwrites(self, desk: Desk, tmp_path: Path) -> None:
        furnish(desk)
        path = tmp_path / "backup"
        path.write_text("precious")
        with pytest.raises(InvalidInput):
            desk.vault.backup(str(path))
        assert path.read_text() == "precious"

    def test_usage_is_dated_by_the_latest_recall(self, desk: Desk) -> None:
        put = desk.put("text")
        for late in (1, 3, 2):
            desk.vault.record_usage({put.cube: 1}, day(1) + timedelta(hours=late))
        assert desk.vault.get([put.cube])[0].usage.last_access == day(1, hour=3)
