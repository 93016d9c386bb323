"""One memory for every framework: what one writes all others read, and it leaves and comes back whole.

Every writer is read by every reader, and compared with the core: words, time, trust, source, place. Then one memory
goes the whole way: written through LangChain, changed through LlamaIndex and MCP, exported, loaded elsewhere, and read
through all of them there, and the same backwards.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from memos_core import MemCube, MemOS, Message, Note
from memos_core.infrastructure.exchange.importers import read as read_export
from memos_core.system.importing import take_in
from memos_core.testing.clock import ManualClock
from memos_core.testing.embedders import HashingEmbedder

memos_langchain = pytest.importorskip("memos_langchain")
memos_llamaindex = pytest.importorskip("memos_llamaindex")
memos_mcp = pytest.importorskip("memos_mcp.server")

from langchain.agents import create_agent  # noqa: E402  # after the check that it is there
from langchain_core.documents import Document  # noqa: E402
from langchain_core.language_models import FakeListChatModel  # noqa: E402
from langchain_core.messages import HumanMessage  # noqa: E402
from llama_index.core.base.llms.types import ChatMessage  # noqa: E402
from llama_index.core.schema import NodeRelationship, RelatedNodeInfo, TextNode  # noqa: E402
from mcp import Client  # noqa: E402

NOW = datetime(2025, 3, 17, 12, tzinfo=timezone.utc)
HERE = "acme/ana"
WORDS = "Clara keeps seven lighthouses in Lisbon"
QUESTION = "Which lighthouses does Clara keep?"


class Seen(NamedTuple):
    """What a reader says of a memory."""

    text: str
    said_at: str | None
    trust: str | None
    source: str


def opened(path: Path, clock: ManualClock) -> MemOS:
    return MemOS.open(path, embedder=HashingEmbedder(), clock=clock)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def memos(tmp_path: Path, clock: ManualClock) -> Iterator[MemOS]:
    with opened(tmp_path / "first.db", clock) as memos:
        yield memos


def ask(memos: MemOS, tool: str, **arguments: Any) -> dict[str, Any]:
    """Call a tool over MCP."""

    async def call() -> dict[str, Any]:
        async with Client(memos_mcp.build(memos, namespace=HERE)) as client:
            result = await client.call_tool(tool, arguments)
            assert not result.is_error, result.content
            return dict(result.structured_content)

    return asyncio.run(call())


# -- writers: each remembers the words ---------------------------------------------------------------


def by_core(memos: MemOS) -> None:
    memos.add([Message(content=WORDS, name="Ana", id="m1", metadata={"room": "blue"})], namespace=HERE)


def by_langchain_middleware(memos: MemOS) -> None:
    middleware = memos_langchain.MemOSMiddleware(memos, namespace=HERE)
    agent: Any = create_agent(FakeListChatModel(responses=["Noted."]), middleware=[middleware])
    agent.invoke({"messages": [HumanMessage(WORDS, name="Ana")]})


def by_langchain_tool(memos: MemOS) -> None:
    tools = {tool.name: tool for tool in memos_langchain.memory_tools(memos, namespace=HERE)}
    tools["add_memory"].invoke({"text": WORDS})


def by_langchain_history(memos: MemOS) -> None:
    memos_langchain.MemOSChatMessageHistory(memos, namespace=HERE, session="s").add_messages([HumanMessage(WORDS)])


def by_langchain_vector_store(memos: MemOS) -> None:
    store = memos_langchain.MemOSVectorStore(memos, namespace=HERE)
    store.add_documents([Document(WORDS, id="doc", metadata={"room": "blue"})])


def by_langgraph_store(memos: MemOS) -> None:
    memos_langchain.MemOSStore(memos, namespace=HERE, fields=["text"]).put(("notes",), "k", {"text": WORDS})


def by_llamaindex_memory(memos: MemOS) -> None:
    memos_llamaindex.MemOSMemory.from_defaults(memos, namespace=HERE).put(ChatMessage(WORDS))


def by_llamaindex_vector_store(memos: MemOS) -> None:
    store = memos_llamaindex.MemOSVectorStore(memos=memos, namespace=HERE)
    store.add([TextNode(text=WORDS, id_="node", metadata={"room": "blue"})])


def by_mcp(memos: MemOS) -> None:
    ask(memos, "memory_add", text=WORDS)


# -- readers: each finds them ------------------------------------------------------------------------


def through_langchain(memos: MemOS) -> list[Seen]:
    found = memos_langchain.MemOSRetriever(memos=memos, namespace=HERE, k=1).invoke(QUESTION)
    return [
        Seen(each.page_content, each.metadata["said_at"], each.metadata["trust"], each.metadata["source_ids"][0])
        for each in found
    ]


def through_llamaindex(memos: MemOS) -> list[Seen]:
    """Nodes that LlamaIndex has written say no more than they did: their text and id."""
    found = memos_llamaindex.MemOSRetriever(memos, namespace=HERE, similarity_top_k=1).retrieve(QUESTION)
    return [
        Seen(
            each.node.get_content(),
            each.node.metadata.get("said_at"),
            each.node.metadata.get("trust"),
            each.node.metadata.get("source_ids", [each.node.node_id])[0],
        )
        for each in found
    ]


def through_mcp(memos: MemOS) -> list[Seen]:
    found = ask(memos, "memory_search", query=QUESTION, limit=1, detail="full")["memories"]
    return [Seen(each["text"], _precise(each["said_at"]), each["trust"], each["source"]) for each in found]


def _precise(moment: str) -> str:
    return datetime.fromisoformat(moment).isoformat()


def _cube(memos: MemOS) -> MemCube:
    return memos.search(QUESTION, namespace=HERE, limit=1)[0].cube


WRITERS = [
    by_core,
    by_langchain_middleware,
    by_langchain_tool,
    by_langchain_history,
    by_langchain_vector_store,
    by_langgraph_store,
    by_llamaindex_memory,
    by_llamaindex_vector_store,
    by_mcp,
]
READERS = [through_langchain, through_llamaindex, through_mcp]


@pytest.mark.parametrize("write", WRITERS)
def test_what_one_writes_all_read(memos: MemOS, clock: ManualClock, write: Callable[[MemOS], None]) -> None:
    write(memos)
    clock.advance(timedelta(days=1))
    cube = _cube(memos)
    expected = Seen(WORDS, NOW.isoformat(), cube.governance.trust.name.lower(), cube.source_ids[0])
    for read in READERS:
        own = (read, write) == (through_llamaindex, by_llamaindex_vector_store)
        assert read(memos) == [expected._replace(said_at=None, trust=None) if own else expected], read.__name__


@pytest.mark.parametrize("write", WRITERS)
def test_what_one_writes_comes_through_an_export_whole(
    memos: MemOS, clock: ManualClock, tmp_path: Path, write: Callable[[MemOS], None]
) -> None:
    write(memos)
    memos.export(tmp_path / "all.memcube")
    with opened(tmp_path / "second.db", clock) as other:
        other.load(tmp_path / "all.memcube")
        here, there = (one.list(namespace=HERE) for one in (memos, other))
        assert [whole(cube) for cube in there] == [whole(cube) for cube in here]
        assert [read(other) for read in READERS] == [read(memos) for read in READERS]


def whole(cube: MemCube) -> dict[str, Any]:
    """All of a cube but how often it was recalled, which is each vault's own."""
    return cube.model_dump(mode="json", exclude={"usage"})


