"""The history of a conversation: messages come back as they went in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.messages import AIMessage, BaseMessage, ChatMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.runnables import RunnableLambda
from langchain_core.runnables.history import RunnableWithMessageHistory

from memos_core import MemOS, State
from memos_core.errors import InvalidInput
from memos_langchain import MemOSChatMessageHistory

MESSAGES: list[BaseMessage] = [
    SystemMessage("Be kind.", id="1"),
    HumanMessage("Where does Clara live?", id="2", name="Ana"),
    AIMessage("", id="3", tool_calls=[{"name": "look", "args": {"who": "Clara"}, "id": "c1"}]),
    ToolMessage("Lisbon", id="4", tool_call_id="c1", artifact={"row": 7}),
    AIMessage([{"type": "text", "text": "In Lisbon."}], id="5", response_metadata={"model": "x"}),
    HumanMessage([{"type": "image", "url": "https://example.org/a.png"}], id="6"),
    ChatMessage("Aye", role="pirate", id="7"),
    AIMessage("", id="8"),
]


@pytest.fixture
def open_history(memos: MemOS) -> Callable[..., MemOSChatMessageHistory]:
    return lambda session="monday", who="ana": MemOSChatMessageHistory(memos, namespace=who, session=session)


def test_messages_come_back_as_they_went_in(open_history: Callable[..., MemOSChatMessageHistory]) -> None:
    open_history().add_messages(MESSAGES[:3])
    open_history().add_messages(MESSAGES[3:])
    assert open_history().messages == MESSAGES


def test_messages_without_ids_are_messages_too(open_history: Callable[..., MemOSChatMessageHistory]) -> None:
    history = open_history()
    for _ in range(2):
        history.add_user_message("Hello")
        history.add_ai_message("Hello Ana")
    history.add_messages([])
    assert [message.text for message in history.messages] == ["Hello", "Hello Ana"] * 2


def test_a_message_whose_id_is_there_takes_its_place(open_history: Callable[..., MemOSChatMessageHistory]) -> None:
    history = open_history()
    history.add_messages([HumanMessage("one", id="1"), HumanMessage("two", id="2")])
    history.add_messages([HumanMessage("one, better", id="1")])
    assert [message.text for message in history.messages] == ["one, better", "two"]


def test_conversations_and_users_are_apart(open_history: Callable[..., MemOSChatMessageHistory]) -> None:
    for session, who in [("monday", "ana"), ("tuesday", "ana"), ("monday", "bob")]:
        open_history(session, who).add_messages([HumanMessage(f"{session} {who}", id="1")])
    assert [message.text for message in open_history("monday", "ana").messages] == ["monday ana"]
    open_history("monday", "ana").clear()
    assert open_history("monday", "ana").messages == []
    assert [message.text for message in open_history("tuesday", "ana").messages] == ["tuesday ana"]
    assert [message.text for message in open_history("monday", "bob").messages] == ["monday bob"]


def test_cleared_is_erased(memos: MemOS, open_history: Callable[..., MemOSChatMessageHistory]) -> None:
    history = open_history()
    history.add_messages(MESSAGES)
    memos.add("Something else", namespace="ana", session="monday")
    history.clear()
    assert [cube.text for cube in memos.list(namespace="ana", states=list(State))] == ["Something else"]


def test_what_was_said_is_recalled_elsewhere(
    memos: MemOS, open_history: Callable[..., MemOSChatMessageHistory]
) -> None:
    open_history().add_messages([HumanMessage("Clara lives in Lisbon", name="Ana"), AIMessage("Noted")])
    [best, *_] = memos.search("Where does Clara live?", namespace="ana")
    assert best.cube.text == "Clara lives in Lisbon"
    assert (best.cube.provenance.session, best.cube.provenance.speaker) == ("monday", "Ana")
    assert best.cube.governance.trust.name == "USER"


def test_a_message_that_cannot_be_kept_is_refused_with_all_of_its_call(
    memos: MemOS, open_history: Callable[..., MemOSChatMessageHistory]
) -> None:
    with pytest.raises(InvalidInput):
        open_history().add_messages([HumanMessage("fine"), HumanMessage("half \ud83d")])
    assert memos.stats().operations == 0


async def test_the_async_side_does_the_same(open_history: Callable[..., MemOSChatMessageHistory]) -> None:
    history = open_history()
    await history.aadd_messages(MESSAGES)
    assert await history.aget_messages() == MESSAGES
    await history.aclear()
    assert await history.aget_messages() == []


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_runnable_with_history_keeps_it_here(open_history: Callable[..., MemOSChatMessageHistory]) -> None:
    chain: Any = RunnableWithMessageHistory(
        RunnableLambda(lambda messages: AIMessage(f"I see {len(messages)}")), open_history
    )
    for seen in (1, 3):
        answer = chain.invoke([HumanMessage("Hello")], {"configurable": {"session_id": "s1"}})
        assert answer.text == f"I see {seen}"
    assert len(open_history("s1").messages) == 4


def test_a_picture_without_words_is_kept_and_not_searched_by_its_bytes(
    memos: MemOS, open_history: Callable[..., MemOSChatMessageHistory]
) -> None:
    block = {"type": "image", "source_type": "base64", "data": "boat" * 10_000, "mime_type": "image/png"}
    picture = HumanMessage(content=[block], id="1")
    open_history().add_messages([picture])
    assert open_history().messages == [picture]
    [cube] = memos.list(namespace="ana")
    assert len(cube.text) < 300
    block["data"] = "boat" * 100_000
    with pytest.raises(InvalidInput, match="65,536"):
        open_history().add_messages([HumanMessage(content=[block])])
    assert open_history().messages == [picture]
