"""Chroma: a collection with cosine distance, as its documentation sets one up.

Its index is approximate; it is told to look at more neighbours than are asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import chromadb
from chromadb.config import Settings

from memos_bench.conversations import said
from memos_bench.peers import Place, Search
from memos_core import Message

NEIGHBOURS = 500  # looked at while searching and while building; by default 100


class Chroma:
    """A persistent client with one collection."""

    def __init__(self, place: Place) -> None:
        self._vectors = place.vectors
        self._client = chromadb.PersistentClient(str(place.folder), settings=Settings(anonymized_telemetry=False))
        index = {"space": "cosine", "ef_search": NEIGHBOURS, "ef_construction": NEIGHBOURS}
        self._collection = self._client.create_collection(
            "memory", embedding_function=None, configuration={"hnsw": index}
        )

    def add(self, messages: Sequence[Message], *, session: str) -> None:
        """Remember the messages of a session."""
        texts = [said(message) for message in messages]
        self._collection.add(
            ids=[str(message.id) for message in messages],
            documents=texts,
            embeddings=self._vectors.embed(texts),
            metadatas=[{"session": session} for _ in messages],
        )

    def searches(self) -> Mapping[str, Search]:
        """By vectors: in the local edition there is nothing else that ranks."""
        return {"Chroma": self._search}

    def close(self) -> None:
        """Drop the collection; the client has nothing to close."""
        self._client.delete_collection("memory")

    def _search(self, question: str, limit: int) -> list[str]:
        vectors = self._vectors.embed_query(question)[None]
        found = self._collection.query(query_embeddings=vectors, n_results=limit, include=[])
        return list(found["ids"][0])


def open_peer(place: Place) -> Chroma:
    """Make an empty collection."""
    return Chroma(place)
