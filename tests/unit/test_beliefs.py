"""What holds of all that was claimed."""

from __future__ import annotations

from datetime import datetime, timezone
from itertools import permutations
from typing import Any

import pytest

from memos_core import MemOS, Message, State, Trust
from memos_core.cube.claim import Claim
from memos_core.cube.interval import Interval
from memos_core.cube.memcube import Governance, Kind, MemCube
from memos_core.cube.payload import Plaintext
from memos_core.operation.beliefs import beliefs
from memos_core.testing.embedders import HashingEmbedder

NOW = datetime(2025, 6, 1, tzinfo=timezone.utc)


def year(number: int) -> datetime:
    return datetime(number, 1, 1, tzinfo=timezone.utc)


def lives_in(place: str, since: int, until: int | None = None, *, trust: Trust = Trust.USER, **more: Any) -> MemCube:
    claim = Claim(subject="Ana", predicate="lives in", object=place, single_valued=True, **more)
    return claiming(claim, since, until, trust=trust)


def likes(what: str, since: int, **more: Any) -> MemCube:
    return claiming(Claim(subject="Ana", predicate="likes", object=what, **more), since)


def claiming(claim: Claim, since: int, until: int | None = None, *, trust: Trust = Trust.USER) -> MemCube:
    return MemCube(
        id=f"{claim.object}-{since}-{claim.negated}",
        version="v",
        created_at=NOW,
        updated_at=NOW,
        namespace=("ana",),
        kind=Kind.FACT,
        payload=Plaintext(text=claim.object),
        occurred=Interval(start=year(since), end=None if until is None else year(until)),
        claims=(claim,),
        governance=Governance(trust=trust),
    )


def holding(*cubes: MemCube, at: datetime = NOW) -> set[str]:
    return {f"{'not ' * b.claim.negated}{b.claim.object}" for b in beliefs(cubes, at=at) if b.holds}


def disputed(*cubes: MemCube) -> set[str]:
    return {belief.claim.object for belief in beliefs(cubes, at=NOW) if belief.conflicts_with}


def test_of_what_can_be_one_only_the_latest_holds() -> None:
    cubes = lives_in("Lisbon", 2020), lives_in("Porto", 2022), lives_in("Faro", 2024)
    assert holding(*cubes) == {"Faro"}
    assert holding(*cubes, at=year(2023)) == {"Porto"}
    assert holding(*cubes, at=year(2021)) == {"Lisbon"}
    assert holding(*cubes, at=year(2019)) == set()


def test_the_order_in_which_claims_arrive_does_not_matter() -> None:
    cubes = lives_in("Lisbon", 2020), lives_in("Porto", 2022), lives_in("Porto", 2023, negated=True)
    assert {frozenset(holding(*order)) for order in permutations(cubes)} == {frozenset({"not Porto"})}


def test_what_was_true_long_ago_replaces_nothing() -> None:
    assert holding(lives_in("Porto", 2022), lives_in("Rome", 2010, 2015)) == {"Porto"}


def test_of_what_can_be_several_all_hold_until_they_are_denied() -> None:
    cubes = likes("jazz", 2020), likes("tea", 2021), likes("jazz", 2023, negated=True)
    assert holding(*cubes) == {"tea", "not jazz"}
    assert holding(*cubes, likes("jazz", 2024)) == {"tea", "jazz"}


def test_equal_times_are_a_conflict_and_so_is_a_later_word_that_is_trusted_less() -> None:
    assert disputed(lives_in("Lisbon", 2020), lives_in("Porto", 2020)) == {"Lisbon", "Porto"}
    assert disputed(lives_in("Lisbon", 2020), lives_in("Porto", 2024, trust=Trust.THIRD_PARTY)) == {"Lisbon", "Porto"}
    assert disputed(lives_in("Lisbon", 2020), lives_in("Porto", 2024)) == set()
    assert disputed(lives_in("Lisbon", 2020), lives_in("lisbon", 2020)) == set()


def test_claims_of_another_namespace_or_subject_replace_nothing() -> None:
    other = lives_in("Porto", 2024)
    tom = other.claims[0].model_copy(update={"subject": "Tom"})
    assert holding(lives_in("Lisbon", 2020), other.model_copy(update={"namespace": ("bob",)})) == {"Lisbon", "Porto"}
    assert holding(lives_in("Lisbon", 2020), other.model_copy(update={"claims": (tom,)})) == {"Lisbon", "Porto"}


