"""The embedder of a memory for LangChain: the same vectors, with no second model."""

from __future__ import annotations

from langchain_core.embeddings import Embeddings

from memos_core import MemOS


class MemOSEmbeddings(Embeddings):
    """A memory's embedder as LangChain's ``Embeddings``.

    Parameters
    ----------
    memos
        The memory.

    Examples
    --------
    >>> from memos_core import MemOS
    >>> len(MemOSEmbeddings(MemOS.open(":memory:")).embed_query("where does Ana live?"))
    384
    """

    def __init__(self, memos: MemOS) -> None:
        self._memos = memos

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Vectors of passages, each of length one."""
        rows: list[list[float]] = self._memos.embedder.embed(texts).tolist()
        return rows

    def embed_query(self, text: str) -> list[float]:
        """The vector of a question, of length one."""
        row: list[float] = self._memos.embedder.embed_query(text).tolist()
        return row
