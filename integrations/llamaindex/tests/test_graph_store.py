from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from llama_index.core import Document, PropertyGraphIndex
from llama_index.core.graph_stores import SimplePropertyGraphStore
from llama_index.core.graph_stores.types import (
    KG_NODES_KEY,
    KG_RELATIONS_KEY,
    ChunkNode,
    EntityNode,
    LabelledNode,
    PropertyGraphStore,
    Relation,
    Triplet,
)
from llama_index.core.indices.property_graph import VectorContextRetriever
from llama_index.core.schema import BaseNode, NodeRelationship, RelatedNodeInfo, TextNode, TransformComponent
from llama_index.core.vector_stores.types import MetadataFilter, MetadataFilters, VectorStoreQuery

from memos_core import MemOS
from memos_core.errors import InvalidInput
from memos_core.testing.embedders import HashingEmbedder
from memos_llamaindex import MemOSEmbedding, MemOSPropertyGraphStore

ANA = EntityNode(name="Ana", label="PERSON", properties={"age": 41})
BEN = EntityNode(name="Ben", label="PERSON", properties={"age": 12})
LISBON = EntityNode(name="Lisbon", label="CITY")
LIVES = Relation(label="LIVES_IN", source_id="Ana", target_id="Lisbon", properties={"since": 2020})
MOTHER = Relation(label="MOTHER_OF", source_id="Ana", target_id="Ben")
NEAR = Relation(label="NEAR", source_id="Lisbon", target_id="Sintra")


@pytest.fixture
def store(memos: MemOS) -> MemOSPropertyGraphStore:
    made = MemOSPropertyGraphStore(memos, namespace="g")
    made.upsert_nodes([ANA, BEN, LISBON])
    made.upsert_relations([LIVES, MOTHER, NEAR])
    return made


def told(triplets: list[Triplet]) -> set[str]:
    return {f"{source.id} {relation.label} {target.id}" for source, relation, target in triplets}


def ids(nodes: list[LabelledNode]) -> set[str]:
    return {node.id for node in nodes}


def test_it_is_a_property_graph_store(store: MemOSPropertyGraphStore) -> None:
    assert isinstance(store, PropertyGraphStore)


def test_nodes_come_back_by_id_and_by_property(store: MemOSPropertyGraphStore) -> None:
    assert store.get(ids=["Ana"]) == [ANA]
    assert store.get(properties={"age": 12}) == [BEN]
    assert ids(store.get(properties={"age": 12, "name": "nobody"})) == {"Ben"}  # any of them
    assert ids(store.get()) == {"Ana", "Ben", "Lisbon", "Sintra"}
    assert store.get(ids=["Nobody"]) == []
    assert store.get(ids=["Ana"], properties={"age": 12}) == []


def test_what_a_relation_names_becomes_an_entity(store: MemOSPropertyGraphStore) -> None:
    assert store.get(ids=["Sintra"]) == [EntityNode(name="Sintra")]


def test_triplets_are_found_by_names_labels_properties_and_ids(store: MemOSPropertyGraphStore) -> None:
    assert store.get_triplets() == []
    assert store.get_triplets(entity_names=["Ben"]) == [(ANA, MOTHER, BEN)]
    assert told(store.get_triplets(entity_names=["Lisbon"])) == {"Ana LIVES_IN Lisbon", "Lisbon NEAR Sintra"}
    assert told(store.get_triplets(entity_names=["Lisbon"], ids=["Ana"])) == {"Ana LIVES_IN Lisbon"}
    assert told(store.get_triplets(relation_names=["NEAR"])) == {"Lisbon NEAR Sintra"}
    assert told(store.get_triplets(properties={"since": 2020})) == {"Ana LIVES_IN Lisbon"}
    assert told(store.get_triplets(properties={"age": 12})) == {"Ana MOTHER_OF Ben"}


def test_names_differ_by_case(store: MemOSPropertyGraphStore) -> None:
    store.upsert_relations([Relation(label="IS", source_id="ANA", target_id="an airport")])
    assert told(store.get_triplets(entity_names=["ANA"])) == {"ANA IS an airport"}


def test_a_map_goes_as_deep_as_asked(store: MemOSPropertyGraphStore) -> None:
    near = {"Ana LIVES_IN Lisbon", "Ana MOTHER_OF Ben"}
    assert told(store.get_rel_map([ANA], depth=1)) == near
    assert told(store.get_rel_map([ANA], depth=2)) == near | {"Lisbon NEAR Sintra"}
    assert told(store.get_rel_map([ANA], depth=1, ignore_rels=["LIVES_IN"])) == {"Ana MOTHER_OF Ben"}
    assert len(store.get_rel_map([ANA], depth=2, limit=2)) == 2
    assert store.get_rel_map([ANA], depth=0) == store.get_rel_map([], depth=2) == []


