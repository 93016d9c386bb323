"""Names that stand for one person or thing."""

from __future__ import annotations

from datetime import datetime, timezone
from itertools import permutations

import pytest

from memos_core import MemOS, Message
from memos_core.operation.aliases import grouped
from memos_core.testing.embedders import HashingEmbedder


@pytest.fixture
def memos() -> MemOS:
    return MemOS.open(":memory:", embedder=HashingEmbedder())


def tell(memos: MemOS, text: str, year: int, name: str = "Ana") -> str:
    at = datetime(year, 3, 1, tzinfo=timezone.utc)
    return memos.add(Message(content=text, role="user", name=name, at=at), namespace="a").ids[0]


def holding(memos: MemOS) -> set[str]:
    return {one.claim.object for one in memos.claims(namespace="a") if one.holds and one.claim.predicate == "lives in"}


def test_names_are_grouped_in_whatever_order_they_come() -> None:
    pairs = [("Ana", "Dee"), ("Dee", "D."), ("Tom", "Tommy"), ("d.", "ana")]
    for order in permutations(pairs):
        assert grouped(order)["ana"] == {"ana", "dee", "d."}
        assert grouped(order)["tom"] == {"tom", "tommy"}


def test_a_sister_and_her_name_are_one(memos: MemOS) -> None:
    tell(memos, "My sister lives in Lisbon.", 2020)
    tell(memos, "My sister is called Edith.", 2021)
    assert holding(memos) == {"Lisbon"}
    tell(memos, "Edith lives in Porto now.", 2023)
    assert holding(memos) == {"Porto"}


def test_a_correction_under_another_name_outranks_what_it_corrects(memos: MemOS) -> None:
    old = tell(memos, "My sister Edith lives in Lisbon.", 2020)
    new = tell(memos, "My sister moved to Porto.", 2023)
    hits = memos.search("Where does Edith live?", namespace="a")
    assert [hit.cube.id for hit in hits] == [new, old]


def test_merged_entities_are_compared_until_they_are_split(memos: MemOS) -> None:
    tell(memos, "Bob lives in Lisbon.", 2020)
    tell(memos, "Robert lives in Porto.", 2023)
    assert holding(memos) == {"Lisbon", "Porto"}
    merged = memos.merge_entities("Bob", "Robert", namespace="a")
    assert holding(memos) == {"Porto"}
    assert [cube.id for cube in memos.split_entities("robert", "bob", namespace="a")] == [merged.id]
    assert holding(memos) == {"Lisbon", "Porto"}
    assert memos.split_entities("robert", "bob", namespace="a") == []


def test_erasing_a_merge_splits_it_too(memos: MemOS) -> None:
    tell(memos, "Bob lives in Lisbon.", 2020)
    tell(memos, "Robert lives in Porto.", 2023)
    memos.erase(memos.merge_entities("Bob", "Robert", namespace="a").id)
    assert holding(memos) == {"Lisbon", "Porto"}


def test_names_of_another_namespace_are_not_merged(memos: MemOS) -> None:
    tell(memos, "Bob lives in Lisbon.", 2020)
    tell(memos, "Robert lives in Porto.", 2023)
    memos.merge_entities("Bob", "Robert", namespace="b")
    assert holding(memos) == {"Lisbon", "Porto"}


def test_a_question_under_another_name_favours_who_is_meant(memos: MemOS) -> None:
    tell(memos, "Everyone calls me Dee.", 2020)
    own = tell(memos, "The boat needs a new mast.", 2021)
    other = tell(memos, "The boat needs a new mast.", 2021, name="Tom")
    why = {hit.cube.id: hit.why for hit in memos.search("What does Dee say about the boat?", namespace="a")}
    assert why[own]["speaker"] > 0
    assert "speaker" not in why[other]