# -- in a search ----------------------------------------------------------------------------------


@pytest.fixture
def memos() -> MemOS:
    return MemOS.open(":memory:", embedder=HashingEmbedder())


def tell(memos: MemOS, text: str, when: int) -> str:
    said = Message(content=text, role="user", name="Ana", at=year(when).replace(month=3))
    return memos.add(said, namespace="ana").ids[0]


def test_a_later_correction_ranks_above_what_it_corrects_and_as_of_finds_the_old(memos: MemOS) -> None:
    old = tell(memos, "I live in Lisbon, where Ana lives is Lisbon.", 2020)
    new = tell(memos, "We moved to Porto!", 2023)
    hits = memos.search("Where does Ana live?", namespace="ana")
    assert [hit.cube.id for hit in hits] == [new, old]
    assert [hit.outdated_by for hit in hits] == [(), (new,)]
    assert sum(hits[1].why.values()) == pytest.approx(hits[1].score)
    assert "outdated" in memos.context("Where does Ana live?", namespace="ana").text
    [then] = memos.search("Where does Ana live?", namespace="ana", as_of=year(2021))
    assert (then.cube.id, then.outdated_by) == (old, ())


def test_a_correction_is_found_with_what_it_corrects_even_if_nothing_else_finds_it(memos: MemOS) -> None:
    tell(memos, "I live in Lisbon.", 2020)
    for number in range(30):
        tell(memos, f"Where people live is a long story, number {number}.", 2021)
    new = tell(memos, "We relocated to Porto!", 2023)
    assert memos.search("Where does Ana live? Lisbon?", namespace="ana", limit=2)[0].cube.id == new


def test_a_question_about_something_else_moves_nothing(memos: MemOS) -> None:
    kittens = tell(memos, "I live in Lisbon. The kittens are asleep.", 2020)
    tell(memos, "We moved to Porto!", 2023)
    [first, *_] = memos.search("Are the kittens asleep?", namespace="ana")
    assert (first.cube.id, first.outdated_by) == (kittens, ())


def test_erasing_a_correction_brings_back_what_it_corrected(memos: MemOS) -> None:
    old = tell(memos, "I live in Lisbon.", 2020)
    new = tell(memos, "We moved to Porto!", 2023)
    memos.erase(new)
    [hit] = memos.search("Where does Ana live?", namespace="ana")
    assert (hit.cube.id, hit.outdated_by) == (old, ())


def test_adding_tells_what_it_replaces_and_contradicts(memos: MemOS) -> None:
    old = memos.get(tell(memos, "I live in Lisbon.", 2020))
    moved = memos.add(Message(content="We moved to Porto!", role="user", name="Ana", at=year(2023)), namespace="ana")
    assert (moved.superseded, moved.conflicts) == ((old.version,), ())
    other = memos.add(Message(content="I live in Faro.", role="user", name="Ana", at=year(2023)), namespace="ana")
    assert (other.superseded, other.conflicts) == ((old.version,), (moved.written[0].version,))
    assert {cube.text for cube in memos.conflicts(namespace="ana")} == {"We moved to Porto!", "I live in Faro."}


def test_resolving_a_contradiction_archives_the_other_side(memos: MemOS) -> None:
    first, second = tell(memos, "I live in Lisbon.", 2020), tell(memos, "I live in Porto.", 2020)
    memos.resolve(second)
    assert memos.conflicts(namespace="ana") == []
    assert memos.get(first).state is State.ARCHIVED
    assert memos.get(second).state is not State.ARCHIVED


def test_claims_are_listed_with_what_holds_of_them_now_and_then(memos: MemOS) -> None:
    tell(memos, "I live in Lisbon. I like tea.", 2020)
    tell(memos, "We moved to Porto!", 2023)
    told = {one.claim.object: one.holds for one in memos.claims(namespace="ana")}
    assert told == {"Lisbon": False, "tea": True, "Porto": True}
    then = {one.claim.object: one.holds for one in memos.claims(namespace="ana", as_of=year(2021))}
    assert then == {"Lisbon": True, "tea": True}


def test_two_vaults_that_learnt_apart_agree_on_what_holds() -> None:
    """Nothing is rewritten at the time of adding, so a merge needs no code of its own."""
    cubes = [lives_in("Lisbon", 2020), lives_in("Porto", 2023), lives_in("Faro", 2022)]
    assert holding(*cubes[:2], *cubes[2:]) == holding(*cubes[2:], *cubes[:2]) == {"Porto"}
