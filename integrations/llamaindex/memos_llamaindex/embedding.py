"""The memory's own embedder, for LlamaIndex: a local model that needs no key."""

from __future__ import annotations

import asyncio
from typing import Any

from llama_index.core.base.embeddings.base import BaseEmbedding
from pydantic import PrivateAttr

from memos_core import MemOS


class MemOSEmbedding(BaseEmbedding):
    """Embeds with what the memory embeds with, so that its vectors fit those of the memory.

    Give it as ``embed_model=`` to an index over :class:`MemOSVectorStore` or :class:`MemOSPropertyGraphStore`.

    Parameters
    ----------
    memos
        The memory.

    Examples
    --------
    >>> from memos_core import MemOS
    >>> len(MemOSEmbedding(MemOS.open(":memory:")).get_query_embedding("where is the key?"))
    384
    """

    _memos: MemOS = PrivateAttr()

    def __init__(self, memos: MemOS, **kwargs: Any) -> None:
        super().__init__(model_name=memos.embedder.spec.model, **kwargs)
        self._memos = memos

    @classmethod
    def class_name(cls) -> str:
        """Name under which LlamaIndex knows it."""
        return "MemOSEmbedding"

    def _get_query_embedding(self, query: str) -> list[float]:
        return [*map(float, self._memos.embedder.embed_query(query))]

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._get_text_embeddings([text])[0]

    def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        return [[*map(float, row)] for row in self._memos.embedder.embed(texts)]

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return await asyncio.to_thread(self._get_query_embedding, query)

    async def _aget_text_embedding(self, text: str) -> list[float]:
        return await asyncio.to_thread(self._get_text_embedding, text)

    async def _aget_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        return await asyncio.to_thread(self._get_text_embeddings, texts)
