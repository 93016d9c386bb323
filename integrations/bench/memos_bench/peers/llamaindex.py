"""LlamaIndex: its vector index, and the fusion with BM25 that its documentation recommends, without a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from llama_index.core import VectorStoreIndex
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.llms import MockLLM
from llama_index.core.retrievers import QueryFusionRetriever
from llama_index.core.retrievers.fusion_retriever import FUSION_MODES
from llama_index.core.schema import TextNode
from llama_index.retrievers.bm25 import BM25Retriever

from memos_bench.conversations import said
from memos_bench.peers import Place, Search
from memos_bench.vectors import SharedVectors
from memos_core import Message


class Shared(BaseEmbedding):
    """The shared vectors as LlamaIndex asks for them."""

    _vectors: SharedVectors

    def __init__(self, vectors: SharedVectors) -> None:
        super().__init__(model_name=vectors.spec.model)
        self._vectors = vectors

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._get_text_embeddings([text])[0]

    def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        return [row.tolist() for row in self._vectors.embed(texts)]

    def _get_query_embedding(self, query: str) -> list[float]:
        return [float(number) for number in self._vectors.embed_query(query)]

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_query_embedding(query)


class LlamaIndex:
    """A message is a node; BM25 has its stemmer and stop words."""

    def __init__(self, place: Place) -> None:
        self._index = VectorStoreIndex([], embed_model=Shared(place.vectors))
        self._nodes: list[TextNode] = []
        self._words: Any = None  # made at the first question, for it cannot grow

    def add(self, messages: Sequence[Message], *, session: str) -> None:
        """Remember the messages of a session."""
        del session
        nodes = [TextNode(text=said(message), id_=str(message.id)) for message in messages]
        self._index.insert_nodes(nodes)
        self._nodes.extend(nodes)
        self._words = None

    def searches(self) -> Mapping[str, Search]:
        """With and without BM25."""
        return {"LlamaIndex": self._nearest, "LlamaIndex with BM25": self._both}

    def close(self) -> None:
        """Everything is in memory."""

    def _nearest(self, question: str, limit: int) -> list[str]:
        return _ids(self._index.as_retriever(similarity_top_k=limit).retrieve(question))

    def _both(self, question: str, limit: int) -> list[str]:
        top = min(limit, len(self._nodes))
        if self._words is None:
            self._words = BM25Retriever.from_defaults(nodes=self._nodes, similarity_top_k=top, language="english")
        self._words.similarity_top_k = top
        fused = QueryFusionRetriever(
            [self._index.as_retriever(similarity_top_k=top), self._words],
            llm=MockLLM(),
            mode=FUSION_MODES.RELATIVE_SCORE,  # of its four ways the best where all were tried: docs/BENCH.md
            similarity_top_k=top,
            num_queries=1,  # the question alone: no model writes others
            use_async=False,
        )
        return _ids(fused.retrieve(question))


def _ids(found: Sequence[Any]) -> list[str]:
    return [each.node.node_id for each in found]


def open_peer(place: Place) -> LlamaIndex:
    """Make an empty index."""
    return LlamaIndex(place)
