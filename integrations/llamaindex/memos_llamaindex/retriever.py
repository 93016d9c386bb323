"""A LlamaIndex retriever over a memory."""

from __future__ import annotations

import asyncio
from typing import Any

from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.schema import NodeWithScore, QueryBundle

from memos_core import MemOS
from memos_llamaindex.nodes import scored


class MemOSRetriever(BaseRetriever):
    """Finds memories as nodes, best first: for a query engine, a chat engine or a fusion of retrievers.

    A memory that was a node is that node again; any other has its words as text, and as metadata when it was said, by
    whom, how far to trust it, and what it rests on.

    Parameters
    ----------
    memos
        The memory to ask.
    namespace
        Whose memories; those below it are included.
    similarity_top_k
        At most so many.
    filters
        Further arguments of ``MemOS.search``, such as ``{"kinds": ["episode"]}``.

    Examples
    --------
    >>> from memos_core import MemOS
    >>> memos = MemOS.open(":memory:")
    >>> added = memos.add("The spare key is under the flower pot", namespace="ana")
    >>> retriever = MemOSRetriever(memos, namespace="ana", similarity_top_k=3)
    >>> retriever.retrieve("where is the spare key?")[0].text
    'The spare key is under the flower pot'
    """

    def __init__(
        self, memos: MemOS, *, namespace: str | tuple[str, ...], similarity_top_k: int = 10, **filters: Any
    ) -> None:
        super().__init__()
        self._memos = memos
        self._namespace = namespace
        self._similarity_top_k = similarity_top_k
        self._filters = filters

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        question, limit = query_bundle.query_str, self._similarity_top_k
        return [
            scored(hit) for hit in self._memos.search(question, namespace=self._namespace, limit=limit, **self._filters)
        ]

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return await asyncio.to_thread(self._retrieve, query_bundle)
