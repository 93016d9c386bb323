"""The chat stores: what LlamaIndex's public tests ask of them, and a memory that recalls what was said in it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from llama_index.core.base.llms.types import ChatMessage, ImageBlock, MessageRole, TextBlock, ToolCallBlock
from llama_index.core.chat_engine import SimpleChatEngine
from llama_index.core.llms import MockLLM
from llama_index.core.memory import ChatMemoryBuffer, Memory
from llama_index.core.storage.chat_store.base import BaseChatStore
from llama_index.core.storage.chat_store.base_db import AsyncDBChatStore, MessageStatus

from memos_core import MemOS
from memos_core.errors import InvalidInput, InvalidText, VaultClosed
from memos_core.testing.embedders import HashingEmbedder
from memos_llamaindex import MemOSAsyncChatStore, MemOSChatStore, MemOSMemoryBlock

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


@pytest.fixture
def queue(memos: MemOS) -> MemOSAsyncChatStore:
    return MemOSAsyncChatStore(memos=memos, namespace="ana")


def words(messages: list[ChatMessage]) -> list[str | None]:
    return [message.content for message in messages]


def test_a_message_can_be_put_before_another(store: MemOSChatStore) -> None:
    store.set_messages("a", WORDS)
    store.add_message("a", ChatMessage("First of all"), idx=0)
    store.add_message("a", ChatMessage("Last but one"), idx=3)
    store.add_message("a", ChatMessage("Last"))
    assert words(store.get_messages("a")) == ["First of all", "Hello", "Hello Ana", "Last but one", "Hello", "Last"]


def test_messages_stay_in_their_order_when_one_of_them_changes_elsewhere(memos: MemOS, store: MemOSChatStore) -> None:
    store.set_messages("a", WORDS)
    first = min(memos.list(namespace="ana"), key=lambda cube: cube.id)
    memos.update(first.id, metadata={**first.metadata, "starred": True})
    store.add_message("a", ChatMessage("Goodbye"))
    assert words(store.get_messages("a")) == ["Hello", "Hello Ana", "Hello", "Goodbye"]


async def test_the_store_of_a_memory_adds_pages_counts_and_lists(queue: MemOSAsyncChatStore) -> None:
    assert isinstance(queue, AsyncDBChatStore)
    await queue.add_messages("a", [ChatMessage(str(n)) for n in range(4)])
    await queue.add_message("a", ChatMessage("4", role="assistant"))
    await queue.add_message("b", ChatMessage("elsewhere"))
    await queue.add_messages("c", [])
    assert words(await queue.get_messages("a")) == ["0", "1", "2", "3", "4"]
    assert words(await queue.get_messages("a", limit=2, offset=1)) == ["1", "2"]
    assert words(await queue.get_messages("a", offset=3)) == ["3", "4"]
    assert await queue.get_messages("nothing") == []
    assert [await queue.count_messages(key) for key in ("a", "b", "nothing")] == [5, 1, 0]
    assert await queue.get_keys() == ["a", "b"]


async def test_what_is_pushed_out_of_a_queue_stays_in_the_memory(memos: MemOS, queue: MemOSAsyncChatStore) -> None:
    await queue.add_messages("a", [ChatMessage(text) for text in ("My boat is called Selma", "two", "three")])
    assert words(await queue.archive_oldest_messages("a", 2)) == ["My boat is called Selma", "two"]
    assert await queue.archive_oldest_messages("nothing", 2) == []
    await queue.add_message("a", ChatMessage("four"))
    await queue.add_message("a", ChatMessage("zero"), MessageStatus.ARCHIVED)
    assert words(await queue.get_messages("a")) == ["three", "four"]
    archived = await queue.get_messages("a", MessageStatus.ARCHIVED)
    assert words(archived) == ["My boat is called Selma", "two", "zero"]
    assert len(await queue.get_messages("a", None)) == await queue.count_messages("a", None) == 5
    assert memos.search("What is the boat called?", namespace="ana", limit=1)[0].cube.text == "My boat is called Selma"


async def test_messages_of_a_queue_are_replaced_and_erased(memos: MemOS, queue: MemOSAsyncChatStore) -> None:
    await queue.set_messages("a", WORDS)
    await queue.archive_oldest_messages("a", 1)
    await queue.set_messages("a", [*WORDS, ChatMessage("New")])
    assert words(await queue.get_messages("a")) == ["Hello", "Hello Ana", "Hello", "New"]
    assert await queue.delete_message("a", 1) == WORDS[1]
    assert await queue.delete_message("a", 7) is None
    assert words(await queue.delete_oldest_messages("a", 1)) == ["Hello"]
    await queue.archive_oldest_messages("a", 1)
    await queue.delete_messages("a", MessageStatus.ACTIVE)
    assert words(await queue.get_messages("a", None)) == ["Hello"]
    await queue.delete_messages("a")
    assert memos.list(namespace="ana") == []


async def test_both_stores_share_conversations(store: MemOSChatStore, queue: MemOSAsyncChatStore) -> None:
    store.set_messages("a", WORDS)
    await queue.archive_oldest_messages("a", 1)
    assert await queue.get_messages("a") == WORDS[1:]
    assert store.get_messages("a") == WORDS


def long(name: str) -> ChatMessage:
    return ChatMessage(f"{name} " + "word " * 12)


async def test_a_memory_of_llamaindex_keeps_its_queue_here_and_goes_on_in_another_process(tmp_path: Path) -> None:
    call = ChatMessage(role="assistant", blocks=[ToolCallBlock(tool_name="look", tool_kwargs={}, tool_call_id="1")])
    for said in ("My sister Clara lives in Lisbon", "Hello again"):
        with MemOS.open(tmp_path / "m.db", embedder=HashingEmbedder()) as memos:
            queue = MemOSAsyncChatStore(memos=memos, namespace="ana")
            memory = Memory.from_defaults(session_id="monday", chat_store=queue)
            await memory.aput_messages([ChatMessage(said), call])
    with MemOS.open(tmp_path / "m.db", embedder=HashingEmbedder()) as memos:
        queue = MemOSAsyncChatStore(memos=memos, namespace="ana")
        memory = Memory.from_defaults(session_id="monday", chat_store=queue, token_limit=60, token_flush_size=20)
        assert (await memory.aget())[1] == call
        await memory.aput_messages([long("one"), long("two"), long("three")])
        assert "three" in str((await memory.aget())[-1].content)
        assert "My sister Clara lives in Lisbon" in words(await memory.aget_all(MessageStatus.ARCHIVED))
        assert len(await memory.aget_all()) == 7
        await memory.areset(MessageStatus.ACTIVE)
        assert await memory.aget_all() == await memory.aget_all(MessageStatus.ARCHIVED) != []
        await memory.areset()
        assert await memory.aget_all() == memos.list(namespace="ana") == []


def test_a_memory_of_llamaindex_is_used_without_a_loop_too(queue: MemOSAsyncChatStore) -> None:
    memory = Memory.from_defaults(chat_history=[ChatMessage("one")], session_id="a", chat_store=queue)
    memory.put(ChatMessage("two"))
    assert words(memory.get_all()) == words(memory.get()) == ["one", "two"]


async def test_a_block_beside_it_neither_repeats_what_is_shown_nor_remembers_twice(
    memos: MemOS, queue: MemOSAsyncChatStore
) -> None:
    block = MemOSMemoryBlock(memos=memos, namespace="ana")
    limits: dict[str, Any] = {"token_limit": 1000, "chat_history_token_ratio": 0.1, "token_flush_size": 10}
    memory = Memory.from_defaults(session_id="a", chat_store=queue, memory_blocks=[block], **limits)
    await memory.aput(ChatMessage("Clara lives in Lisbon"))
    assert "Lisbon" not in await block.aget([ChatMessage("Where does Clara live?")], session_id="a")
    assert "Lisbon" in await block.aget([ChatMessage("Where does Clara live?")], session_id="b")
    for n in range(12):
        await memory.aput(long(str(n)))
    assert [cube.text for cube in memos.list(namespace="ana") if "Lisbon" in cube.text] == ["Clara lives in Lisbon"]
    await memory.aput(ChatMessage("Where does Clara live?"))
    assert "Lisbon" in str((await memory.aget())[0].content)


def test_a_picture_without_words_is_kept_and_not_searched_by_its_bytes(memos: MemOS, store: MemOSChatStore) -> None:
    picture = ChatMessage(role="user", blocks=[ImageBlock(image=b"boat" * 10_000)])
    store.add_message("a", picture)
    assert store.get_messages("a") == [picture]
    [cube] = memos.list(namespace="ana")
    assert len(cube.text) < 300
    with pytest.raises(InvalidInput, match="65,536"):
        store.add_message("a", ChatMessage(role="user", blocks=[ImageBlock(image=b"boat" * 100_000)]))
    assert store.get_messages("a") == [picture]


async def test_after_the_memory_is_closed_a_store_says_so(store: MemOSChatStore, queue: MemOSAsyncChatStore) -> None:
    store.memos.close()
    with pytest.raises(VaultClosed):
        store.get_messages("a")
    with pytest.raises(VaultClosed):
        await queue.add_message("a", ChatMessage("Hello"))
