"""Fusion: laws of the ranking, and what each signal does."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memos_core.operation.recall.fusion import Lists, Ranked, fuse, scaled
from memos_core.operation.recall.question import Question
from memos_core.operation.recall.weights import KNEE, TAIL, Weights
from memos_core.ports import Passage

QUESTION = Question(text="where does Ana live?", terms=("ana", "live"), entities=("ana",), interval=None)


def passage(cube: str, **fields: object) -> Passage:
    usual = {"speaker": None, "role": "user", "length": 100, "follows": None, "followed_by": None}
    return Passage(cube=cube, **{**usual, **fields})


def ranking(found: list[Ranked]) -> list[str]:
    return [each.cube for each in found]


def lists(**given: dict[str, float]) -> Lists:
    return Lists(*(given.get(name, {}) for name in ("text", "vectors", "time")))


cubes = st.sampled_from("abcdefgh")
scores = st.dictionaries(cubes, st.floats(0, 30), max_size=8)
chains = st.permutations("abcdefgh")


@given(scores, scores, scores, chains)
def test_shares_add_up_and_order_of_arrival_does_not_matter(text, vectors, time, chain) -> None:
    passages = {
        cube: passage(
            cube,
            follows=chain[index - 1] if index else None,
            followed_by=chain[index + 1] if index < 7 else None,
            speaker="Ana" if index % 2 else "Tom",
            role="assistant" if index % 3 else "user",
        )
        for index, cube in enumerate(chain)
    }
    found = fuse(lists(text=text, vectors=vectors, time=time), passages, QUESTION)
    turned = fuse(
        lists(text=dict(reversed(text.items())), vectors=vectors, time=time), dict(reversed(passages.items())), QUESTION
    )
    assert found == turned
    assert all(math.isclose(each.score, sum(each.why.values()), abs_tol=1e-9) for each in found)
    assert found == sorted(found, key=lambda each: (-each.score, each.cube))
    assert set(text) | set(vectors) | set(time) <= set(ranking(found))


@given(scores.filter(lambda found: len(found) > 1), cubes, st.floats(0.1, 5))
def test_more_of_a_signal_never_lowers_a_cube(text, cube, more) -> None:
    passages = {each: passage(each) for each in "abcdefgh"}
    text.setdefault(cube, 0.0)
    before = ranking(fuse(lists(text=text), passages, QUESTION)).index(cube)
    after = ranking(fuse(lists(text={**text, cube: text[cube] + more}), passages, QUESTION)).index(cube)
    assert after <= before


def test_a_short_list_counts_from_zero_and_of_a_long_one_only_the_best_count_much() -> None:
    assert scaled({"a": 1.0, "b": 0.5}) == {"a": 1.0, "b": 0.5}
    assert scaled({"a": 0.0, "b": -1.0}) == {"a": 0.0, "b": 0.0}
    assert scaled({}) == {}
    many = scaled({f"{rank:03}": 200.0 - rank for rank in range(100)})
    values = list(many.values())
    assert values == sorted(values, reverse=True)
    assert len(set(values)) == 100
    assert (values[0], values[KNEE - 1]) == (1.0, pytest.approx(TAIL))
    assert all(0 < value < TAIL for value in values[KNEE:])
    assert set(scaled(dict.fromkeys(map(str, range(100)), 0.5)).values()) == {1.0}


@given(st.dictionaries(st.integers(0, 300), st.floats(-1, 30), max_size=300))
def test_scaling_keeps_the_order(scores) -> None:
    found = scaled(scores)
    assert all(0 <= value <= 1 for value in found.values())
    for one, other in zip(sorted(scores, key=scores.get), sorted(scores, key=scores.get)[1:], strict=False):
        assert found[one] <= found[other]


def test_neighbours_of_a_match_gain_and_the_one_after_gains_most() -> None:
    chain = ["a", "b", "c", "d", "e"]
    passages = {
        cube: passage(cube, follows=chain[i - 1] if i else None, followed_by=chain[i + 1] if i < 4 else None)
        for i, cube in enumerate(chain)
    }
    found = {each.cube: each for each in fuse(lists(text={"c": 3.0}), passages, QUESTION)}
    assert ranking(sorted(found.values(), key=lambda each: -each.score)) == ["c", "d", "b", "e", "a"]
    assert set(found["d"].why) == {"before", "substance"}
    assert set(found["b"].why) == {"after", "substance"}


def test_who_is_named_counts_as_speaker() -> None:
    passages = {"a": passage("a", speaker="Tom"), "b": passage("b", speaker="Ana Blum")}
    found = fuse(lists(text={"a": 2.0, "b": 2.0}), passages, QUESTION)
    assert ranking(found) == ["b", "a"]
    assert found[0].why["speaker"] == Weights().speaker


def test_a_greeting_has_less_substance_than_a_sentence() -> None:
    passages = {"a": passage("a", length=5), "b": passage("b", length=120)}
    assert ranking(fuse(lists(text={"a": 2.0, "b": 2.0}), passages, QUESTION)) == ["b", "a"]


def test_what_an_assistant_said_comes_after_what_a_person_said() -> None:
    passages = {"a": passage("a", role="assistant"), "b": passage("b")}
    assert ranking(fuse(lists(vectors={"a": 0.5, "b": 0.5}), passages, QUESTION)) == ["b", "a"]


def test_a_cube_without_a_passage_is_not_ranked() -> None:
    assert fuse(lists(text={"a": 2.0}), {}, QUESTION) == []
