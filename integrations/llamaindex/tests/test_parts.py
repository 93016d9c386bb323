"""The smaller parts: retriever, memory block, tools, embedding."""

from __future__ import annotations

import asyncio
from datetime import datetime, timezone
from importlib.util import find_spec

import pytest
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.base.llms.types import ChatMessage, MessageRole, ToolCallBlock
from llama_index.core.llms import MockLLM
from llama_index.core.llms.mock import MockFunctionCallingLLM
from llama_index.core.memory import BaseMemoryBlock, InsertMethod, Memory
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.retrievers import QueryFusionRetriever
from llama_index.core.schema import TextNode
from llama_index.core.utils import get_tokenizer

from memos_core import MemOS, Message
from memos_core.errors import CubeNotFound, InvalidInput
from memos_llamaindex import (
    MemOSAsyncChatStore,
    MemOSEmbedding,
    MemOSMemoryBlock,
    MemOSRetriever,
    MemOSToolSpec,
    MemOSVectorStore,
)

SAID = datetime(2023, 5, 8, 12, tzinfo=timezone.utc)


def user(text: str) -> ChatMessage:
    return ChatMessage(text, role=MessageRole.USER)


# -- retriever


def test_a_memory_is_a_node_that_says_when_and_who(memos: MemOS) -> None:
    memos.add(Message(content="The key is under the pot", name="Ana", at=SAID, id="m1"), namespace="ana")
    [found] = MemOSRetriever(memos, namespace="ana").retrieve("where is the key?")
    assert found.text == "The key is under the pot"
    assert found.score is not None
    about = found.metadata
    assert (about["speaker"], about["said_at"], about["trust"]) == ("Ana", "2023-05-08T12:00:00+00:00", "user")
    assert about["source_ids"] == ["m1"]
    assert "memory_id" not in found.node.get_content("llm")
    assert "2023-05-08" in found.node.get_content("llm")


def test_a_memory_that_was_a_node_is_that_node(memos: MemOS) -> None:
    MemOSVectorStore(memos=memos, namespace="ana").add([TextNode(id_="n1", text="Basil needs sun", metadata={"a": 1})])
    [found] = MemOSRetriever(memos, namespace="ana").retrieve("sun")
    assert (found.node.node_id, found.metadata) == ("n1", {"a": 1})


def test_a_retriever_keeps_to_its_limit_namespace_and_filters(memos: MemOS) -> None:
    memos.add([Message(content=f"fox {n}", metadata={"n": n}) for n in range(4)], namespace="ana")
    memos.add("fox of somebody else", namespace="ben")
    assert len(MemOSRetriever(memos, namespace="ana", similarity_top_k=2).retrieve("fox")) == 2
    [found] = MemOSRetriever(memos, namespace="ana", where={"n": 3}).retrieve("fox")
    assert found.text == "fox 3"


async def test_a_retriever_serves_engines_and_fusion(memos: MemOS) -> None:
    memos.add("The key is under the pot", namespace="ana")
    retriever = MemOSRetriever(memos, namespace="ana")
    assert (await retriever.aretrieve("where is the key?"))[0].text == "The key is under the pot"
    answer = await RetrieverQueryEngine.from_args(retriever, llm=MockLLM()).aquery("where is the key?")
    assert [node.text for node in answer.source_nodes] == ["The key is under the pot"]
    fusion = QueryFusionRetriever([retriever, retriever], llm=MockLLM(), num_queries=1, use_async=False)
    assert [node.text for node in fusion.retrieve("where is the key?")] == ["The key is under the pot"]


def test_llamaindex_has_no_query_pipelines_to_stand_in() -> None:
    """Should they come back, decision 26 is to be thought over."""
    assert find_spec("llama_index.core.query_pipeline") is None
    assert not hasattr(MemOSRetriever, "as_query_component")


def test_a_blank_question_is_refused(memos: MemOS) -> None:
    with pytest.raises(InvalidInput):
        MemOSRetriever(memos, namespace="ana").retrieve(" ")


