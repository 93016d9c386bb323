"""Conformance: each signal finds what it should, best first, and tells nothing of what the caller may not see."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from memos_core.cube.memcube import Governance, State, Trust
from memos_core.cube.selection import Selection
from memos_core.errors import InvalidVector
from memos_core.ports import Scored
from memos_core.testing.vault.desk import Desk, alice, vector
from memos_core.testing.vault.suite import VaultSuite

HOSTILE = [
    *["", " ", "\0", "fox\0", "a" * 5000, "\u0301", "\u200b", "\u202e", "\ud800", "fox\ud800", "\N{FOX FACE}", "1 2 3"],
    *['"', '""', "'", "' OR 1=1 --", "AND", "OR", "NOT", "NEAR", "NEAR(fox whale, 2)", "fox AND", "(", ")", "fox)"],
    *["*", "fox*", "^fox", "+fox", "-fox", "text:fox", "{text}:fox", "fox : whale", "\\", "%", "_", ";"],
    *[".", "...", "!?", "<b>", "$1", "?1", ":name", "@x"],
]


def ids(found: Sequence[Scored]) -> list[str]:
    """Of a list of candidates, in its order."""
    return [scored.cube for scored in found]


def assert_best_first(found: Sequence[Scored]) -> None:
    """Scores fall; equal ones are in the order of ids; no cube comes twice."""
    assert list(found) == sorted(found, key=lambda scored: (-scored.score, scored.cube))
    assert len(set(ids(found))) == len(found)


class Matching(VaultSuite):
    def test_any_term_may_match(self, desk: Desk) -> None:
        fox, whale = desk.put("A red fox"), desk.put("The blue WHALE")
        desk.put("Neither of them")
        found = desk.vault.match(alice(), ["fox", "whale", "unheard"], limit=9)
        assert set(ids(found)) == {fox.cube, whale.cube}
        assert_best_first(found)
        assert ids(desk.vault.match(alice(), ["FOX"], limit=9)) == [fox.cube]
        assert desk.vault.match(alice(), [], limit=9) == []

    def test_more_and_rarer_matches_count_more(self, desk: Desk) -> None:
        for _ in range(5):
            desk.put("a fox and a plain word")
        rare = desk.put("a quokka and a plain word")
        both = desk.put("a quokka and a fox")
        found = desk.vault.match(alice(), ["quokka", "fox"], limit=9)
        assert ids(found)[:2] == [both.cube, rare.cube]
        assert ids(desk.vault.match(alice(), ["quokka", "fox"], limit=1)) == [both.cube]

    def test_equal_scores_are_in_the_order_of_ids(self, desk: Desk) -> None:
        names = [desk.new_id() for _ in range(6)]
        for name in reversed(names):
            desk.put("the same fox", cube=name)
        assert ids(desk.vault.match(alice(), ["fox"], limit=9)) == names
        assert ids(desk.vault.match(alice(), ["fox"], limit=3)) == names[:3]

    @pytest.mark.parametrize("term", HOSTILE)
    def test_hostile_terms_are_only_text(self, desk: Desk, term: str) -> None:
        """Troubleshooting: quote every token and double the quotes in it; nothing a user types is query syntax."""
        desk.put("quick brown hare")
        foreign = desk.put("fox", namespace="bob")
        found = desk.vault.match(alice(), [term, "hare"], limit=9)
        assert len(found) == 1
        assert foreign.cube not in ids(desk.vault.match(alice(), [term], limit=9))

    def test_operators_in_terms_do_nothing(self, desk: Desk) -> None:
        desk.put("foxglove in the garden")
        desk.put("whale")
        for term in ("fox*", "whale OR garden", "whale NOT garden", "NOT garden", "nothing OR whale"):
            assert desk.vault.match(alice(), [term], limit=9) == [], term

    def test_term_of_several_words_is_a_phrase(self, desk: Desk) -> None:
        phrase = desk.put("moved to New York in May")
        desk.put("a new house near York")
        assert ids(desk.vault.match(alice(), ["new york"], limit=9)) == [phrase.cube]

    def test_text_is_found_in_many_scripts(self, desk: Desk) -> None:
        for text in ("Käse", "Привет", "ñandú"):
            put = desk.put(f"{text} here")
            assert ids(desk.vault.match(alice(), [text], limit=9)) == [put.cube]

    def test_text_that_comes_before_counts_with_less_weight(self, desk: Desk) -> None:
        question = desk.put("Which animal is a quokka?")
        answer = desk.put("It is a small marsupial.", follows=question.cube)
        desk.put("Then it rained.", follows=answer.cube)
        found = desk.vault.match(alice(), ["quokka"], limit=9)
        assert ids(found) == [question.cube, answer.cube]
        assert found[0].score > found[1].score > 0

    def test_context_is_the_present_text_of_what_comes_before(self, desk: Desk) -> None:
        """Troubleshooting: when a cube changes, what is held of it for the ones that follow it must change too."""
        question = desk.put("first about foxes")
        answer = desk.put("an answer", follows=question.cube)
        newer = desk.put("then about whales", cube=question.cube, parents=[question.id])
        assert ids(desk.vault.match(alice(), ["whales"], limit=9)) == [question.cube, answer.cube]
        assert desk.vault.match(alice(), ["foxes"], limit=9) == []
        desk.erase(newer)
        assert desk.vault.match(alice(), ["whales", "foxes"], limit=9) == []
        assert ids(desk.vault.match(alice(), ["answer"], limit=9)) == [answer.cube]

    def test_context_may_arrive_after_what_follows_it(self, desk: Desk) -> None:
        question = desk.write_put("about a quokka")
        answer = desk.put("an answer", follows=question.cube)
        desk.commit(question)
        assert ids(desk.vault.match(alice(), ["quokka"], limit=9)) == [question.cube, answer.cube]

    def test_context_that_is_not_admitted_is_not_told(self, desk: Desk) -> None:
        """Troubleshooting: a cube may name any other as the one it follows, in a foreign namespace too."""
        foreign = desk.put("quokka", namespace="bob")
        untrusted = desk.put("wombat", governance=Governance(trust=Trust.THIRD_PARTY))
        archived = desk.put("numbat")
        for before in (foreign, untrusted, archived):
            desk.put("an answer", follows=before.cube)
        desk.move(archived, State.ARCHIVED)
        terms = ["quokka", "wombat", "numbat"]
        assert desk.vault.match(alice(min_trust=Trust.USER), terms, limit=9) == []
        assert len(desk.vault.match(alice(), terms, limit=9)) == 2

    def test_foreign_cubes_change_no_order(self, desk: Desk) -> None:
        """Troubleshooting: how rare a word is must be counted among the admitted cubes."""
        for text in ("red fox", "red fox", "blue whale", "green hare", "green hare"):
            desk.put(text)
        terms = ["fox", "whale", "hare"]
        before = desk.vault.match(alice(), terms, limit=9)
        for _ in range(30):
            desk.put("whale whale", namespace="bob")
        assert ids(desk.vault.match(alice(), terms, limit=9)) == ids(before)


class Nearest(VaultSuite):
    def test_nearest_is_brute_force(self, desk: Desk) -> None:
        """Troubleshooting: no approximate index, and filters before the limit, never after it."""
        random = np.random.default_rng(7)
        rows = random.normal(size=(120, 4))
        puts = [
            desk.put(f"text {at}", vectors=[vector(*row)], namespace=("alice", "bob", "alice/work")[at % 3])
            for at, row in enumerate(rows)
        ]
        for selection, admitted in (
            (alice(), [at for at in range(120) if at % 3 != 1]),
            (alice(exact=True), range(0, 120, 3)),
            (Selection(namespace=("alice", "work")), range(2, 120, 3)),
        ):
            wanted = random.normal(size=4)
            cosines = {
                puts[at].cube: float(rows[at] @ wanted / np.linalg.norm(rows[at]) / np.linalg.norm(wanted))
                for at in admitted
            }
            best = sorted(cosines, key=lambda name: -cosines[name])
            for limit in (1, 5, 200):
                found = desk.vault.nearest(selection, vector(*wanted), limit=limit)
                assert ids(found) == best[:limit]
                assert [scored.score for scored in found] == pytest.approx(
                    [cosines[name] for name in ids(found)], abs=1e-5
                )

    def test_nearer_foreign_cubes_take_no_place(self, desk: Desk) -> None:
        for _ in range(40):
            desk.put("foreign", vectors=[vector(1, 0, 0, 0)], namespace="bob")
            desk.move(desk.put("archived", vectors=[vector(1, 0, 0, 0)]), State.ARCHIVED)
        mine = [desk.put("mine", vectors=[vector(1, far, 0, 0)]) for far in (3, 1, 2)]
        found = desk.vault.nearest(alice(), vector(1, 0, 0, 0), limit=2)
        assert ids(found) == [mine[1].cube, mine[2].cube]

    def test_what_is_left_out_is_neither_near_nor_matched(self, desk: Desk) -> None:
        mine = desk.put("fox", vectors=[vector(1, 1, 0, 0)])
        desk.put("fox fox", vectors=[vector(1, 0, 0, 0)], namespace="alice/store/tips")
        here = alice(without=[("alice", "store")])
        assert ids(desk.vault.nearest(here, vector(1, 0, 0, 0), limit=9)) == [mine.cube]
        assert ids(desk.vault.match(here, ["fox"], limit=9)) == [mine.cube]

    def test_cube_of_several_parts_comes_once_by_its_best(self, desk: Desk) -> None:
        many = desk.put("many", vectors=[vector(0, 1, 0, 0), vector(1, 0, 0, 0), vector(1, 1, 0, 0)])
        one = desk.put("one", vectors=[vector(1, 2, 0, 0)])
        found = desk.vault.nearest(alice(), vector(1, 0, 0, 0), limit=9)
        assert ids(found) == [many.cube, one.cube]
        assert found[0].score == pytest.approx(1.0, abs=1e-6)
        assert len(desk.vault.nearest(alice(), vector(1, 0, 0, 0), limit=2)) == 2

    def test_scores_reach_from_one_to_minus_one(self, desk: Desk) -> None:
        for numbers in ((1, 0, 0, 0), (0, 1, 0, 0), (-1, 0, 0, 0)):
            desk.put("text", vectors=[vector(*numbers)])
        found = desk.vault.nearest(alice(), vector(1, 0, 0, 0), limit=9)
        assert [scored.score for scored in found] == pytest.approx([1, 0, -1], abs=1e-6)

    def test_equal_scores_are_in_the_order_of_ids(self, desk: Desk) -> None:
        names = [desk.new_id() for _ in range(6)]
        for name in reversed(names):
            desk.put("text", cube=name, vectors=[vector(1, 2, 3, 4)])
        assert ids(desk.vault.nearest(alice(), vector(1, 0, 0, 0), limit=9)) == names
        assert ids(desk.vault.nearest(alice(), vector(1, 0, 0, 0), limit=3)) == names[:3]

    def test_vectors_of_a_version_serve_while_it_is_shown(self, desk: Desk) -> None:
        first = desk.put("first", vectors=[vector(1, 0, 0, 0)])
        second = desk.put("second", cube=first.cube, parents=[first.id], vectors=[vector(0, 1, 0, 0)])
        for moment, east in ((None, 0.0), (first.hlc.datetime(), 1.0), (second.hlc.datetime(), 0.0)):
            (scored,) = desk.vault.nearest(alice(known_at=moment), vector(1, 0, 0, 0), limit=9)
            assert scored.cube == first.cube
            assert scored.score == pytest.approx(east, abs=1e-6)

    def test_cube_without_vectors_is_not_near_anything(self, desk: Desk) -> None:
        first = desk.put("first", vectors=[vector(1, 0, 0, 0)])
        desk.put("second", cube=first.cube, parents=[first.id])
        assert desk.vault.nearest(alice(), vector(1, 0, 0, 0), limit=9) == []

    def test_length_of_the_question_does_not_matter(self, desk: Desk) -> None:
        desk.put("text", vectors=[vector(1, 1, 0, 0)])
        (short,) = desk.vault.nearest(alice(), vector(1, 0, 0, 0), limit=9)
        (long,) = desk.vault.nearest(alice(), np.array([50, 0, 0, 0], np.float32), limit=9)
        assert long.score == pytest.approx(short.score, abs=1e-6)

    def test_question_that_has_no_direction_is_refused(self, desk: Desk) -> None:
        desk.put("text", vectors=[vector(1, 1, 0, 0)])
        for numbers in ([0, 0, 0, 0], [np.nan, 0, 0, 1], [np.inf, 0, 0, 1], [1, 0, 0], [1, 0, 0, 0, 0]):
            with pytest.raises(InvalidVector):
                desk.vault.nearest(alice(), np.array(numbers, np.float32), limit=9)
