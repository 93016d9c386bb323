"""Conformance: time, graph and conversation."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from memos_core.cube.claim import Claim
from memos_core.cube.interval import Interval
from memos_core.cube.memcube import Kind, Provenance, State
from memos_core.cube.selection import Selection
from memos_core.ports import Edge, Passage, Topic, Walk
from memos_core.testing.vault.desk import Desk, alice, day, days, mention
from memos_core.testing.vault.suite import VaultSuite


class Claiming(VaultSuite):
    def test_cubes_with_claims_are_found_by_subject_and_predicate(self, desk: Desk) -> None:
        lisbon = Claim(subject="Ana Lima", predicate="lives in", object="Lisbon")
        jazz = Claim(subject="Ana Lima", predicate="likes", object="jazz")
        first = desk.put("first", claims=(jazz, lisbon))
        second = desk.put("second", claims=(lisbon.model_copy(update={"object": "Porto"}),))
        third = desk.put("third", claims=(jazz.model_copy(update={"subject": "Tom"}),))
        desk.put("without")
        desk.put("foreign", claims=(lisbon,), namespace=("bob",))
        for about, expected in (
            (None, [third, second, first]),
            ([Topic("ana  lima", "lives in")], [second, first]),
            ([Topic("Ana Lima", "lives in", "PORTO")], [second]),
            ([Topic("Ana Lima", "likes"), Topic("TOM", "likes")], [third, first]),
            ([Topic("Tom", "lives in"), Topic("Lisbon", "lives in"), Topic("Tom", "likes", "jaz")], []),
            ([], []),
        ):
            assert desk.vault.claiming(alice(), about, limit=9) == [put.cube for put in expected], about
        assert desk.vault.claiming(alice(), limit=2) == [third.cube, second.cube]

    def test_links_between_cubes_are_about_no_entity(self, desk: Desk) -> None:
        first = desk.put("first")
        link = desk.put("link", kind=Kind.LINK, claims=(Claim(subject=first.cube, predicate="explains", object="x"),))
        assert desk.vault.claiming(alice(), [Topic(first.cube, "explains")], limit=9) == []
        assert desk.vault.claiming(alice(), limit=9) == [link.cube]

    def test_an_archived_cube_claims_nothing(self, desk: Desk) -> None:
        put = desk.put("first", claims=(Claim(subject="Ana", predicate="lives in", object="Lisbon"),))
        desk.move(put, State.ARCHIVED)
        assert desk.vault.claiming(alice(), limit=9) == []


class During(VaultSuite):
    def test_mentions_and_happenings_that_overlap_are_found(self, desk: Desk) -> None:
        spoken_of = desk.put("spoken of", times=(mention(days(20, 21)), mention(days(4, 6))), occurred=days(25, 26))
        happened = desk.put("happened", occurred=days(3, 5))
        desk.put("at another time", occurred=days(10, 12), times=(mention(days(13, 14)),))
        desk.put("at no time")
        found = desk.vault.during(alice(), days(4, 6), limit=9)
        assert [(scored.cube, scored.score) for scored in found] == [(spoken_of.cube, 1.0), (happened.cube, 0.5)]
        assert [scored.cube for scored in desk.vault.during(alice(), days(4, 6), limit=1)] == [spoken_of.cube]

    def test_score_is_the_share_of_the_best_mention_that_lies_inside(self, desk: Desk) -> None:
        put = desk.put("text", times=(mention(days(1, 11)), mention(days(8, 12))))
        for asked, expected in ((days(1, 30), 1.0), (days(1, 3), 0.2), (days(10, 11), 0.25), (days(10, None), 0.5)):
            (scored,) = desk.vault.during(alice(), asked, limit=9)
            assert scored.cube == put.cube
            assert scored.score == pytest.approx(expected)

    def test_ends_are_exclusive_and_instants_are_found_at_their_moment(self, desk: Desk) -> None:
        """Troubleshooting: an interval is ``[start, end)``, and an instant has ``start == end``."""
        span = desk.put("span", occurred=days(3, 5))
        instant = desk.put("instant", occurred=Interval.instant(day(5)))
        moment = timedelta(microseconds=1)
        for start, end, expected in (
            (day(1), day(3), []),
            (day(1), day(3) + moment, [span]),
            (day(5) - moment, day(5), [span]),
            (day(5), day(6), [instant]),
            (day(5) + moment, day(6), []),
            (day(5), day(5), [instant]),
            (day(3), day(3), [span]),
        ):
            found = desk.vault.during(alice(), Interval(start=start, end=end), limit=9)
            assert [scored.cube for scored in found] == [put.cube for put in expected], (start, end)

    def test_what_has_no_end_is_found_and_has_no_share(self, desk: Desk) -> None:
        put = desk.put("still so", occurred=days(3, None))
        for asked, expected in ((days(5, 6), 0.0), (days(1, None), 1.0), (days(5, None), 0.0)):
            (scored,) = desk.vault.during(alice(), asked, limit=9)
            assert scored.cube == put.cube
            assert scored.score == pytest.approx(expected, abs=0.01)
        assert desk.vault.during(alice(), days(1, 3), limit=9) == []

    def test_offsets_name_the_same_moments(self, desk: Desk) -> None:
        east = timezone(timedelta(hours=9))
        put = desk.put("in Tokyo", occurred=Interval.instant(datetime(2023, 5, 4, 1, tzinfo=east)))
        assert [scored.cube for scored in desk.vault.during(alice(), days(3, 4), limit=9)] == [put.cube]
        assert desk.vault.during(alice(), days(4, 5), limit=9) == []

    def test_times_far_away_are_times_too(self, desk: Desk) -> None:
        first = desk.put("long ago", occurred=Interval.instant(datetime(1, 1, 1, tzinfo=timezone.utc)))
        last = desk.put("some day", occurred=Interval.instant(datetime(9999, 12, 31, tzinfo=timezone.utc)))
        ever = Interval(start=datetime(1, 1, 1, tzinfo=timezone.utc))
        assert [scored.cube for scored in desk.vault.during(alice(), ever, limit=9)] == [first.cube, last.cube]

    def test_selection_holds_for_times_too(self, desk: Desk) -> None:
        desk.put("foreign", occurred=days(3, 5), namespace="bob")
        desk.move(desk.put("archived", occurred=days(3, 5)), State.ARCHIVED)
        assert desk.vault.during(alice(), days(3, 5), limit=9) == []


class Graph(VaultSuite):
    def test_cube_states_the_edges_of_its_content(self, desk: Desk) -> None:
        first = desk.put("first", entities=("Ana", "New  York"), provenance=Provenance(speaker="Bob"))
        claim = Claim(subject="Ana", predicate="lives in", object="New York")
        second = desk.put("second", claims=(claim,), kind=Kind.FACT, follows=first.cube)
        link = Claim(subject=first.cube, predicate="explains", object=second.cube)
        desk.put("link", claims=(link,), kind=Kind.LINK)
        one, two = f"cube:{first.cube}", f"cube:{second.cube}"
        edges = desk.vault.neighbourhood(alice(), [one], Walk(hops=3, fanout=99, limit=99))
        assert set(edges) == {
            Edge(one, "mentions", "entity:ana"),
            Edge(one, "mentions", "entity:new york"),
            Edge(one, "said_by", "entity:bob"),
            Edge(two, "mentions", "entity:ana"),
            Edge(two, "mentions", "entity:new york"),
            Edge(two, "follows", one),
            Edge("entity:ana", "lives in", "entity:new york"),
            Edge(one, "explains", two),
        }
        assert len(edges) == len(set(edges))
        only = Walk(hops=3, fanout=1, limit=99, only=("explains", "lives in"))
        assert desk.vault.neighbourhood(alice(), [one], only) == [Edge(one, "explains", two)]
        assert desk.vault.neighbourhood(alice(), [one], Walk(hops=3, fanout=9, limit=99, only=())) == []

    def test_hops_limit_how_far_edges_are_followed(self, desk: Desk) -> None:
        puts = [desk.put("text", entities=(f"e{at}", f"e{at + 1}")) for at in range(4)]
        for hops, reached in ((0, 0), (1, 1), (2, 2), (3, 3), (8, 8)):
            edges = desk.vault.neighbourhood(alice(), ["entity:e0"], Walk(hops=hops, fanout=9, limit=99))
            assert len(edges) == reached, hops
        both_ways = desk.vault.neighbourhood(alice(), ["entity:e2"], Walk(hops=1, fanout=9, limit=99))
        assert {edge.source for edge in both_ways} == {f"cube:{puts[1].cube}", f"cube:{puts[2].cube}"}

    def test_busy_nodes_lead_on_by_a_few_edges_only(self, desk: Desk) -> None:
        for _ in range(12):
            desk.put("text", entities=("Ana", "Hub"))
        assert len(desk.vault.neighbourhood(alice(), ["entity:hub"], Walk(hops=1, fanout=5, limit=99))) == 5
        assert len(desk.vault.neighbourhood(alice(), ["entity:hub"], Walk(hops=2, fanout=5, limit=7))) == 7
        assert desk.vault.neighbourhood(alice(), ["entity:hub"], Walk(hops=2, fanout=5, limit=0)) == []

    def test_nearest_edges_come_first(self, desk: Desk) -> None:
        desk.put("text", entities=("Ana", "Bob"))
        edges = desk.vault.neighbourhood(alice(), ["entity:ana"], Walk(hops=2, fanout=9, limit=1))
        assert [edge.target for edge in edges] == ["entity:ana"]

    def test_cubes_that_are_not_admitted_state_no_edges_and_appear_in_none(self, desk: Desk) -> None:
        """Troubleshooting: both ends of an edge, and the cube that states it, must be admitted."""
        foreign = desk.put("foreign", entities=("Ana", "Secret"), namespace="bob")
        archived = desk.put("archived", entities=("Ana", "Hidden"))
        desk.move(archived, State.ARCHIVED)
        mine = desk.put("mine", entities=("Ana",), follows=foreign.cube)
        desk.put("link", kind=Kind.LINK, claims=(Claim(subject=mine.cube, predicate="explains", object=archived.cube),))
        expected = [Edge(f"cube:{mine.cube}", "mentions", "entity:ana")]
        for seed in (f"cube:{mine.cube}", "entity:ana"):
            assert desk.vault.neighbourhood(alice(), [seed], Walk(hops=4, fanout=9, limit=99)) == expected
        for seed in (f"cube:{foreign.cube}", f"cube:{archived.cube}", "entity:secret", "entity:hidden"):
            assert desk.vault.neighbourhood(alice(), [seed], Walk(hops=4, fanout=9, limit=99)) == []

    def test_edges_are_those_of_the_version_shown(self, desk: Desk) -> None:
        put = desk.put("first", entities=("Ana",))
        desk.put("second", cube=put.cube, parents=[put.id], entities=("Bob",))
        then = alice(known_at=put.hlc.datetime())
        for selection, seen, unseen in ((alice(), "bob", "ana"), (then, "ana", "bob")):
            assert len(desk.vault.neighbourhood(selection, [f"entity:{seen}"], Walk(hops=1, fanout=9, limit=9))) == 1
            assert desk.vault.neighbourhood(selection, [f"entity:{unseen}"], Walk(hops=1, fanout=9, limit=9)) == []


class Passages(VaultSuite):
    def test_passage_is_the_light_view_of_a_cube(self, desk: Desk) -> None:
        said = Provenance(speaker="Ana", role="user")
        before = desk.put("before")
        put = desk.put("Hello 🦊", provenance=said, follows=before.cube)
        after = desk.put("after", follows=put.cube)
        got = desk.vault.passages(alice(), [put.cube, "nothing"])
        assert got == {
            put.cube: Passage(
                cube=put.cube,
                speaker="Ana",
                role="user",
                length=7,
                follows=before.cube,
                followed_by=after.cube,
            )
        }

    def test_neighbours_that_are_not_admitted_are_not_named(self, desk: Desk) -> None:
        foreign = desk.put("foreign", namespace="bob")
        put = desk.put("mine", follows=foreign.cube)
        archived = desk.put("archived", follows=put.cube)
        desk.move(archived, State.ARCHIVED)
        desk.put("foreign too", follows=put.cube, namespace="bob")
        passage = desk.vault.passages(alice(), [put.cube])[put.cube]
        assert (passage.follows, passage.followed_by) == (None, None)
        passage = desk.vault.passages(alice(states=frozenset(State)), [put.cube])[put.cube]
        assert (passage.follows, passage.followed_by) == (None, archived.cube)
        assert desk.vault.passages(Selection(namespace=("bob",)), [put.cube]) == {}

    def test_of_several_followers_the_least_is_named(self, desk: Desk) -> None:
        put = desk.put("question")
        least, greater = desk.new_id(), desk.new_id()
        desk.put("late", cube=greater, follows=put.cube)
        desk.put("later", cube=least, follows=put.cube)
        assert desk.vault.passages(alice(), [put.cube])[put.cube].followed_by == least


class Resting(VaultSuite):
    def test_what_rests_on_any_version_of_a_cube_is_found(self, desk: Desk) -> None:
        first = desk.put("She lives in Lisbon.")
        second = desk.put("She lives in Porto.", cube=first.cube, parents=[first.id])
        of_first = desk.put("near the sea", provenance=Provenance(derived_from=(first.id,)))
        of_second = desk.put("in the north", provenance=Provenance(derived_from=(second.id, "0" * 64)), namespace="bob")
        archived = desk.put("archived", provenance=Provenance(derived_from=(first.id,)))
        desk.move(archived, State.ARCHIVED)
        expired = desk.put("expired", provenance=Provenance(derived_from=(first.id,)))
        desk.move(expired, State.EXPIRED)
        changed = desk.put("changed", provenance=Provenance(derived_from=(first.id,)))
        desk.put("changed", cube=changed.cube, parents=[changed.id])
        assert desk.vault.resting_on([first.cube]) == sorted([of_first.cube, of_second.cube, archived.cube])
        assert desk.vault.resting_on([of_first.cube, "nothing"]) == []
        ever = sorted([of_first.cube, of_second.cube, archived.cube, changed.cube, expired.cube])
        assert desk.vault.resting_on([first.cube], ever=True) == ever
        assert desk.vault.resting_on([of_first.cube, "nothing"], ever=True) == []
        assert expired.cube not in desk.vault.resting_on([first.cube])
        desk.erase(first)
        assert of_first.cube in desk.vault.resting_on([first.cube])
        assert desk.vault.resting_on([first.cube], ever=True) == ever

    def test_operations_are_found_by_id(self, desk: Desk) -> None:
        put = desk.put("text")
        moved = desk.move(put, State.ARCHIVED)
        assert desk.vault.operations([moved.id, "nothing", put.id]) == {put.id: put, moved.id: moved}