# -- block


@pytest.fixture
def block(memos: MemOS) -> MemOSMemoryBlock:
    return MemOSMemoryBlock(memos=memos, namespace="ana")


def test_it_is_a_memory_block(block: MemOSMemoryBlock) -> None:
    assert isinstance(block, BaseMemoryBlock)


async def test_what_a_memory_pushes_out_is_remembered_and_recalled(memos: MemOS, block: MemOSMemoryBlock) -> None:
    memory = Memory.from_defaults(
        session_id="s1", token_limit=400, chat_history_token_ratio=0.2, token_flush_size=10, memory_blocks=[block]
    )
    await memory.aput_messages(
        [
            user("My sister Clara lives in Lisbon."),
            ChatMessage("How nice.", role="assistant"),
            *[
                message
                for n in range(12)
                for message in (user(f"Tell me story {n} please."), ChatMessage("No.", role="assistant"))
            ],
        ]
    )
    kept = memos.list(namespace="ana", session="s1")
    assert "My sister Clara lives in Lisbon." in [cube.text for cube in kept]
    await memory.aput(user("Where does my sister live?"))
    shown = "\n".join(message.content or "" for message in await memory.aget())
    assert "Clara lives in Lisbon" in shown
    await memory.sql_store._async_engine.dispose()  # LlamaIndex leaves it open


async def test_without_a_question_a_block_recalls_nothing(block: MemOSMemoryBlock) -> None:
    assert await block.aget() == ""
    assert await block.aget([ChatMessage("Hello", role="assistant")]) == ""


async def test_only_words_of_user_and_assistant_are_remembered(memos: MemOS, block: MemOSMemoryBlock) -> None:
    await block.aput([ChatMessage("Be nice", role="system"), ChatMessage("42", role="tool"), user(" "), user("Fine")])
    assert [cube.text for cube in memos.list(namespace="ana")] == ["Fine"]


async def test_a_block_can_be_told_to_take_nothing_from_the_conversation(memos: MemOS) -> None:
    block = MemOSMemoryBlock(memos=memos, namespace="ana", accept_short_term_memory=False)
    await block.aput([user("Fine")], from_short_term_memory=True)
    assert memos.list(namespace="ana") == []


@pytest.mark.parametrize("by", [1, 30, 200])
async def test_truncating_drops_memories_and_breaks_no_frame(memos: MemOS, block: MemOSMemoryBlock, by: int) -> None:
    memos.add(
        [Message(content=f"The fox number {n} is red and quick.", id=f"m{n}") for n in range(12)], namespace="ana"
    )
    whole = await block.aget([user("Which foxes are there?")])
    shorter = await block.atruncate(whole, by)
    assert shorter is not None
    count = get_tokenizer()
    assert len(count(shorter)) <= len(count(whole)) - by
    assert shorter.startswith("<memories>")
    assert shorter.endswith("</memories>")