def test_a_memory_goes_through_all_of_them_and_back(memos: MemOS, clock: ManualClock, tmp_path: Path) -> None:
    documents = memos_langchain.MemOSVectorStore(memos, namespace=HERE)
    documents.add_documents([Document(WORDS, id="doc", metadata={"room": "blue", "shelf": {"row": 3}})])
    agent: Any = create_agent(
        FakeListChatModel(responses=["Noted."]), middleware=[memos_langchain.MemOSMiddleware(memos, namespace=HERE)]
    )
    agent.invoke({"messages": [HumanMessage("I met Clara yesterday", name="Ana", id="m1")]})

    [before] = memos.list(namespace=HERE, source_ids=["doc"])

    # LlamaIndex reads the document, and changes it under its own id.
    clock.advance(timedelta(hours=1))
    [found] = memos_llamaindex.MemOSRetriever(memos, namespace=HERE, similarity_top_k=1).retrieve(QUESTION)
    assert (found.node.metadata["room"], found.node.metadata["source_ids"]) == ("blue", ["doc"])
    node = TextNode(text=f"{WORDS} and one in Porto", id_="doc", metadata={"room": "blue", "shelf": {"row": 3}})
    memos_llamaindex.MemOSVectorStore(memos=memos, namespace=HERE).add([node])
    [after] = memos.list(namespace=HERE, source_ids=["doc"])
    assert unchanged(after) == unchanged(before)
    assert (after.text, after.parents, after.updated_at) == (node.text, (before.version,), NOW + timedelta(hours=1))
    assert after.metadata.items() >= before.metadata.items()

    # MCP reads what LlamaIndex made of it, and what was there before; a fact is added, and mended.
    clock.advance(timedelta(hours=1))
    [seen] = through_mcp(memos)
    assert seen == Seen(node.text, NOW.isoformat(), "document", "doc")
    [shown] = ask(memos, "memory_search", query=QUESTION, limit=1)["memories"]
    assert [event["text"] for event in ask(memos, "memory_history", memory_id=shown["id"])["events"]] == [
        WORDS,
        node.text,
    ]
    ask(memos, "memory_add", text="Clara will retire in June 2026.")
    [fact] = [cube for cube in memos.list(namespace=HERE) if "retire" in cube.text]
    ask(memos, "memory_update", memory_id=fact.id, text="Clara will retire in July 2026.")

    # It leaves, and arrives elsewhere: nothing is lost on the way.
    memos.export(tmp_path / "all.memcube")
    with opened(tmp_path / "second.db", clock) as other:
        other.load(tmp_path / "all.memcube")
        cubes = {cube.id: cube for cube in other.list(namespace=HERE)}
        assert {name: whole(cube) for name, cube in cubes.items()} == {
            cube.id: whole(cube) for cube in memos.list(namespace=HERE)
        }
        for name in cubes:
            assert other.history(name) == memos.history(name)
        assert other.verify() == []

        # Back through LangChain: the document under its id, with its metadata; what was said, with its time and speaker.
        [document] = memos_langchain.MemOSVectorStore(other, namespace=HERE).get_by_ids(["doc"])
        assert (document.page_content, document.metadata["room"], document.metadata["shelf"]) == (
            node.text,
            "blue",
            {"row": 3},
        )
        [said] = other.list(namespace=HERE, source_ids=["m1"])
        assert (said.text, said.provenance.speaker, said.occurred and said.occurred.start) == (
            "I met Clara yesterday",
            "Ana",
            NOW,
        )
        assert said.times[0].when.iso() == "2025-03-16"
        found = memos_langchain.MemOSRetriever(memos=other, namespace=HERE, k=1).invoke("When will Clara retire?")
        assert found[0].page_content == "Clara will retire in July 2026."

        # And what is changed there comes back by a merge.
        memos_langchain.MemOSVectorStore(other, namespace=HERE).add_texts([WORDS], [{"room": "red"}], ids=["doc"])
        other.export(tmp_path / "back.memcube")
    memos.load(tmp_path / "back.memcube")
    [cube] = memos.list(namespace=HERE, source_ids=["doc"])
    assert (cube.text, cube.metadata, cube.conflicts) == (WORDS, {"room": "red"}, ())
    assert len(memos.history(cube.id)) == 3