def drawn(memos: MemOS, *edges: str) -> MemOSPropertyGraphStore:
    """A graph of edges such as "A R B"."""
    made = MemOSPropertyGraphStore(memos, namespace="drawn")
    parts = [edge.split() for edge in edges]
    made.upsert_relations([Relation(source_id=source, label=label, target_id=end) for source, label, end in parts])
    return made


def shown(triplets: list[Triplet]) -> list[str]:
    return [f"{source.id} {relation.id} {target.id}" for source, relation, target in triplets]


CHAIN = ["A R B", "B R C", "C R D"]


@pytest.mark.parametrize("much", range(4))
def test_a_map_ends_at_its_depth_and_at_its_limit_and_gives_the_nearest_first(memos: MemOS, much: int) -> None:
    store = drawn(memos, *CHAIN)
    assert shown(store.get_rel_map([EntityNode(name="A")], depth=much)) == CHAIN[:much]
    assert shown(store.get_rel_map([EntityNode(name="A")], depth=3, limit=much)) == CHAIN[:much]


@pytest.mark.parametrize(
    "edges", [["A SELF A", "A R B", "B R A"], ["A SUPPORTS B", "A CONTRADICTS B"], CHAIN, ["A R B"]]
)
def test_a_map_has_every_relation_once_whatever_the_shape_of_the_graph(memos: MemOS, edges: list[str]) -> None:
    store = drawn(memos, *edges)
    for seeds in (["A"], ["A", "B"]):
        found = shown(store.get_rel_map([EntityNode(name=seed) for seed in seeds], depth=8))
        assert sorted(found) == sorted(edges)
    assert store.get_rel_map([EntityNode(name="nobody")]) == []


def test_a_map_leads_over_what_is_ignored_and_counts_only_the_rest(memos: MemOS) -> None:
    store = drawn(memos, "A IGNORE B", "B KEEP C")
    found = store.get_rel_map([EntityNode(name="A")], depth=3, limit=1, ignore_rels=["IGNORE"])
    assert shown(found) == ["B KEEP C"]


def test_a_map_has_the_properties_of_all_its_parts(store: MemOSPropertyGraphStore) -> None:
    [(ana, lives, _)] = store.get_rel_map([ANA], depth=1, ignore_rels=["MOTHER_OF"])
    assert (ana.properties, lives.properties) == ({"age": 41}, {"since": 2020})


def test_a_node_with_many_relations_keeps_all(store: MemOSPropertyGraphStore) -> None:
    store.upsert_relations([Relation(label="KNOWS", source_id="Ana", target_id=f"P{n}") for n in range(150)])
    assert len(store.get_triplets(entity_names=["Ana"], relation_names=["KNOWS"])) == 150


def test_putting_again_changes_and_does_not_double(store: MemOSPropertyGraphStore) -> None:
    store.upsert_nodes([EntityNode(name="Ana", label="PERSON", properties={"age": 42})])
    store.upsert_relations([LIVES.model_copy(update={"properties": {"since": 2021}})])
    [(ana, lives, _)] = store.get_triplets(entity_names=["Ana"], relation_names=["LIVES_IN"])
    assert (ana.properties, lives.properties) == ({"age": 42}, {"since": 2021})


def test_a_deleted_node_takes_its_relations_with_it(store: MemOSPropertyGraphStore) -> None:
    store.delete(entity_names=["Ana"])
    assert ids(store.get()) == {"Ben", "Lisbon", "Sintra"}
    assert told(store.get_rel_map(store.get(), depth=3)) == {"Lisbon NEAR Sintra"}


def test_deleting_by_label_id_and_property(store: MemOSPropertyGraphStore) -> None:
    store.delete(relation_names=["NEAR"])
    assert ids(store.get()) == {"Ana", "Ben", "Lisbon", "Sintra"}
    store.delete(ids=["Sintra"])
    store.delete(properties={"since": 2020})
    assert told(store.get_triplets(entity_names=["Ana"])) == {"Ana MOTHER_OF Ben"}
    store.delete(properties={"age": 12})
    assert ids(store.get()) == {"Ana", "Lisbon"}
    store.delete()
    assert ids(store.get()) == {"Ana", "Lisbon"}


def test_chunks_are_nodes_with_text(store: MemOSPropertyGraphStore) -> None:
    chunk = ChunkNode(text="Ana moved to Lisbon.", id_="c1", properties={"page": 3})
    store.upsert_nodes([chunk])
    assert store.get(ids=["c1"]) == [chunk]


