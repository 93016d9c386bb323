"""Conformance: of what has expired a record stays, and nothing that could be found."""

from __future__ import annotations

from memos_core.cube.claim import Claim
from memos_core.cube.memcube import State
from memos_core.ports import Batch, Walk
from memos_core.testing.vault.desk import SPEC, Desk, alice, days, vector
from memos_core.testing.vault.suite import VaultSuite


class Expiring(VaultSuite):
    def test_an_expired_cube_leaves_every_index_and_a_record_stays(self, desk: Desk) -> None:
        claim = Claim(subject="Ana", predicate="lives in", object="Lisbon")
        put = desk.put("fox", vectors=[vector(1, 0, 0, 0)], entities=("Ana",), claims=(claim,), occurred=days(3, 5))
        before = put.hlc.datetime()
        desk.move(put, State.EXPIRED)
        for selection in (alice(), alice(states=frozenset(State)), alice(known_at=before)):
            assert desk.vault.match(selection, ["fox"], limit=9) == []
            assert desk.vault.nearest(selection, vector(1, 0, 0, 0), limit=9) == []
            assert desk.vault.during(selection, days(1, 9), limit=9) == []
            assert desk.vault.neighbourhood(selection, ["entity:ana"], Walk(hops=1, fanout=9, limit=9)) == []
            assert desk.vault.claiming(selection, limit=9) == []
        assert desk.vault.unembedded(SPEC, limit=9) == []
        assert desk.vault.known_vectors(["fox"], SPEC) == {}
        (cube,) = desk.vault.select(alice(states=frozenset({State.EXPIRED})), limit=9)
        assert (cube.id, cube.text) == (put.cube, "fox")
        assert list(desk.vault.verify()) == []

    def test_a_put_that_the_expiry_had_not_seen_brings_all_back(self, desk: Desk) -> None:
        put = desk.put("fox", vectors=[vector(1, 0, 0, 0)])
        unseen = desk.write_put("the fox again", cube=put.cube)
        desk.move(put, State.EXPIRED)
        desk.vault.commit(Batch([unseen]))
        assert [found.cube for found in desk.vault.match(alice(), ["fox"], limit=9)] == [put.cube]
        assert {name for name, _ in desk.vault.unembedded(SPEC, limit=9)} == {put.id, unseen.id}
        desk.vault.rebuild()
        assert {name for name, _ in desk.vault.unembedded(SPEC, limit=9)} == {put.id, unseen.id}
        assert list(desk.vault.verify()) == []