def test_the_other_way_llamaindex_writes_and_langchain_changes(
    memos: MemOS, clock: ManualClock, tmp_path: Path
) -> None:
    parent = {NodeRelationship.SOURCE: RelatedNodeInfo(node_id="letter")}
    node = TextNode(text=WORDS, id_="node", metadata={"room": "blue", "shelf": {"row": 3}}, relationships=parent)
    memos_llamaindex.MemOSVectorStore(memos=memos, namespace=HERE).add([node])
    memory = memos_llamaindex.MemOSMemory.from_defaults(memos, namespace=HERE, session="monday")
    memory.put(ChatMessage("I met Clara yesterday"))
    [said] = memos.list(namespace=HERE, session="monday")
    [before] = memos.list(namespace=HERE, source_ids=["node"])

    # LangChain reads both; the document is changed as its users do it.
    clock.advance(timedelta(hours=1))
    retriever = memos_langchain.MemOSRetriever(memos=memos, namespace=HERE, k=1, filters={"session": "monday"})
    [heard] = retriever.invoke("Whom did I meet?")
    assert heard.metadata.items() >= {"said_at": NOW.isoformat(), "speaker": None, "trust": "user"}.items()
    assert (heard.page_content, heard.metadata["source_ids"]) == (said.text, list(said.source_ids))
    documents = memos_langchain.MemOSVectorStore(memos, namespace=HERE)
    [document] = documents.get_by_ids(["node"])
    document.page_content += " and one in Porto"
    document.metadata["seen"] = True
    documents.add_documents([document])
    [after] = memos.list(namespace=HERE, source_ids=["node"])
    assert unchanged(after) == unchanged(before)
    assert (after.text, after.parents) == (f"{WORDS} and one in Porto", (before.version,))
    assert after.metadata == {**before.metadata, "seen": True}

    # MCP reads both, and tags what LangChain made of the document.
    clock.advance(timedelta(hours=1))
    assert through_mcp(memos) == [Seen(after.text, NOW.isoformat(), "document", "node")]
    talked = ask(memos, "memory_get", memory_id=said.id)["memory"]
    assert (talked["text"], _precise(talked["said_at"]), talked["trust"]) == (said.text, NOW.isoformat(), "user")
    ask(memos, "memory_update", memory_id=after.id, tags=["sea"])

    # It leaves, and LlamaIndex has it elsewhere: the node whole, the conversation with its time.
    memos.export(tmp_path / "all.memcube")
    with opened(tmp_path / "second.db", clock) as other:
        other.load(tmp_path / "all.memcube")
        here, there = (sorted(one.list(namespace=HERE), key=lambda cube: cube.id) for one in (memos, other))
        assert [whole(cube) for cube in there] == [whole(cube) for cube in here]
        assert [other.history(cube.id) for cube in there] == [memos.history(cube.id) for cube in here]
        [back] = memos_llamaindex.MemOSVectorStore(memos=other, namespace=HERE).get_nodes(["node"])
        assert (back.text, back.metadata) == (after.text, {**node.metadata, "seen": True})
        assert (back.node_id, back.relationships) == ("node", node.relationships)
        talk = memos_llamaindex.MemOSMemory.from_defaults(other, namespace=HERE, session="monday")
        assert talk.get_all() == memory.get_all()
        told, shown = other.get(said.id), other.get(after.id)
        assert whole(told) == whole(said)
        assert (shown.tags, unchanged(shown)) == (("sea",), {**unchanged(before), "tags": ["sea"]})


