"""A LangChain retriever over a memory."""

from __future__ import annotations

from typing import Any

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from pydantic import ConfigDict, Field

from memos_core import Hit, MemOS


class MemOSRetriever(BaseRetriever):
    """Finds memories as documents, best first.

    Parameters
    ----------
    memos
        The memory to ask.
    namespace
        Whose memories; those below it are included.
    k
        At most so many; can also be given to ``invoke``.
    filters
        Further arguments of ``MemOS.search``, such as ``{"kinds": ["episode"]}``.

    Examples
    --------
    >>> from memos_core import MemOS
    >>> memos = MemOS.open(":memory:")
    >>> added = memos.add("The spare key is under the flower pot", namespace="alice")
    >>> retriever = MemOSRetriever(memos=memos, namespace="alice", k=3)
    >>> retriever.invoke("where is the spare key?")[0].page_content
    'The spare key is under the flower pot'
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    memos: MemOS
    namespace: str | tuple[str, ...]
    k: int = 10
    filters: dict[str, Any] = Field(default_factory=dict)

    def _get_relevant_documents(
        self,
        query: str,
        *,
        run_manager: CallbackManagerForRetrieverRun,  # noqa: ARG002  # part of LangChain's signature
        k: int | None = None,
    ) -> list[Document]:
        limit = self.k if k is None else k
        hits = self.memos.search(query, namespace=self.namespace, limit=limit, **self.filters)
        return [document(hit) for hit in hits]


def document(hit: Hit) -> Document:
    """A hit as a document; its metadata say what it rests on."""
    cube = hit.cube
    return Document(
        id=cube.id,
        page_content=cube.text,
        metadata={
            **cube.metadata,
            "namespace": "/".join(cube.namespace),
            "kind": cube.kind.value,
            "speaker": cube.provenance.speaker,
            "said_at": cube.said_at.isoformat(),
            "source_ids": list(hit.source_ids),
            "trust": cube.governance.trust.name.lower(),
            "score": hit.score,
        },
    )
