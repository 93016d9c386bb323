"""A LlamaIndex vector store in a memory: nodes are memories, found by recall and not by vectors alone."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from llama_index.core.schema import BaseNode
from llama_index.core.vector_stores.types import (
    BasePydanticVectorStore,
    MetadataFilters,
    VectorStoreQuery,
    VectorStoreQueryMode,
    VectorStoreQueryResult,
)
from pydantic import ConfigDict, Field

from memos_core import Hit, MemCube, MemOS
from memos_llamaindex.filters import holds, where
from memos_llamaindex.nodes import CONTENT, listed, node, note

#: Hits asked of the memory, in turn, until a query has enough that pass its filters.
STEPS = (50, 1000)
#: Modes that mean: what fits best. What fits is the memory's to say; others ask for another order than that.
MODES = frozenset({
    VectorStoreQueryMode.DEFAULT,
    VectorStoreQueryMode.SPARSE,
    VectorStoreQueryMode.HYBRID,
    VectorStoreQueryMode.TEXT_SEARCH,
    VectorStoreQueryMode.SEMANTIC_HYBRID,
})  # fmt: skip


class MemOSVectorStore(BasePydanticVectorStore):
    """A vector store over a memory: ``VectorStoreIndex.from_vector_store(MemOSVectorStore(memos=memos, ...))``.

    A query with words is answered by recall, over full text, vectors and time; one with a vector alone by nearness,
    and that vector must come from the memory's embedder (see :class:`MemOSEmbedding`). Vectors that come with nodes
    are not used: the memory makes its own.

    Parameters
    ----------
    memos
        The memory.
    namespace
        Where in it the store lives; nodes of other namespaces are out of its reach.

    Examples
    --------
    >>> from llama_index.core.schema import TextNode
    >>> from llama_index.core.vector_stores.types import VectorStoreQuery
    >>> from memos_core import MemOS
    >>> store = MemOSVectorStore(memos=MemOS.open(":memory:"))
    >>> ids = store.add([TextNode(text="Basil needs sun"), TextNode(text="Moss needs shade")])
    >>> store.query(VectorStoreQuery(query_str="what likes the sun?")).nodes[0].text
    'Basil needs sun'
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    stores_text: bool = True
    is_embedding_query: bool = False
    memos: MemOS = Field(exclude=True)
    namespace: str | tuple[str, ...] = "llamaindex"

    @classmethod
    def class_name(cls) -> str:
        """Name under which LlamaIndex knows it."""
        return "MemOSVectorStore"

    @property
    def client(self) -> MemOS:
        """The memory."""
        return self.memos

    def add(self, nodes: Sequence[BaseNode], **kwargs: Any) -> list[str]:  # noqa: ARG002  # LlamaIndex's signature
        """Remember nodes, all or none; one whose id is there gets a new version.

        Raises
        ------
        InvalidInput
            If one has no text, or metadata that are not JSON.
        """
        if nodes:
            self.memos.add([note(each) for each in nodes], namespace=self.namespace)
        return [each.node_id for each in nodes]

    def get_nodes(self, node_ids: list[str] | None = None, filters: MetadataFilters | None = None) -> list[BaseNode]:
        """Nodes by id, or all, as far as they pass."""
        return [node(cube) for cube in self._cubes(node_ids, filters)]

    def delete(self, ref_doc_id: str, **delete_kwargs: Any) -> None:  # noqa: ARG002  # LlamaIndex's signature
        """Erase the nodes of a document for ever."""
        self._erase(listed(self.memos, self.namespace, where={CONTENT: {"$ne": None}, "ref_doc_id": ref_doc_id}))

    def delete_nodes(
        self,
        node_ids: list[str] | None = None,
        filters: MetadataFilters | None = None,
        **delete_kwargs: Any,  # noqa: ARG002  # LlamaIndex's signature
    ) -> None:
        """Erase nodes by id, or all, as far as they pass, for ever."""
        self._erase(self._cubes(node_ids, filters))

    def clear(self) -> None:
        """Erase every node for ever."""
        self._erase(self._cubes(None, None))

    def query(self, query: VectorStoreQuery, **kwargs: Any) -> VectorStoreQueryResult:  # noqa: ARG002  # LlamaIndex's
        """Find nodes, best first.

        Raises
        ------
        NotImplementedError
            For a mode that asks for another order than that of fitting best, such as MMR.
        ValueError
            If there are neither words nor a vector.
        """
        if query.mode not in MODES:
            known = ", ".join(sorted(mode.value for mode in MODES))
            raise NotImplementedError(f"MemOSVectorStore has no mode {query.mode!r}; it has {known}.")
        passing = (hit for hit in self._ranked(query) if _wanted(hit.cube, query))
        hits = list(islice(passing, query.similarity_top_k))
        nodes = [node(hit.cube) for hit in hits]
        return VectorStoreQueryResult(
            nodes=nodes, similarities=[hit.score for hit in hits], ids=[each.node_id for each in nodes]
        )

    async def async_add(self, nodes: Sequence[BaseNode], **kwargs: Any) -> list[str]:
        """As :meth:`add`, in a worker thread."""
        return await asyncio.to_thread(self.add, nodes, **kwargs)

    async def aget_nodes(
        self, node_ids: list[str] | None = None, filters: MetadataFilters | None = None
    ) -> list[BaseNode]:
        """As :meth:`get_nodes`, in a worker thread."""
        return await asyncio.to_thread(self.get_nodes, node_ids, filters)

    async def adelete(self, ref_doc_id: str, **delete_kwargs: Any) -> None:
        """As :meth:`delete`, in a worker thread."""
        await asyncio.to_thread(self.delete, ref_doc_id, **delete_kwargs)

    async def adelete_nodes(
        self, node_ids: list[str] | None = None, filters: MetadataFilters | None = None, **delete_kwargs: Any
    ) -> None:
        """As :meth:`delete_nodes`, in a worker thread."""
        await asyncio.to_thread(self.delete_nodes, node_ids, filters, **delete_kwargs)

    async def aclear(self) -> None:
        """As :meth:`clear`, in a worker thread."""
        await asyncio.to_thread(self.clear)

    async def aquery(self, query: VectorStoreQuery, **kwargs: Any) -> VectorStoreQueryResult:
        """As :meth:`query`, in a worker thread."""
        return await asyncio.to_thread(self.query, query, **kwargs)

    def _ranked(self, query: VectorStoreQuery) -> Iterator[Hit]:
        seen: set[str] = set()
        for limit in (max(1, min(query.similarity_top_k, STEPS[1])), *STEPS):
            hits = self._found(query, limit)
            new = [hit for hit in hits if hit.cube.id not in seen]
            seen.update(hit.cube.id for hit in new)
            yield from new
            if len(hits) < limit:
                return

    def _found(self, query: VectorStoreQuery, limit: int) -> list[Hit]:
        scope: dict[str, Any] = {"where": {CONTENT: {"$ne": None}, **where(query.filters)}, "exact": True}
        if query.node_ids:  # an index over a store that keeps text passes an empty list, and means all
            scope["source_ids"] = query.node_ids
        if query.query_str and query.query_str.strip():
            return self.memos.search(query.query_str, namespace=self.namespace, limit=limit, **scope)
        if query.query_embedding is None:
            raise ValueError("A query needs words (query_str) or a vector (query_embedding).")
        return self.memos.nearest(query.query_embedding, namespace=self.namespace, limit=limit, **scope)

    def _cubes(self, ids: Iterable[str] | None, filters: MetadataFilters | None) -> Iterator[MemCube]:
        scope: dict[str, Any] = {"where": {CONTENT: {"$ne": None}, **where(filters)}}
        if ids is not None:
            scope["source_ids"] = list(ids)
        for cube in listed(self.memos, self.namespace, **scope):
            if holds(filters, cube.metadata):
                yield cube

    def _erase(self, cubes: Iterable[MemCube]) -> None:
        if gone := [cube.id for cube in cubes]:
            self.memos.erase(gone, reason="deleted through LlamaIndex")


def _wanted(cube: MemCube, query: VectorStoreQuery) -> bool:
    of_documents = not query.doc_ids or cube.metadata["ref_doc_id"] in query.doc_ids
    return of_documents and holds(query.filters, cube.metadata)
