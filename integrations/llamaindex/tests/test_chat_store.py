"""The chat store: what LlamaIndex's public tests ask of one, and a memory that recalls what was said in it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from llama_index.core.base.llms.types import ChatMessage, ImageBlock, MessageRole, TextBlock, ToolCallBlock
from llama_index.core.chat_engine import SimpleChatEngine
from llama_index.core.llms import MockLLM
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.storage.chat_store.base import BaseChatStore

from memos_core import MemOS
from memos_core.errors import InvalidText
from memos_core.testing.embedders import HashingEmbedder
from memos_llamaindex import MemOSChatStore

WORDS = [ChatMessage("Hello"), ChatMessage("Hello Ana", role="assistant"), ChatMessage("Hello")]


@pytest.fixture
def store(memos: MemOS) -> MemOSChatStore:
    return MemOSChatStore(memos=memos, namespace="ana")


def test_it_is_a_chat_store(store: MemOSChatStore) -> None:
    assert isinstance(store, BaseChatStore)
    assert store.class_name() == "MemOSChatStore"


def test_messages_come_back_in_order_under_their_key(store: MemOSChatStore) -> None:
    for message in WORDS:
        store.add_message("a", message)
    store.add_message("b", ChatMessage("Elsewhere"))
    assert store.get_messages("a") == WORDS
    assert store.get_messages("b") == [ChatMessage("Elsewhere")]
    assert store.get_messages("nothing") == []
    assert store.get_keys() == ["a", "b"]


def test_messages_come_back_whole(store: MemOSChatStore) -> None:
    call = ToolCallBlock(tool_name="look", tool_kwargs={"page": 3}, tool_call_id="1")
    messages = [
        ChatMessage("You help Ana.", role=MessageRole.SYSTEM),
        ChatMessage(role="user", blocks=[TextBlock(text="See"), ImageBlock(url="http://localhost/boat.png")]),
        ChatMessage(role="assistant", blocks=[call]),
        ChatMessage("a boat", role=MessageRole.TOOL, additional_kwargs={"tool_call_id": "1"}),
        ChatMessage("It is a boat", role=MessageRole.MODEL),
    ]
    store.set_messages("a", messages)
    assert store.get_messages("a") == messages


def test_setting_replaces_and_keeps_the_beginning_that_is_the_same(memos: MemOS, store: MemOSChatStore) -> None:
    store.set_messages("a", WORDS)
    first, second, _ = sorted(memos.list(namespace="ana"), key=lambda cube: cube.provenance.position or 0)
    changed = [*WORDS[:2], ChatMessage("Goodbye"), ChatMessage("See you", role="assistant")]
    store.set_messages("a", changed)
    assert store.get_messages("a") == changed
    assert {first.id, second.id} < {cube.id for cube in memos.list(namespace="ana")}
    store.set_messages("a", [])
    assert (store.get_messages("a"), store.get_keys()) == ([], [])


def test_of_messages_with_one_that_cannot_be_kept_none_replaces_what_was_there(store: MemOSChatStore) -> None:
    store.set_messages("a", WORDS)
    with pytest.raises(InvalidText):
        store.set_messages("a", [ChatMessage("Fine"), ChatMessage("half \ud83d")])
    assert store.get_messages("a") == WORDS


def test_deleting_says_what_went_and_erases_it(memos: MemOS, store: MemOSChatStore) -> None:
    store.set_messages("a", WORDS)
    assert store.delete_message("a", 1) == WORDS[1]
    assert store.delete_last_message("a") == WORDS[2]
    assert [store.delete_message("a", place) for place in (5, -5)] == [None, None]
    store.add_message("a", ChatMessage("Again"))
    assert store.delete_messages("a") == [WORDS[0], ChatMessage("Again")]
    assert (store.delete_messages("a"), store.delete_last_message("a")) == (None, None)
    assert memos.list(namespace="ana") == []


def test_the_async_side_does_the_same(store: MemOSChatStore) -> None:
    async def use() -> None:
        await store.aset_messages("a", WORDS[:1])
        await store.async_add_message("a", WORDS[1])
        assert await store.aget_messages("a") == WORDS[:2]
        assert await store.aget_keys() == ["a"]
        assert await store.adelete_message("a", 0) == WORDS[0]
        assert await store.adelete_last_message("a") == WORDS[1]
        assert await store.adelete_messages("a") is None

    asyncio.run(use())


def test_memories_that_others_put_there_are_no_messages(memos: MemOS, store: MemOSChatStore) -> None:
    memos.add("I am somebody else's", namespace="ana", session="a")
    store.add_message("a", ChatMessage("Hello"))
    assert store.get_messages("a") == [ChatMessage("Hello")]
    store.delete_messages("a")
    assert memos.count(namespace="ana") == 1


def test_a_chat_engine_goes_on_in_another_process_and_the_memory_knows_what_was_said(tmp_path: Path) -> None:
    for said in ("My sister Clara lives in Lisbon", "Hello again"):
        with MemOS.open(tmp_path / "m.db", embedder=HashingEmbedder()) as memos:
            store = MemOSChatStore(memos=memos, namespace="ana")
            buffer = ChatMemoryBuffer.from_defaults(chat_store=store, chat_store_key="monday")
            SimpleChatEngine.from_defaults(llm=MockLLM(), memory=buffer).chat(said)
    with MemOS.open(tmp_path / "m.db", embedder=HashingEmbedder()) as memos:
        assert len(MemOSChatStore(memos=memos, namespace="ana").get_messages("monday")) == 4
        assert "Lisbon" in memos.search("Where does Clara live?", namespace="ana", limit=1)[0].cube.text