def test_llama_nodes_come_back_and_are_deleted_with_what_came_of_them(store: MemOSPropertyGraphStore) -> None:
    node = TextNode(id_="n1", text="Ana moved to Lisbon.", metadata={"page": 3})
    store.upsert_llama_nodes([node])
    store.upsert_nodes([EntityNode(name="Move", properties={"triplet_source_id": "n1"})])
    [found] = store.get_llama_nodes(["n1"])
    assert (found.node_id, found.get_content(), found.metadata["page"]) == ("n1", node.text, 3)
    store.delete_llama_nodes(node_ids=["n1"])
    assert store.get(ids=["n1", "Move"]) == []


def test_a_document_is_deleted_with_all_nodes_that_come_from_it(memos: MemOS) -> None:
    store = MemOSPropertyGraphStore(memos)
    source = {NodeRelationship.SOURCE: RelatedNodeInfo(node_id="d1")}
    nodes = [TextNode(id_="n1", text="one", relationships=source), TextNode(id_="n2", text="two")]
    store.upsert_llama_nodes([*nodes, TextNode(id_="d1", text="whole")])
    assert store.get_llama_nodes(["n1", "n2"]) == nodes
    store.delete_llama_nodes(ref_doc_ids=["nothing"])
    store.delete_llama_nodes(ref_doc_ids=["d1"])
    assert ids(store.get()) == {"n2"}


def test_entities_are_found_by_words_and_by_vector(memos: MemOS, store: MemOSPropertyGraphStore) -> None:
    nodes, scores = store.vector_query(VectorStoreQuery(query_str="Lisbon", similarity_top_k=1))
    assert (ids(nodes), len(scores)) == ({"Lisbon"}, 1)
    vector = MemOSEmbedding(memos).get_query_embedding("Ben")
    nodes, [score] = store.vector_query(VectorStoreQuery(query_embedding=vector, similarity_top_k=1))
    assert ids(nodes) == {"Ben"}
    assert score == pytest.approx(1.0)
    grown = MetadataFilters(filters=[MetadataFilter(key="age", value=41)])
    nodes, _ = store.vector_query(VectorStoreQuery(query_embedding=vector, similarity_top_k=5, filters=grown))
    assert ids(nodes) == {"Ana"}
    with pytest.raises(ValueError, match="words"):
        store.vector_query(VectorStoreQuery())


def test_the_schema_lists_labels(store: MemOSPropertyGraphStore) -> None:
    assert store.get_schema() == {"nodes": ["CITY", "PERSON", "entity"], "relations": ["LIVES_IN", "MOTHER_OF", "NEAR"]}
    assert "LIVES_IN" in store.get_schema_str()


def test_there_is_no_query_language(store: MemOSPropertyGraphStore) -> None:
    with pytest.raises(NotImplementedError, match="get_rel_map"):
        store.structured_query("MATCH (n) RETURN n")


def test_relations_are_claims_and_edges_of_the_memory(memos: MemOS, store: MemOSPropertyGraphStore) -> None:
    assert ("Ana", "lives in", "Lisbon") in {
        (belief.claim.subject, belief.claim.predicate, belief.claim.object) for belief in memos.claims(namespace="g")
    }
    assert memos.graph("Ana", namespace="g", hops=1).has_edge("entity:ana", "entity:lisbon", key="lives in")
    assert memos.search("Where does Ana live?", namespace="g")[0].cube.text == "Ana lives in Lisbon"


def test_other_namespaces_are_out_of_reach(memos: MemOS, store: MemOSPropertyGraphStore) -> None:
    MemOSPropertyGraphStore(memos, namespace="g/inner").upsert_nodes([EntityNode(name="Eve")])
    assert store.get(ids=["Eve"]) == []
    store.delete(ids=["Eve"])
    assert len(memos.list(namespace="g/inner")) == 1


def test_of_nodes_with_one_that_cannot_be_stored_none_is(store: MemOSPropertyGraphStore) -> None:
    with pytest.raises(InvalidInput):
        store.upsert_nodes([EntityNode(name="Eve"), EntityNode(name=" ")])
    assert store.get(ids=["Eve"]) == []
    with pytest.raises(InvalidInput):
        store.upsert_relations([Relation(label="KNOWS", source_id="Eve", target_id=" ")])
    assert store.get(ids=["Eve"]) == []


