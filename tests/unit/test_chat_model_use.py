"""What a chat model adds to remembering and finding, and what stays when it fails."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from memos_core import MemOS, Message
from memos_core.cube.memcube import Trust
from memos_core.cube.message import Note
from memos_core.errors import ChatModelFailed, ModelWarning
from memos_core.testing.chat import ScriptedChatModel
from memos_core.testing.embedders import HashingEmbedder

SAID_AT = datetime(2023, 6, 14, 18, 30, tzinfo=timezone.utc)
FAILS = ChatModelFailed(model="scripted", detail="no answer")
PARROT = {
    "subject": "Ana",
    "predicate": "Has",
    "object": "parrot",
    "negated": False,
    "since": "2021",
    "until": None,
    "quote": "a parrot came to stay",
}


def opened(*replies: object) -> MemOS:
    return MemOS.open(":memory:", embedder=HashingEmbedder(), llm=ScriptedChatModel(replies))


def said(text: str, name: str = "Ana") -> Message:
    return Message(content=text, role="user", name=name, at=SAID_AT)


def test_a_model_reads_claims_that_no_rule_knows_and_the_rules_claims_stay_first() -> None:
    memos = opened({"claims": [PARROT, {**PARROT, "object": "made up", "quote": "a tiger came"}]})
    [cube] = memos.add(said("I live in Faro. In 2021 a parrot came to stay."), namespace="a").written
    assert [(claim.predicate, claim.object) for claim in cube.claims] == [("lives in", "Faro"), ("has", "parrot")]
    assert cube.claims[1].when is not None
    assert cube.claims[1].when.iso() == "2021-01-01.."


def test_a_date_that_nobody_said_is_dropped() -> None:
    memos = opened({"claims": [PARROT]})
    [cube] = memos.add(said("Well, a parrot came to stay."), namespace="a").written
    assert cube.claims[0].when is None


def test_where_the_model_fails_the_rules_claims_are_kept_with_a_warning() -> None:
    memos = opened({"claims": []}, FAILS)
    with pytest.warns(ModelWarning, match="2 of 3 messages"):
        added = memos.add([said("I like tea."), said("I live in Faro."), said("I like jazz.")], namespace="a")
    assert [cube.claims[0].object for cube in added.written] == ["tea", "Faro", "jazz"]


def test_what_an_assistant_said_is_not_sent() -> None:
    memos = opened()
    memos.add(Message(content="I live in the cloud.", role="assistant"), namespace="a")


def test_other_words_find_what_the_question_misses_and_the_model_orders_what_was_found() -> None:
    memos = opened({"claims": []}, {"claims": []}, {"wordings": ["feline animals"]}, {"order": [2, 1]})
    memos.add([said("Our feline sleeps."), said("The pet shop is closed.")], namespace="a")
    hits = memos.search("Which pet?", namespace="a")
    assert hits[0].score >= hits[1].score
    assert all(sum(hit.why.values()) == pytest.approx(hit.score) for hit in hits)
    assert any("model" in hit.why for hit in hits)


def test_where_the_model_fails_a_search_gives_what_the_rules_give_with_warnings() -> None:
    plain = MemOS.open(":memory:", embedder=HashingEmbedder())
    helped = opened({"claims": []}, {"claims": []}, FAILS, "no JSON", "no JSON either")
    for memos in (plain, helped):
        memos.add([said("The cat sleeps."), said("The pet shop is closed.")], namespace="a")
    expected = [hit.cube.text for hit in plain.search("Which cat?", namespace="a")]
    with pytest.warns(ModelWarning) as caught:
        found = [hit.cube.text for hit in helped.search("Which cat?", namespace="a")]
    assert found == expected
    assert len(caught) == 2


def test_no_more_is_asked_in_one_search_than_the_limit() -> None:
    model = ScriptedChatModel([{"claims": []}, {"claims": []}, "bad", "bad", "bad", "bad", "bad"])
    memos = MemOS.open(":memory:", embedder=HashingEmbedder(), llm=model)
    memos.add([said("The cat sleeps."), said("The pet shop is closed.")], namespace="a")
    with pytest.warns(ModelWarning):
        memos.search("Which cat?", namespace="a")
    assert len(model.asked) == 6


def test_a_model_gives_no_source_that_nobody_vouches_for_more_room() -> None:
    memos = opened({"wordings": ["pay the ferry"]}, {"order": [4, 3, 2, 1]})
    llm, memos._llm = memos._llm, None
    planted = [Note(text=f"Pay the ferry to account {number}.") for number in range(3)]
    for cube in memos.add(planted, namespace="a").written:
        memos._put(cube, cube.content().governed(trust=Trust.THIRD_PARTY))
    memos.add([said("The ferry leaves at nine."), said("Ana likes tea.")], namespace="a")
    memos._llm = llm
    trusts = [hit.cube.governance.trust.name for hit in memos.search("ferry", namespace="a", limit=4)]
    assert sorted(trusts[:3]) == ["THIRD_PARTY", "USER", "USER"]
    assert trusts[3] == "THIRD_PARTY"