async def test_conversations_at_once_are_truncated_each_by_its_own_question(
    memos: MemOS, block: MemOSMemoryBlock
) -> None:
    memos.add(
        [Message(content=f"The {kind} number {n} is red.") for n in range(4) for kind in ("fox", "owl")],
        namespace="ana",
    )
    foxes = await block.aget([user("Which fox is there?")])
    await block.aget([user("Which owl is there?")])
    shorter = await block.atruncate(foxes, len(get_tokenizer()(foxes)) // 2)
    assert "fox number" in (shorter or "")
    assert await block.atruncate("something else", 1) is None


@pytest.mark.parametrize("method", list(InsertMethod))
async def test_a_memory_puts_a_block_where_it_is_told_to_and_within_its_limit(
    memos: MemOS, method: InsertMethod
) -> None:
    memos.add([Message(content=f"The fox number {n} is red and quick.") for n in range(12)], namespace="ana")
    block = MemOSMemoryBlock(memos=memos, namespace="ana", priority=2)
    memory = Memory.from_defaults(
        token_limit=400,
        memory_blocks=[block],
        insert_method=method,
        chat_store=MemOSAsyncChatStore(memos=memos, namespace="ben"),
    )
    await memory.aput(user("Which foxes are there?"))
    first = (await memory.aget())[0]
    assert first.role.value == method.value
    assert "fox number" in (first.content or "")
    assert len(get_tokenizer()(first.content or "")) < 450


async def test_truncating_to_nothing_drops_the_block(memos: MemOS, block: MemOSMemoryBlock) -> None:
    memos.add("The fox is red.", namespace="ana")
    whole = await block.aget([user("What is the fox?")])
    assert await block.atruncate(whole, 10_000) is None
    assert await block.atruncate(whole, len(get_tokenizer()(whole)) - 2) is None


# -- tools


def call(spec: MemOSToolSpec, name: str, **arguments: object) -> str:
    [tool] = [tool for tool in spec.to_tool_list() if tool.metadata.name == name]
    return str(tool.call(**arguments).content)


def test_tools_search_add_and_forget(memos: MemOS) -> None:
    spec = MemOSToolSpec(memos, namespace="ana")
    assert call(spec, "search_memory", query="Where is the key?") == "Nothing is remembered about that."
    added = call(spec, "add_memory", text="The key is under the pot.")
    assert "The key is under the pot." in call(spec, "search_memory", query="Where is the key?")
    memory_id = added.removeprefix("Remembered as ").rstrip(".")
    assert memory_id in call(spec, "search_memory", query="Where is the key?")
    assert call(spec, "forget_memory", memory_id=memory_id) == "Forgotten: The key is under the pot."
    assert call(spec, "search_memory", query="Where is the key?") == "Nothing is remembered about that."
    assert memos.revive(memory_id).text == "The key is under the pot."


def test_what_a_model_adds_is_trusted_as_an_agents(memos: MemOS) -> None:
    call(MemOSToolSpec(memos, namespace="ana"), "add_memory", text="The key is under the pot.")
    [cube] = memos.list(namespace="ana")
    assert (cube.provenance.origin.value, cube.governance.trust.name) == ("agent", "AGENT")


def test_tools_reach_no_other_namespace(memos: MemOS) -> None:
    [foreign] = memos.add(Message(content="Secret", id="m1"), namespace="ben").ids
    spec = MemOSToolSpec(memos, namespace="ana")
    for given in (foreign, "m1", "nothing"):
        with pytest.raises(CubeNotFound):
            spec.forget_memory(given)
    assert "namespace" not in {
        name for tool in spec.to_tool_list() for name in tool.metadata.get_parameters_dict()["properties"]
    }


@pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecationWarning")
async def test_an_agent_uses_the_tools(memos: MemOS) -> None:
    turns = iter(
        [
            ChatMessage(
                role="assistant",
                blocks=[
                    ToolCallBlock(tool_name="add_memory", tool_kwargs={"text": "Ana likes ramen."}, tool_call_id="1")
                ],
            ),
            ChatMessage("I will remember that.", role="assistant"),
        ]
    )
    llm = MockFunctionCallingLLM(response_generator=lambda *_, **__: next(turns))
    agent = FunctionAgent(tools=MemOSToolSpec(memos, namespace="ana").to_tool_list(), llm=llm, streaming=False)
    assert "remember" in str(await agent.run(user_msg="I like ramen."))
    assert [cube.text for cube in memos.list(namespace="ana")] == ["Ana likes ramen."]


# -- embedding


def test_the_embedding_is_that_of_the_memory(memos: MemOS) -> None:
    embedding = MemOSEmbedding(memos)
    assert embedding.get_query_embedding("fox") == pytest.approx(memos.embedder.embed_query("fox").tolist())
    assert embedding.get_text_embedding_batch(["fox", "owl"])[1] == pytest.approx(
        memos.embedder.embed(["owl"])[0].tolist()
    )
    assert asyncio.run(embedding.aget_text_embedding("fox")) == embedding.get_text_embedding("fox")
    assert embedding.model_name == memos.embedder.spec.model
