"""A LangChain vector store in a memory: documents are memories, found by recall and not by vectors alone."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from os import PathLike
from typing import Any

import numpy as np
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.vectorstores import VectorStore
from langchain_core.vectorstores.utils import maximal_marginal_relevance
from typing_extensions import Self

from memos_core import Hit, Kind, MemCube, MemOS, Note
from memos_core.errors import InvalidInput
from memos_langchain.embeddings import MemOSEmbeddings
from memos_langchain.identity import Namespace
from memos_langchain.listing import listed

Where = Mapping[str, Any]


class MemOSVectorStore(VectorStore):
    """A ``VectorStore`` over a memory.

    Questions are answered by recall, over full text, vectors and time. Scores of ``similarity_search_with_score`` are
    recall's, the higher the better; relevance scores, and searches by a vector, are cosine similarities. Every other
    memory of the namespace is found too; what lies below it is not.

    Parameters
    ----------
    memos
        The memory. Its embedder makes the vectors: ``MemOS.open(path, embedder=...)`` takes yours.
    namespace
        Where in it the documents live.

    Notes
    -----
    ``filter=`` takes what ``where=`` of ``MemOS.search`` does: ``{"year": {"$gte": 2020}, "author.name": "Ada"}``; its
    other filters, such as ``as_of=``, can be given too. The async side runs in worker threads.

    Examples
    --------
    >>> from memos_core import MemOS
    >>> store = MemOSVectorStore(MemOS.open(":memory:"), namespace="garden")
    >>> ids = store.add_texts(["Basil needs sun", "Moss needs shade"])
    >>> store.similarity_search("what likes the sun?", k=1)[0].page_content
    'Basil needs sun'
    """

    def __init__(self, memos: MemOS, *, namespace: Namespace = "langchain") -> None:
        self.memos = memos
        self.namespace = namespace

    @classmethod
    def from_texts(
        cls,
        texts: list[str],
        embedding: Embeddings | None = None,
        metadatas: list[dict[str, Any]] | None = None,
        *,
        ids: list[str] | None = None,
        path: str | PathLike[str] = ":memory:",
        namespace: Namespace = "langchain",
        **kwargs: Any,
    ) -> Self:
        """Open a memory, and remember texts in it; ``store.memos.close()`` gives its file back.

        Parameters
        ----------
        embedding
            By default the memory's own, which is local.
        path
            Of the vault file; by default it is kept in memory only.
        """
        store = cls(MemOS.open(path, embedder=embedding), namespace=namespace)
        store.add_texts(texts, metadatas, ids=ids, **kwargs)
        return store

    @property
    def embeddings(self) -> Embeddings:
        """What makes the vectors."""
        return MemOSEmbeddings(self.memos)

    def add_documents(
        self, documents: list[Document], *, ids: Sequence[str | None] | None = None, **kwargs: Any
    ) -> list[str]:
        """Remember documents, all or none; one whose id is there gets a new version.

        Parameters
        ----------
        **kwargs
            Of ``MemOS.add``, such as ``ttl``.

        Raises
        ------
        InvalidInput
            If one has no text, metadata that are not JSON, or there are more or fewer ids than documents.
        """
        given = [document.id for document in documents] if ids is None else ids
        if len(given) != len(documents):
            raise InvalidInput(detail=f"There are {len(documents)} documents and {len(given)} ids.")
        names = [name or str(uuid.uuid4()) for name in given]
        notes = [
            Note(text=document.page_content, kind=Kind.DOCUMENT, id=name, metadata=document.metadata)
            for name, document in zip(names, documents, strict=True)
        ]
        if notes:
            self.memos.add(notes, namespace=self.namespace, **kwargs)
        return names

    def get_by_ids(self, ids: Sequence[str], /) -> list[Document]:
        """Documents by id; those that are not there are left out."""
        found = {document.id: document for document in map(_document, self._listed(source_ids=ids))}
        return [found[name] for name in dict.fromkeys(ids) if name in found]

    def delete(self, ids: list[str] | None = None, **kwargs: Any) -> bool:  # noqa: ARG002  # LangChain's signature
        """Erase documents for ever, by id, or all that the namespace holds; what is not there does not matter."""
        scope = {} if ids is None else {"source_ids": ids}
        self.memos.erase([cube.id for cube in self._listed(**scope)], reason="deleted through LangChain")
        return True

    def similarity_search(self, query: str, k: int = 4, **kwargs: Any) -> list[Document]:
        """Documents that answer a question, best first; ``filter=`` narrows it by metadata."""
        return [document for document, _ in self.similarity_search_with_score(query, k, **kwargs)]

    def similarity_search_with_score(
        self,
        query: str,
        k: int = 4,
        *,
        filter: Where | None = None,  # noqa: A002  # LangChain's name
        **kwargs: Any,
    ) -> list[tuple[Document, float]]:
        """As :meth:`similarity_search`, with recall's scores: the higher the better, to be compared in one search."""
        hits = self.memos.search(query, namespace=self.namespace, limit=k, where=filter, exact=True, **kwargs)
        return [(_document(hit.cube), hit.score) for hit in hits]

    def similarity_search_by_vector(
        self,
        embedding: list[float],
        k: int = 4,
        *,
        filter: Where | None = None,  # noqa: A002  # LangChain's name
        **kwargs: Any,
    ) -> list[Document]:
        """Documents nearest to a vector that :attr:`embeddings` made, nearest first."""
        return [_document(hit.cube) for hit in self._nearest(embedding, k, filter, **kwargs)]

    def max_marginal_relevance_search(
        self, query: str, k: int = 4, fetch_k: int = 20, lambda_mult: float = 0.5, **kwargs: Any
    ) -> list[Document]:
        """Documents near to a question and unlike one another."""
        vector = self.embeddings.embed_query(query)
        return self.max_marginal_relevance_search_by_vector(vector, k, fetch_k, lambda_mult, **kwargs)

    def max_marginal_relevance_search_by_vector(
        self,
        embedding: list[float],
        k: int = 4,
        fetch_k: int = 20,
        lambda_mult: float = 0.5,
        *,
        filter: Where | None = None,  # noqa: A002  # LangChain's name
        **kwargs: Any,
    ) -> list[Document]:
        """Of the ``fetch_k`` documents nearest to a vector, ``k`` that are unlike one another.

        References
        ----------
        Carbonell and Goldstein, SIGIR 1998. A long document stands by its beginning.
        """
        hits = self._nearest(embedding, fetch_k, filter, **kwargs)
        embedder = self.memos.embedder
        beginnings = [hit.cube.text[: embedder.spans(hit.cube.text)[0].end] for hit in hits]
        vectors = embedder.embed(beginnings).tolist()
        chosen = maximal_marginal_relevance(np.asarray(embedding), vectors, lambda_mult, k) if hits else []
        return [_document(hits[index].cube) for index in chosen]

    def _similarity_search_with_relevance_scores(
        self,
        query: str,
        k: int = 4,
        *,
        filter: Where | None = None,  # noqa: A002  # LangChain's name
        **kwargs: Any,
    ) -> list[tuple[Document, float]]:
        vector = self.embeddings.embed_query(query)
        return [(_document(hit.cube), max(0.0, hit.score)) for hit in self._nearest(vector, k, filter, **kwargs)]

    def _nearest(self, vector: Sequence[float], limit: int, where: Where | None, **filters: Any) -> list[Hit]:
        return self.memos.nearest(vector, namespace=self.namespace, limit=limit, where=where, exact=True, **filters)

    def _listed(self, **filters: Any) -> Iterator[MemCube]:
        return listed(self.memos, self.namespace, exact=True, **filters)


def _document(cube: MemCube) -> Document:
    """A memory as the document that it was added as."""
    return Document(id=cube.source_ids[0], page_content=cube.text, metadata=cube.metadata)
