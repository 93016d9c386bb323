"""Conformance: what is erased is gone, from every answer and for ever."""

from __future__ import annotations

from typing import Any

from memos_core.cube.memcube import Provenance, State
from memos_core.cube.operation import Operation
from memos_core.ports import Job, Walk
from memos_core.testing.vault.desk import ALICE, SPEC, Desk, alice, day, days, mention, vector
from memos_core.testing.vault.suite import VaultSuite

EVERYTHING = alice(states=frozenset(State))
HERE = vector(1, 0, 0, 0)


def assert_absent(desk: Desk, erased: Operation, *, text: str) -> None:
    """No answer of the vault tells of the cube."""
    vault = desk.vault
    for selection in (EVERYTHING, EVERYTHING.model_copy(update={"known_at": erased.hlc.datetime()})):
        assert erased.cube not in [cube.id for cube in vault.select(selection, limit=99)]
        assert vault.count(selection) == len(vault.select(selection, limit=99))
        assert vault.match(selection, [text], limit=99) == []
        assert erased.cube not in [scored.cube for scored in vault.nearest(selection, HERE, limit=99)]
        assert erased.cube not in [scored.cube for scored in vault.during(selection, days(1, 30), limit=99)]
        node = f"cube:{erased.cube}"
        assert vault.neighbourhood(selection, [node, "entity:ana"], Walk(hops=3, fanout=9, limit=99)) == []
        assert erased.cube not in vault.passages(selection, [erased.cube])
    assert vault.get([erased.cube]) == []
    assert vault.get([erased.cube], known_at=erased.hlc.datetime()) == []
    assert vault.known_vectors([f"{text} 0"], SPEC) == {}
    assert erased.id not in [name for name, _ in vault.unembedded(SPEC, limit=99)]
    assert list(vault.verify()) == []


class Erasure(VaultSuite):
    def put_marked(self, desk: Desk, *, embedded: bool = True) -> Operation:
        """Store a cube that every kind of question finds."""
        marks: dict[str, Any] = {"entities": ("Ana",), "occurred": days(3, 4), "times": (mention(days(5, 6)),)}
        return desk.put("zebra", vectors=[HERE] if embedded else (), **marks)

    def test_erased_cube_is_absent_from_every_answer(self, desk: Desk) -> None:
        """Troubleshooting: the indexes of older versions too, and what other cubes say of the text they follow."""
        desk.put("kept", vectors=[vector(0, 1, 0, 0)])
        put = self.put_marked(desk)
        follower = desk.put("kept as well", follows=put.cube)
        assert {scored.cube for scored in desk.vault.match(alice(), ["zebra"], limit=9)} == {put.cube, follower.cube}
        desk.erase(put)
        assert_absent(desk, put, text="zebra")
        assert desk.vault.passages(alice(), [follower.cube])[follower.cube].follows is None
        assert desk.texts(alice()) == ["kept as well", "kept"]
        assert desk.vault.stats().cubes == 2

    def test_nothing_that_is_to_be_done_or_in_mind_names_the_erased(self, desk: Desk) -> None:
        first, last = (desk.put(word, provenance=Provenance(session="s1")) for word in ("first", "last"))
        kept = desk.put("kept", provenance=Provenance(session="s2"))
        jobs = [
            Job("a", "cool", ALICE, "", (kept.cube, first.cube), ""),
            Job("b", "remember", ALICE, "s1", (), ""),
            Job("c", "remember", ALICE, "s2", (), ""),
            Job("d", "scrub", (), "", (), ""),
        ]
        desk.vault.enqueue(jobs, at=day(1))
        for conversation in ("s1", "s2"):
            desk.vault.keep_working(ALICE, conversation, [first.cube, kept.cube])
        desk.erase(first)
        assert [each.key for each in desk.vault.jobs()] == ["b", "c", "d"]
        assert desk.vault.working(ALICE, "s1") == desk.vault.working(ALICE, "s2") == [kept.cube]
        desk.erase(last)
        assert [each.key for each in desk.vault.jobs()] == ["c", "d"]
        assert desk.vault.working(ALICE, "s1") == []
        assert desk.vault.working(ALICE, "s2") == [kept.cube]

    def test_every_version_is_erased(self, desk: Desk) -> None:
        put = self.put_marked(desk)
        newer = desk.put("ostrich", cube=put.cube, parents=[put.id], vectors=[vector(0, 0, 1, 0)])
        desk.put("giraffe", cube=put.cube, parents=[put.id], vectors=[vector(0, 0, 0, 1)])
        desk.erase(newer)
        for text in ("zebra", "ostrich", "giraffe"):
            assert_absent(desk, put, text=text)
        assert [operation.body for operation in desk.vault.history(put.cube)[:3]] == [None, None, None]

    def test_headers_stay_and_still_verify(self, desk: Desk) -> None:
        put = self.put_marked(desk)
        moved = desk.move(put, State.ACTIVATED)
        erased = desk.erase(put)
        left = desk.vault.history(put.cube)
        assert left[:2] == [put.without_body(), moved.without_body()]
        assert left[2].id == erased.id
        assert [operation.id for _, operation in desk.vault.log()] == [put.id, moved.id, erased.id]
        for operation in left:
            operation.verify()

    def test_body_that_arrives_after_the_erasure_is_dropped(self, desk: Desk, other: Desk) -> None:
        """Troubleshooting: an older copy of the vault may be merged years later."""
        put = self.put_marked(desk)
        late = other.write_put("zebra", cube=put.cube, parents=[put.id])
        desk.erase(put)
        desk.commit(put, vectors=[HERE])
        assert desk.commit(late, vectors=[HERE]) == 1
        assert_absent(desk, put, text="zebra")
        assert [operation.body for operation in desk.vault.history(put.cube) if operation.id == late.id] == [None]
        desk.vault.reembed(SPEC, {})
        assert_absent(desk, late, text="zebra")

    def test_erasure_may_arrive_before_what_it_erases(self, desk: Desk) -> None:
        put = desk.write_put("zebra")
        desk.commit(desk.write_erase(put))
        desk.commit(put, vectors=[HERE])
        assert_absent(desk, put, text="zebra")
        assert desk.vault.history(put.cube)[0] == put.without_body()

    def test_erasure_and_what_it_erases_may_arrive_in_one_batch(self, desk: Desk) -> None:
        put = desk.write_put("zebra")
        assert desk.commit(put, desk.write_erase(put), vectors=[HERE]) == 2
        assert_absent(desk, put, text="zebra")

    def test_nothing_brings_an_erased_cube_back(self, desk: Desk) -> None:
        put = self.put_marked(desk)
        erased = desk.erase(put)
        desk.put("zebra again", cube=put.cube, parents=[put.id, erased.id])
        desk.move(put, State.ACTIVATED)
        desk.vault.record_usage({put.cube: 1}, day(5))
        desk.vault.rebuild()
        assert_absent(desk, put, text="zebra")
        assert desk.vault.namespaces() == []

    def test_erased_cube_without_vectors_waits_for_none(self, desk: Desk) -> None:
        put = self.put_marked(desk, embedded=False)
        assert [name for name, _ in desk.vault.unembedded(SPEC, limit=9)] == [put.id]
        desk.erase(put)
        assert desk.vault.unembedded(SPEC, limit=9) == []
        assert desk.vault.stats().unembedded == 0
