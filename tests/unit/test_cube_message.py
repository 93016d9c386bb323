from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest
from pydantic import ValidationError

from memos_core.cube.message import Document, Message, aware, messages
from memos_core.errors import InvalidInput, NaiveDatetime

NOON = datetime(2023, 5, 8, 12, tzinfo=timezone.utc)
NAIVE = NOON.replace(tzinfo=None)


def test_message_needs_only_its_content() -> None:
    message = Message(content="Hello")
    assert (message.role, message.name, message.at, message.id, message.metadata) == ("user", None, None, None, {})


def test_document_needs_only_its_text() -> None:
    assert Document(text="Hello").media_type == "text/plain"


@pytest.mark.parametrize("make", [lambda: Message(content="x", at=NAIVE), lambda: Document(text="x", at=NAIVE)])
def test_naive_times_are_refused_by_name(make: Any) -> None:
    with pytest.raises(NaiveDatetime) as caught:
        make()
    assert caught.value.facts["field"].endswith(".at")


@pytest.mark.parametrize(
    "fields",
    [{}, {"content": None}, {"content": 1}, {"content": "x", "contents": "y"}, {"content": "x", "metadata": [1]}],
    ids=str,
)
def test_message_that_is_none_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        Message(**fields)


def test_message_is_frozen() -> None:
    message = Message(content="x")
    with pytest.raises(ValidationError):
        message.content = "y"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("given", "contents"),
    [
        ("Hello", ["Hello"]),
        (Message(content="Hello"), ["Hello"]),
        ([Message(content="a"), {"role": "assistant", "content": "b"}], ["a", "b"]),
        ((Message(content="a"),), ["a"]),
        ([], []),
    ],
)
def test_texts_messages_and_mappings_are_read(given: Any, contents: list[str]) -> None:
    assert [message.content for message in messages(given)] == contents


@pytest.mark.parametrize(
    "given", [None, 7, b"bytes", {"content": "x"}, ["text"], [None], [{"text": "x"}], {Message(content="x").content}]
)
def test_anything_else_is_refused(given: Any) -> None:
    with pytest.raises(InvalidInput):
        messages(given)


def test_aware_times_pass_and_none_does() -> None:
    assert aware(NOON, "at") is NOON
    assert aware(None, "at") is None
    with pytest.raises(NaiveDatetime):
        aware(NAIVE, "at")
