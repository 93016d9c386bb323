from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from llama_index.core import Document, StorageContext, VectorStoreIndex
from llama_index.core.llms import MockLLM
from llama_index.core.schema import ImageNode, NodeRelationship, RelatedNodeInfo, TextNode
from llama_index.core.vector_stores.types import (
    BasePydanticVectorStore,
    FilterCondition,
    FilterOperator,
    MetadataFilter,
    MetadataFilters,
    VectorStoreQuery,
    VectorStoreQueryMode,
)
from llama_index.core.vector_stores.utils import build_metadata_filter_fn

from memos_core import MemOS, Trust
from memos_core.errors import InvalidInput
from memos_core.testing.embedders import HashingEmbedder
from memos_llamaindex import MemOSEmbedding, MemOSVectorStore
from memos_llamaindex.filters import holds, where

OF_A_BOOK = {NodeRelationship.SOURCE: RelatedNodeInfo(node_id="book")}


@pytest.fixture
def store(memos: MemOS) -> MemOSVectorStore:
    return MemOSVectorStore(memos=memos, namespace="shelf")


@pytest.fixture
def nodes() -> list[TextNode]:
    return [
        TextNode(id_="basil", text="Basil needs sun", metadata={"light": 9, "kind": "herb", "uses": ["pesto", "tea"]}),
        TextNode(id_="moss", text="Moss needs shade", metadata={"light": 1, "kind": "moss"}, relationships=OF_A_BOOK),
        TextNode(id_="fern", text="Ferns need shade too", metadata={"light": 2, "kind": "fern"}),
    ]


def ask(store: MemOSVectorStore, words: str | None, top: int = 3, **more: Any) -> list[str]:
    return [*(store.query(VectorStoreQuery(query_str=words, similarity_top_k=top, **more)).ids or [])]


def only(*tests: tuple[str, Any, str], condition: str = "and") -> MetadataFilters:
    filters = [MetadataFilter(key=key, value=value, operator=FilterOperator(name)) for key, value, name in tests]
    return MetadataFilters(filters=filters, condition=FilterCondition(condition))


def test_it_is_a_vector_store(store: MemOSVectorStore) -> None:
    assert isinstance(store, BasePydanticVectorStore)
    assert store.client is store.memos


def test_nodes_come_back_whole(store: MemOSVectorStore, nodes: list[TextNode]) -> None:
    assert store.add(nodes) == ["basil", "moss", "fern"]
    [moss] = store.get_nodes(["moss"])
    assert (moss.node_id, moss.get_content(), moss.metadata) == ("moss", "Moss needs shade", nodes[1].metadata)
    assert moss.ref_doc_id == "book"


def test_a_query_gives_nodes_ids_and_falling_scores(store: MemOSVectorStore, nodes: list[TextNode]) -> None:
    store.add(nodes)
    found = store.query(VectorStoreQuery(query_str="who needs sun", similarity_top_k=2))
    assert found.ids is not None
    assert found.nodes is not None
    assert found.similarities is not None
    assert found.ids[0] == "basil"
    assert [node.node_id for node in found.nodes] == found.ids
    assert found.similarities == sorted(found.similarities, reverse=True)


def test_a_vector_alone_finds_what_is_near(store: MemOSVectorStore, nodes: list[TextNode]) -> None:
    store.add(nodes)
    vector = MemOSEmbedding(store.memos).get_query_embedding("Moss needs shade")
    assert ask(store, None, query_embedding=vector)[0] == "moss"


def test_a_query_of_nothing_is_refused(store: MemOSVectorStore) -> None:
    with pytest.raises(ValueError, match="words"):
        store.query(VectorStoreQuery(similarity_top_k=2))


def test_a_mode_with_another_order_is_refused(store: MemOSVectorStore) -> None:
    with pytest.raises(NotImplementedError, match="mmr"):
        ask(store, "shade", mode=VectorStoreQueryMode.MMR)


def test_no_two_answers_of_an_empty_store(store: MemOSVectorStore) -> None:
    assert ask(store, "shade") == []
    assert store.get_nodes() == []
    store.delete("book")
    store.clear()


