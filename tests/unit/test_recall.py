"""Recall end to end over the reference vault."""

import math
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

import pytest

from memos_core import Kind, MemOS, Message, Note
from memos_core.errors import InvalidInput
from memos_core.infrastructure.vault.dict import DictVault
from memos_core.testing.clock import ManualClock
from memos_core.testing.embedders import HashingEmbedder

NOW = datetime(2023, 5, 8, 12, tzinfo=timezone.utc)


@pytest.fixture
def memos() -> Iterator[MemOS]:
    clock = ManualClock(NOW)
    with MemOS(DictVault(clock), embedder=HashingEmbedder(), clock=clock) as opened:
        yield opened


def texts(memos: MemOS, question: str, **arguments: object) -> list[str]:
    return [hit.cube.text for hit in memos.search(question, namespace="a", **arguments)]


def test_an_answer_is_found_by_the_question_before_it(memos: MemOS) -> None:
    said = [
        "Hello there, how was your week?",
        "What is your boat called?",
        "Selma!",
        "Nice weather for a walk today, is it not?",
        "It is.",
    ]
    memos.add([Message(content=text) for text in said], namespace="a", session="s")
    assert "Selma!" in texts(memos, "what is the boat called?", limit=2)


def test_a_question_about_a_time_finds_what_speaks_of_it(memos: MemOS) -> None:
    memos.add([Message(content="We painted the fence last weekend", at=NOW)], namespace="a")
    memos.add([Message(content="We painted the fence again", at=NOW + timedelta(days=60))], namespace="a")
    hits = memos.search("what was painted on 6 May 2023?", namespace="a")
    assert hits[0].cube.text == "We painted the fence last weekend"
    assert hits[0].why["time"] > 0


def test_hits_say_why_and_where_from(memos: MemOS) -> None:
    memos.add([Message(content="The boat is called Selma", name="Ana", id="D1:3")], namespace="a")
    [hit] = memos.search("what did Ana call the boat?", namespace="a")
    assert hit.source_ids == ("D1:3",)
    assert hit.score == pytest.approx(sum(hit.why.values()))
    assert {"text", "vectors", "speaker"} <= set(hit.why)


def test_nothing_is_found_in_an_empty_memory(memos: MemOS) -> None:
    assert memos.search("anything", namespace="a") == []


@pytest.mark.parametrize("limit", [1, 3, 10])
def test_the_limit_is_kept_and_a_longer_list_begins_like_a_shorter_one(memos: MemOS, limit: int) -> None:
    memos.add([Message(content=f"Note {n} about boats") for n in range(12)], namespace="a")
    assert texts(memos, "boats", limit=limit) == texts(memos, "boats", limit=12)[:limit]


@pytest.mark.parametrize("limit", [0, -1, 1001])
def test_a_limit_out_of_range_is_refused(memos: MemOS, limit: int) -> None:
    with pytest.raises(InvalidInput):
        memos.search("boats", namespace="a", limit=limit)


def test_what_was_asked_before_makes_room_for_what_answers(memos: MemOS) -> None:
    memos.add("My sister Clara moved to Lisbon last year.", namespace="a")
    for number in range(12):
        memos.add("Where does my sister live?", namespace="a", session=f"later {number}")
    hits = memos.search("Where does my sister live?", namespace="a", limit=3)
    assert hits[0].cube.text == "My sister Clara moved to Lisbon last year."
    assert hits[1].why["asks"] < 0
    assert math.fsum(hits[1].why.values()) == pytest.approx(hits[1].score)


def test_a_question_that_says_more_than_is_asked_loses_nothing(memos: MemOS) -> None:
    memos.add("How do I cook ramen for my sister Clara in Lisbon?", namespace="a")
    [hit] = memos.search("Where does my sister live?", namespace="a")
    assert "asks" not in hit.why


@pytest.mark.parametrize("kind", [Kind.FACT, Kind.DOCUMENT, Kind.PROCEDURE])
def test_a_question_that_is_kept_for_its_answer_and_was_not_said_loses_nothing(memos: MemOS, kind: Kind) -> None:
    asked = "Where does my sister live?"
    answer = Note(text=asked, kind=kind, metadata={"answer": "In Lisbon"})
    memos.add([answer, Note(text="My sister likes to live by the sea", kind=kind)], namespace="a")
    first, _ = memos.search(asked, namespace="a")
    assert first.cube.text == asked
    assert "asks" not in first.why


def test_a_message_that_tells_and_asks_loses_nothing(memos: MemOS) -> None:
    memos.add("I live in Porto now. Where do you live?", namespace="a")
    [hit] = memos.search("Where do I live?", namespace="a")
    assert "asks" not in hit.why
