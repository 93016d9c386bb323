"""mcp-memory-service: its SQLite storage, asked by vectors and by both vectors and words."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any

from mcp_memory_service.models.memory import Memory
from mcp_memory_service.storage.sqlite_vec import SqliteVecMemoryStorage
from mcp_memory_service.utils.hashing import generate_content_hash

from memos_bench.conversations import said
from memos_bench.peers import Place, Search
from memos_bench.vectors import SharedVectors
from memos_core import Message
from memos_core.errors import InvalidInput


class Shared:
    """The shared vectors as a sentence-transformers model would give them."""

    def __init__(self, vectors: SharedVectors) -> None:
        self._vectors = vectors

    def encode(self, texts: list[str], **_: Any) -> Any:
        """Embed texts."""
        return self._vectors.embed(texts)


class Storage(SqliteVecMemoryStorage):  # type: ignore[misc, unused-ignore]
    """Its storage, with vectors from us in place of a model from a hub."""

    def __init__(self, path: str, vectors: SharedVectors) -> None:
        super().__init__(path)
        self.vectors = vectors

    async def _initialize_embedding_model(self) -> None:
        self.embedding_model = Shared(self.vectors)
        self.embedding_dimension = self.vectors.spec.dim


class MCPMemoryService:
    """One file. It keeps equal texts once, so a hit on one stands for all messages that say it."""

    def __init__(self, place: Place) -> None:
        self._loop = asyncio.new_event_loop()
        self._storage = Storage(str(place.folder / "memory.db"), place.vectors)
        self._messages: defaultdict[str, list[str]] = defaultdict(list)
        self._run(self._storage.initialize())

    def add(self, messages: Sequence[Message], *, session: str) -> None:
        """Remember the messages of a session."""
        for message in messages:
            text = said(message)
            key = generate_content_hash(text)
            if key not in self._messages:
                stored, why = self._run(
                    self._storage.store(
                        Memory(content=text, content_hash=key, tags=[session]), skip_semantic_dedup=True
                    )
                )
                if not stored:
                    raise InvalidInput(detail=f"mcp-memory-service refused a message: {why}")
            self._messages[key].append(str(message.id))

    def searches(self) -> Mapping[str, Search]:
        """By vectors, and by both."""
        return {
            "mcp-memory-service": self._by(self._storage.retrieve),
            "mcp-memory-service hybrid": self._by(self._storage.retrieve_hybrid),
        }

    def close(self) -> None:
        """Close the file and the loop."""
        self._run(self._storage.close())
        self._loop.close()

    def _by(self, ask: Callable[[str, int], Awaitable[Any]]) -> Search:
        async def asked(question: str, limit: int) -> list[Any]:
            return list(await ask(question, limit))

        def search(question: str, limit: int) -> list[str]:
            found = self._run(asked(question, limit))
            return [each for hit in found for each in self._messages[hit.memory.content_hash]]

        return search

    def _run(self, task: Coroutine[Any, Any, Any]) -> Any:
        return self._loop.run_until_complete(task)


def open_peer(place: Place) -> MCPMemoryService:
    """Make an empty storage."""
    return MCPMemoryService(place)
