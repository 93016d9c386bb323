"""What LlamaIndex's own memories, stores and indexes hold moves here."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from llama_index.core import Document, StorageContext, VectorStoreIndex, load_index_from_storage
from llama_index.core.base.llms.types import ChatMessage, ImageBlock, TextBlock
from llama_index.core.graph_stores import SimplePropertyGraphStore
from llama_index.core.graph_stores.types import Relation
from llama_index.core.memory import ChatMemoryBuffer, Memory
from llama_index.core.storage.chat_store import SimpleChatStore
from llama_index.core.storage.chat_store.base_db import MessageStatus
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from memos_core import MemOS
from memos_core.testing.clock import ManualClock
from memos_core.testing.embedders import HashingEmbedder
from memos_llamaindex import (
    MemOSAsyncChatStore,
    MemOSChatStore,
    MemOSEmbedding,
    MemOSMemory,
    MemOSPropertyGraphStore,
    MemOSVectorStore,
)

CALL = ChatMessage(role="assistant", additional_kwargs={"tool_calls": [{"id": "1", "name": "look"}]})
PICTURE = ChatMessage(
    role="user", blocks=[TextBlock(text="Where is this?"), ImageBlock(url="https://example.org/tower.png")]
)


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    made = create_async_engine(f"sqlite+aiosqlite:///{tmp_path / 'old.db'}")
    yield made
    await made.dispose()


async def test_a_memory_with_a_database_arrives_with_its_times_places_and_all_that_messages_carry(
    engine: AsyncEngine,
) -> None:
    began = datetime.now(timezone.utc)
    monday = Memory.from_defaults("monday", async_engine=engine, token_limit=60, token_flush_size=10)
    said = [ChatMessage(f"Ana has a boat called Heron number {n}") for n in range(9)]
    for message in said:
        await monday.aput(message)
    tuesday = Memory.from_defaults("tuesday", async_engine=engine)
    await tuesday.aput_messages([PICTURE, CALL, ChatMessage("Lisbon", role="assistant")])
    pushed_out = await monday.sql_store.count_messages("monday", MessageStatus.ARCHIVED)
    assert 0 < pushed_out < len(said)

    clock = ManualClock(began + timedelta(days=365))
    with MemOS.open(":memory:", embedder=HashingEmbedder(), clock=clock) as memos:
        store = MemOSAsyncChatStore(memos=memos, namespace="ana")
        assert await store.take_in(monday.sql_store) == len(said) + 3
        assert await store.get_messages("monday", None) == await monday.sql_store.get_messages("monday", None)
        assert await store.get_messages("monday") == await monday.sql_store.get_messages("monday")
        assert await store.count_messages("monday", MessageStatus.ARCHIVED) == pushed_out
        assert await store.get_messages("tuesday") == [PICTURE, CALL, ChatMessage("Lisbon", role="assistant")]
        cubes = memos.list(namespace="ana", limit=100)
        assert {cube.provenance.session for cube in cubes} == {"monday", "tuesday"}
        assert all(began <= cube.said_at <= began + timedelta(minutes=5) for cube in cubes)

        await monday.aput(ChatMessage("And one more"))
        assert await store.take_in(monday.sql_store) == len(said) + 4
        assert len(memos.list(namespace="ana", limit=100)) == len(cubes) + 1
        assert await store.get_messages("monday", None) == await monday.sql_store.get_messages("monday", None)


async def test_a_message_that_cannot_be_kept_is_named_and_moves_nothing_of_its_conversation(
    memos: MemOS, engine: AsyncEngine
) -> None:
    old = Memory.from_defaults("monday", async_engine=engine)
    await old.aput_messages([ChatMessage("I live in Rome"), ChatMessage("x" * 1_000_001)])
    store = MemOSAsyncChatStore(memos=memos, namespace="ana")
    with pytest.raises(ValueError, match="1,000,000"):
        await store.take_in(old.sql_store)
    assert memos.list(namespace="ana") == []


def test_chat_stores_and_buffers_move_as_the_page_says(memos: MemOS) -> None:
    old = SimpleChatStore()
    buffer = ChatMemoryBuffer.from_defaults(chat_store=old, chat_store_key="monday")
    buffer.put_messages([ChatMessage("I live in Rome"), CALL, PICTURE, ChatMessage("Noted", role="assistant")])

    store = MemOSChatStore(memos=memos, namespace="ana")
    for key in old.get_keys():
        store.set_messages(key, old.get_messages(key))
    assert (store.get_keys(), store.get_messages("monday")) == (["monday"], buffer.get_all())

    memory = MemOSMemory.from_defaults(memos, namespace="ben")
    memory.set(buffer.get_all())
    assert memory.get_all() == buffer.get_all()
    assert {cube.text for cube in memos.list(namespace="ben")} == {"I live in Rome", "Where is this?", "Noted"}


def test_an_index_that_was_written_to_a_folder_moves_with_ids_and_metadata(memos: MemOS, tmp_path: Path) -> None:
    documents = [Document(text="Basil needs sun", id_="b", metadata={"zone": 9}), Document(text="Moss needs shade")]
    VectorStoreIndex.from_documents(documents, embed_model=MemOSEmbedding(memos)).storage_context.persist(tmp_path)

    index = load_index_from_storage(
        StorageContext.from_defaults(persist_dir=tmp_path), embed_model=MemOSEmbedding(memos)
    )
    store = MemOSVectorStore(memos=memos)
    nodes = [*index.docstore.docs.values()]
    assert store.add(nodes) == [node.node_id for node in nodes]
    assert {node.node_id: node for node in store.get_nodes()} == index.docstore.docs
    [basil] = [node for node in store.get_nodes() if node.metadata.get("zone") == 9]
    assert basil.ref_doc_id == "b"


def test_a_store_that_keeps_text_itself_moves_by_its_nodes(memos: MemOS) -> None:
    old = MemOSVectorStore(memos=memos, namespace="old")
    index = VectorStoreIndex.from_vector_store(old, embed_model=MemOSEmbedding(memos))
    index.insert(Document(text="Basil needs sun", metadata={"zone": 9}))
    assert index.docstore.docs == {}
    store = MemOSVectorStore(memos=memos, namespace="new")
    store.add(old.get_nodes())
    assert store.get_nodes() == old.get_nodes()


def test_a_graph_moves_with_properties(memos: MemOS) -> None:
    old = SimplePropertyGraphStore()
    old.upsert_relations([Relation(label="LIVES_IN", source_id="Ana", target_id="Rome", properties={"since": 2020})])
    new = MemOSPropertyGraphStore(memos)
    new.upsert_nodes(old.get())
    new.upsert_relations([triplet[1] for triplet in old.graph.get_triplets()])
    assert new.get_triplets(entity_names=["Ana"]) == old.get_triplets(entity_names=["Ana"])