def test_a_node_put_again_replaces_the_one_before(store: MemOSVectorStore, nodes: list[TextNode]) -> None:
    store.add(nodes)
    store.add([TextNode(id_="moss", text="Moss can take sun")])
    assert len(store.get_nodes()) == 3
    [moss] = store.get_nodes(["moss"])
    assert (moss.get_content(), moss.metadata) == ("Moss can take sun", {})


def test_ids_and_documents_narrow_a_query(store: MemOSVectorStore, nodes: list[TextNode]) -> None:
    store.add(nodes)
    assert ask(store, "shade", node_ids=["fern"]) == ["fern"]
    assert ask(store, "shade", doc_ids=["book"]) == ["moss"]
    assert len(ask(store, "shade", node_ids=[], doc_ids=[])) == 3  # which is how an index says: all of them


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (only(("kind", "fern", "==")), {"fern"}),
        (only(("light", 2, ">=")), {"basil", "fern"}),
        (only(("light", 2, "<")), {"moss"}),
        (only(("kind", "moss", "!=")), {"basil", "fern"}),
        (only(("kind", ["moss", "fern"], "in")), {"moss", "fern"}),
        (only(("kind", ["moss", "fern"], "nin")), {"basil"}),
        (only(("uses", "tea", "contains")), {"basil"}),
        (only(("uses", ["tea", "soup"], "any")), {"basil"}),
        (only(("uses", ["tea", "pesto"], "all")), {"basil"}),
        (only(("uses", None, "is_empty")), {"moss", "fern"}),
        (only(("kind", "ERN", "text_match_insensitive")), {"fern"}),
        (only(("kind", "fern", "=="), ("light", 9, "=="), condition="or"), {"fern", "basil"}),
        (only(("kind", "fern", "=="), ("light", 9, "==")), set()),
        (only(("kind", "fern", "=="), ("light", 9, "=="), condition="not"), {"moss"}),
        (MetadataFilters(filters=[only(("kind", "fern", "==")), only(("light", 5, "<"))]), {"fern"}),
        (only(("kind", 5, ">")), set()),  # what cannot be compared does not pass
    ],
)
def test_filters_hold_for_queries_and_for_reading(
    store: MemOSVectorStore, nodes: list[TextNode], filters: MetadataFilters, expected: set[str]
) -> None:
    store.add(nodes)
    assert set(ask(store, "shade or sun", filters=filters)) == expected
    assert {node.node_id for node in store.get_nodes(filters=filters)} == expected


LEAVES = st.builds(
    MetadataFilter,
    key=st.sampled_from(["a", "b"]),
    value=st.sampled_from(["x", "y", 1, 2]),
    operator=st.sampled_from([FilterOperator.EQ, FilterOperator.NE, FilterOperator.GT, FilterOperator.LTE]),
)


@settings(max_examples=200, deadline=None)
@given(
    filters=st.builds(
        MetadataFilters, filters=st.lists(LEAVES, min_size=1, max_size=3), condition=st.sampled_from(FilterCondition)
    ),
    metadata=st.dictionaries(st.sampled_from(["a", "b"]), st.sampled_from(["x", "y", 1, 2])),
)
def test_filters_mean_what_llamaindex_means_by_them(filters: MetadataFilters, metadata: dict[str, Any]) -> None:
    try:
        expected = build_metadata_filter_fn(lambda _: metadata, filters)("")
    except TypeError:
        return
    assert holds(filters, metadata) == expected
    assert not expected or all(metadata.get(key) == value for key, value in where(filters).items())


def test_many_that_do_not_pass_hide_none_that_does(store: MemOSVectorStore) -> None:
    store.add([TextNode(id_=f"{n}", text="Moss needs shade", metadata={"n": n}) for n in range(120)])
    assert ask(store, "shade", top=1, filters=only(("n", 118, ">"))) == ["119"]


def test_deleting_erases_by_document_id_and_filter(store: MemOSVectorStore, nodes: list[TextNode]) -> None:
    store.add(nodes)
    store.delete("book")
    assert {node.node_id for node in store.get_nodes()} == {"basil", "fern"}
    store.delete_nodes(["basil"])
    store.delete_nodes(filters=only(("kind", "nothing", "==")))
    assert [node.node_id for node in store.get_nodes()] == ["fern"]
    store.clear()
    assert store.memos.list(namespace="shelf") == []


