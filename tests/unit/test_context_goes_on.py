"""Over the turns of a conversation, the context of each begins as the one before did, and says nothing that is over."""

from datetime import timedelta

import pytest

from memos_core import Context, MemOS, Message
from memos_core.testing.clock import ManualClock
from memos_core.testing.embedders import HashingEmbedder


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def memos(clock: ManualClock) -> MemOS:
    memos = MemOS.open(":memory:", embedder=HashingEmbedder(), clock=clock)
    for number, text in enumerate(("I keep bees.", "My boat is called Ida.", "I live in Oslo.", "The baker sings.")):
        said = Message(role="user", name="Ana", content=text, id=f"m{number}")
        memos.add([said], namespace="ana")
        clock.advance(timedelta(days=1))
    return memos


def ask(memos: MemOS, question: str, previous: Context | None = None) -> Context:
    return memos.context(question, namespace="ana", limit=1, max_tokens=400, previous=previous)


def test_each_turn_begins_as_the_one_before(memos: MemOS) -> None:
    last = ask(memos, "boat Ida")
    for question, said in (("bees", "I keep bees."), ("Oslo", "I live in Oslo."), ("baker", "The baker sings.")):
        then = ask(memos, question, last)
        assert then.text.startswith(last.text.rpartition("\n")[0])
        assert (then.hits[0].cube.text, len(then.order)) == (said, len(last.order) + 1)
        last = then
    assert ask(memos, "boat Ida", last).text == last.text


def test_what_was_changed_forgotten_or_replaced_is_not_kept(memos: MemOS, clock: ManualClock) -> None:
    last = ask(memos, "boat Ida", ask(memos, "bees", ask(memos, "Oslo")))
    assert len(last.order) == 3
    _, bees, boat = last.order
    memos.forget(bees)
    memos.add([Message(role="user", name="Ana", content="I live in Rome.", at=clock.now())], namespace="ana")
    memos.update(boat, "My boat is called Eva.")
    text = ask(memos, "baker", last).text
    assert "Oslo" not in text
    assert "bees" not in text
    assert "Ida" not in text
    assert "Eva" in text


def test_nothing_is_kept_that_one_may_not_read(memos: MemOS) -> None:
    memos.add("The key is red.", namespace="bob")
    theirs = memos.context("key", namespace="bob", limit=1)
    assert "key" not in ask(memos, "bees", theirs).text