def unchanged(cube: MemCube) -> dict[str, Any]:
    """What a framework leaves as it is when it changes text and metadata: times, provenance, trust and all else."""
    new = {"usage", "payload", "entities", "metadata", "version", "parents", "updated_at"}
    return cube.model_dump(mode="json", exclude=new)


def test_an_item_of_several_fields_is_found_by_each_wherever_it_goes(
    memos: MemOS, clock: ManualClock, tmp_path: Path
) -> None:
    value = {"title": "Lighthouses of Lisbon", "notes": [{"text": "Clara keeps seven"}, {"text": "boats\nat noon"}]}
    fields = ["title", "notes[*].text"]
    memos_langchain.MemOSStore(memos, namespace=HERE, fields=fields).put(("notes",), "k", value)
    memos.export(tmp_path / "all.memcube")
    memos.export_as("markdown", tmp_path / "notes", namespace=HERE)
    with opened(tmp_path / "second.db", clock) as other:
        other.load(tmp_path / "all.memcube")
        store = memos_langchain.MemOSStore(other, namespace=HERE, fields=fields)
        for part in ("Lighthouses of Lisbon", "Clara keeps seven", "boats at noon"):
            assert [item.value for item in store.search(("notes",), query=part)] == [value]
            [hit] = other.nearest(other.embedder.embed_query(part), namespace=HERE)
            assert hit.score == pytest.approx(1.0)
        take_in(other, read_export(tmp_path / "notes"), namespace="elsewhere")
        [note] = other.list(namespace="elsewhere")
        assert note.text == memos.list(namespace=HERE)[0].text


def test_what_the_core_holds_beyond_a_framework_is_not_lost_by_passing_through_one(memos: MemOS) -> None:
    june = datetime(2024, 6, 1, tzinfo=timezone.utc)
    note = Note(text=WORDS, id="n1", at=june, tags=("work",), entities=("Observatory",), metadata={"room": "blue"})
    [before] = memos.add(note, namespace=HERE).written
    for read in READERS:
        [seen] = read(memos)
        assert (seen.text, seen.said_at) == (WORDS, june.isoformat())
    ask(memos, "memory_update", memory_id=before.id, tags=["work", "sea"])
    after = memos.get(before.id)
    assert after.tags == ("work", "sea")
    assert after.model_copy(update={"tags": before.tags}).content() == before.content()