def test_async_twins_do_the_same(store: MemOSPropertyGraphStore) -> None:
    async def use() -> None:
        await store.aupsert_nodes([EntityNode(name="Eve")])
        await store.aupsert_relations([Relation(label="KNOWS", source_id="Eve", target_id="Ana")])
        assert ids(await store.aget(ids=["Eve"])) == {"Eve"}
        assert told(await store.aget_triplets(entity_names=["Eve"])) == {"Eve KNOWS Ana"}
        assert told(await store.aget_rel_map([EntityNode(name="Eve")], depth=1)) == {"Eve KNOWS Ana"}
        nodes, _ = await store.avector_query(VectorStoreQuery(query_str="Eve"))
        assert ids(nodes) == {"Eve"}
        assert "KNOWS" in (await store.aget_schema())["relations"]
        await store.adelete(ids=["Eve"])
        assert await store.aget(ids=["Eve"]) == []
        store.upsert_llama_nodes([TextNode(id_="n1", text="one")])
        await store.adelete_llama_nodes(["n1"])
        assert await store.aget_llama_nodes(["n1"]) == []

    asyncio.run(use())


NAMES = st.sampled_from(["A", "B", "C", "D"])
RELATIONS = st.builds(Relation, label=st.sampled_from(["R", "S"]), source_id=NAMES, target_id=NAMES)


@settings(max_examples=30, deadline=None)
@given(
    relations=st.lists(RELATIONS, max_size=8),
    names=st.lists(NAMES, min_size=1, max_size=2),
    label=st.sampled_from("RS"),
)
def test_it_finds_what_llamaindex_own_store_finds(relations: list[Relation], names: list[str], label: str) -> None:
    with MemOS.open(":memory:", embedder=HashingEmbedder()) as memos:
        ours, theirs = MemOSPropertyGraphStore(memos), SimplePropertyGraphStore()
        for store in (ours, theirs):
            store.upsert_relations(relations)
        assert ids(ours.get()) == ids(theirs.get())
        asked: list[dict[str, Any]] = [
            {"entity_names": names},
            {"ids": names},
            {"relation_names": [label]},
            {"entity_names": names, "relation_names": [label]},
            {"entity_names": names, "ids": names[:1]},
        ]
        for tests in asked:
            assert told(ours.get_triplets(**tests)) == told(theirs.get_triplets(**tests))
        around = [EntityNode(name=name) for name in names]
        assert told(ours.get_rel_map(around, depth=1)) == told(theirs.get_rel_map(around, depth=1))


class Capitals(TransformComponent):
    """Makes of "Ana LIVES_IN Lisbon" what a model would extract."""

    def __call__(self, nodes: list[BaseNode], **_: Any) -> list[BaseNode]:
        for node in nodes:
            source, label, target = node.get_content().split()
            ends = [EntityNode(name=source), EntityNode(name=target)]
            node.metadata[KG_NODES_KEY] = ends
            node.metadata[KG_RELATIONS_KEY] = [Relation(label=label, source_id=source, target_id=target)]
        return nodes


def test_a_property_graph_index_works_on_it(memos: MemOS) -> None:
    store, embedding = MemOSPropertyGraphStore(memos), MemOSEmbedding(memos)
    index = PropertyGraphIndex.from_documents(
        [Document(text="Ana LIVES_IN Lisbon"), Document(text="Ben LIKES ferns")],
        property_graph_store=store,
        kg_extractors=[Capitals()],
        embed_model=embedding,
    )
    retriever = VectorContextRetriever(store, embed_model=embedding, similarity_top_k=1)
    found = index.as_retriever(sub_retrievers=[retriever]).retrieve("Ana")
    assert any("Ana -> LIVES_IN -> Lisbon" in node.text for node in found)
    again = PropertyGraphIndex.from_existing(
        property_graph_store=store, embed_model=embedding, kg_extractors=[Capitals()]
    )
    assert told(again.property_graph_store.get_triplets(entity_names=["Ben"])) == {"Ben LIKES ferns"}


def test_an_entity_of_two_documents_is_one_node_with_the_relations_of_both(memos: MemOS) -> None:
    store, embedding = MemOSPropertyGraphStore(memos), MemOSEmbedding(memos)
    index = PropertyGraphIndex.from_existing(
        property_graph_store=store, kg_extractors=[Capitals()], embed_model=embedding
    )
    for _ in range(2):  # the second time nothing is new
        index.insert_nodes([TextNode(id_="1", text="Ana LIVES_IN Lisbon"), TextNode(id_="2", text="Ana LIKES ferns")])
    assert ids(store.get()) == {"Ana", "Lisbon", "ferns", "1", "2"}
    assert told(store.get_triplets(entity_names=["Ana"], relation_names=["LIVES_IN", "LIKES"])) == {
        "Ana LIVES_IN Lisbon",
        "Ana LIKES ferns",
    }