def test_other_memories_of_the_namespace_and_below_are_out_of_reach(
    memos: MemOS, store: MemOSVectorStore, nodes: list[TextNode]
) -> None:
    memos.add("I like shade", namespace="shelf")
    MemOSVectorStore(memos=memos, namespace="shelf/inner").add(nodes)
    assert ask(store, "shade") == []
    store.clear()
    assert len(memos.list(namespace="shelf")) == 4


def test_what_is_stored_is_trusted_as_a_document(memos: MemOS, store: MemOSVectorStore, nodes: list[TextNode]) -> None:
    store.add(nodes)
    assert {cube.governance.trust for cube in memos.list(namespace="shelf")} == {Trust.DOCUMENT}


def test_changes_made_elsewhere_show_in_the_node(memos: MemOS, store: MemOSVectorStore, nodes: list[TextNode]) -> None:
    store.add(nodes)
    [cube] = memos.list(namespace="shelf", source_ids=["moss"])
    memos.update(cube.id, "Moss likes shade", metadata={**cube.metadata, "light": 0})
    [moss] = store.get_nodes(["moss"])
    assert (moss.get_content(), moss.metadata["light"]) == ("Moss likes shade", 0)


def test_of_nodes_with_one_that_cannot_be_stored_none_is(store: MemOSVectorStore, nodes: list[TextNode]) -> None:
    for bad in (TextNode(text=" "), TextNode(text="\ud800")):
        with pytest.raises(InvalidInput):
            store.add([*nodes, bad])
    assert store.get_nodes() == []


def test_nodes_of_other_classes_come_back_as_such(store: MemOSVectorStore) -> None:
    store.add([ImageNode(id_="i", text="A fern in the shade", image_url="https://example.org/fern.png")])
    [image] = store.get_nodes(["i"])
    assert isinstance(image, ImageNode)
    assert image.image_url == "https://example.org/fern.png"


def test_async_twins_do_the_same(store: MemOSVectorStore, nodes: list[TextNode]) -> None:
    async def use() -> list[str]:
        await store.async_add(nodes)
        await store.adelete("book")
        await store.adelete_nodes(["basil"])
        found = await store.aquery(VectorStoreQuery(query_str="shade", similarity_top_k=3))
        await store.aclear()
        assert await store.aget_nodes() == []
        return [*(found.ids or [])]

    assert asyncio.run(use()) == ["fern"]


def test_fifty_at_once_lose_nothing(store: MemOSVectorStore) -> None:
    async def use() -> None:
        await asyncio.gather(*(store.async_add([TextNode(id_=f"{n}", text=f"Plant {n}")]) for n in range(50)))

    asyncio.run(use())
    assert len(store.get_nodes()) == 50


@pytest.mark.parametrize("use_async", [False, True])
def test_an_index_over_it_answers_and_forgets(memos: MemOS, store: MemOSVectorStore, use_async: bool) -> None:
    context = StorageContext.from_defaults(vector_store=store)
    documents = [Document(text="Basil needs sun", id_="b"), Document(text="Moss needs shade", id_="m")]
    index = VectorStoreIndex.from_documents(
        documents, storage_context=context, embed_model=MemOSEmbedding(memos), use_async=use_async
    )
    assert index.as_retriever(similarity_top_k=1).retrieve("who needs shade?")[0].text == "Moss needs shade"
    answer = index.as_query_engine(llm=MockLLM(), similarity_top_k=1).query("who needs sun?")
    assert [node.text for node in answer.source_nodes] == ["Basil needs sun"]
    index.delete_ref_doc("m")
    assert [node.get_content() for node in store.get_nodes()] == ["Basil needs sun"]


def test_an_index_lives_on_in_the_file(tmp_path: Any, nodes: list[TextNode]) -> None:
    def with_index(use: Callable[[VectorStoreIndex], Any]) -> Any:
        with MemOS.open(tmp_path / "m.db", embedder=HashingEmbedder()) as memos:
            store = MemOSVectorStore(memos=memos)
            return use(VectorStoreIndex.from_vector_store(store, embed_model=MemOSEmbedding(memos)))

    with_index(lambda index: index.insert_nodes(nodes))
    found = with_index(lambda index: index.as_retriever(similarity_top_k=1).retrieve("who needs sun?"))
    assert found[0].text == "Basil needs sun"
