"""The vector store: LangChain's own tests, and what they do not ask."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from langchain_core.documents import Document
from langchain_core.vectorstores import VectorStore
from langchain_tests.integration_tests import VectorStoreIntegrationTests

from memos_core import MemOS, Trust
from memos_core.errors import InvalidInput
from memos_langchain import MemOSVectorStore


class TestVectorStore(VectorStoreIntegrationTests):
    @pytest.fixture
    def vectorstore(self) -> Iterator[VectorStore]:  # type: ignore[override]  # theirs says generator
        with MemOS.open(":memory:", embedder=self.get_embeddings()) as memos:
            yield MemOSVectorStore(memos)


@pytest.fixture
def store(memos: MemOS) -> MemOSVectorStore:
    store = MemOSVectorStore(memos, namespace="garden")
    store.add_documents(
        [
            Document("Basil needs sun", id="basil", metadata={"zone": {"name": "south"}, "year": 2020}),
            Document("Moss needs shade", id="moss", metadata={"zone": {"name": "north"}, "year": 2024}),
            Document("Moss needs deep shade", id="moss2", metadata={"year": 2024}),
        ]
    )
    return store


def ids(documents: list[Document]) -> list[str | None]:
    return [document.id for document in documents]


def test_questions_vectors_and_scores_agree_on_the_best(store: MemOSVectorStore) -> None:
    vector = store.embeddings.embed_query("Basil sun")
    assert ids(store.similarity_search("Basil sun", k=1)) == ["basil"]
    assert ids(store.similarity_search_by_vector(vector, k=1)) == ["basil"]
    found = store.similarity_search_with_score("Basil sun", k=3)
    assert [score for _, score in found] == sorted((score for _, score in found), reverse=True)
    relevant = store.similarity_search_with_relevance_scores("Basil sun", k=3)
    assert relevant[0][0].id == "basil"
    assert all(0 <= score <= 1 for _, score in relevant)


def test_filters_narrow_every_kind_of_search(store: MemOSVectorStore) -> None:
    vector = store.embeddings.embed_query("needs")
    for wanted, expected in [
        ({"zone.name": "north"}, {"moss"}),
        ({"year": {"$lt": 2024}}, {"basil"}),
        ({"year": 2024}, {"moss", "moss2"}),
    ]:
        assert set(ids(store.similarity_search("needs", filter=wanted))) == expected
        assert set(ids(store.similarity_search_by_vector(vector, filter=wanted))) == expected
        assert set(ids(store.max_marginal_relevance_search("needs", filter=wanted))) == expected
    with pytest.raises(InvalidInput):
        store.similarity_search("needs", filter={"year": {"$in": [2024]}})


def test_marginal_relevance_prefers_what_is_unlike(store: MemOSVectorStore) -> None:
    assert set(ids(store.max_marginal_relevance_search("Moss needs deep shade", k=2, lambda_mult=0.1))) == {
        "moss2",
        "basil",
    }
    assert MemOSVectorStore(store.memos, namespace="empty").max_marginal_relevance_search("moss") == []


def test_a_retriever_with_a_threshold_leaves_out_what_is_far(store: MemOSVectorStore) -> None:
    retriever = store.as_retriever(search_type="similarity_score_threshold", search_kwargs={"score_threshold": 0.99})
    assert ids(retriever.invoke("Basil needs sun")) == ["basil"]


def test_a_document_is_trusted_as_one_and_forgotten_versions_stay_in_its_history(store: MemOSVectorStore) -> None:
    store.add_texts(["Basil needs much sun"], ids=["basil"])
    [cube] = store.memos.list(namespace="garden", source_ids=["basil"])
    assert cube.governance.trust is Trust.DOCUMENT
    assert len(store.memos.history(cube.id)) == 2
    assert store.get_by_ids(["basil", "never"])[0].page_content == "Basil needs much sun"


def test_other_memories_of_the_namespace_are_found_and_no_others(store: MemOSVectorStore) -> None:
    [name] = store.memos.add("Ivy needs a wall", namespace="garden").ids
    store.memos.add("Ivy is evergreen", namespace="garden/deeper")
    assert ids(store.similarity_search("Ivy", k=1)) == [name]
    assert "Ivy is evergreen" not in [document.page_content for document in store.similarity_search("Ivy", k=9)]


def test_all_or_nothing_is_added(store: MemOSVectorStore) -> None:
    for wrong in ([Document("fine"), Document("  ")], [Document("fine"), Document("x", metadata={"bad": {1, 2}})]):
        with pytest.raises(InvalidInput):
            store.add_documents(wrong)
    with pytest.raises(InvalidInput, match="2 documents and 1 ids"):
        store.add_documents([Document("a"), Document("b")], ids=["1"])
    assert len(store.memos.list(namespace="garden")) == 3


def test_all_is_erased_when_no_ids_are_named(store: MemOSVectorStore) -> None:
    store.delete()
    assert store.memos.list(namespace="garden") == []


def test_texts_make_a_store_of_their_own() -> None:
    store = MemOSVectorStore.from_texts(["Basil needs sun"], None, [{"n": 1}], ids=["1"])
    assert store.similarity_search("sun")[0].metadata == {"n": 1}
    store.memos.close()
