"""MemOS as users meet it, and without each of its signals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace

from memos_bench.peers import Place, Search
from memos_core import MemOS, Message
from memos_core.cube.selection import selection
from memos_core.infrastructure.clock import SystemClock
from memos_core.infrastructure.vault.sqlite import SQLiteVault
from memos_core.operation.recall import recall
from memos_core.operation.recall.weights import DEFAULT, Weights

NAMESPACE = "bench"


class MemOSPeer:
    """The public way: ``MemOS.add`` and ``MemOS.search``."""

    def __init__(self, place: Place) -> None:
        self._clock = SystemClock()
        self._vectors = place.vectors
        self._vault = SQLiteVault(str(place.folder / "memory.db"), clock=self._clock)
        self._memos = MemOS(self._vault, embedder=place.vectors, clock=self._clock)

    def add(self, messages: Sequence[Message], *, session: str) -> None:
        """Remember the messages of a session."""
        self._memos.add(list(messages), namespace=NAMESPACE, session=session)

    def searches(self) -> Mapping[str, Search]:
        """As it ships."""
        return {"MemOS": self._search}

    def close(self) -> None:
        """Close the vault."""
        self._memos.close()

    def _search(self, question: str, limit: int) -> list[str]:
        hits = self._memos.search(question, namespace=NAMESPACE, limit=limit)
        return [source for hit in hits for source in hit.source_ids]


class Ablated(MemOSPeer):
    """The same, and beside it with each weight set to nothing."""

    def searches(self) -> Mapping[str, Search]:
        """One row for each weight."""
        return {**super().searches(), **{f"without {each.name}": self._without(each.name) for each in fields(Weights)}}

    def _without(self, name: str) -> Search:
        weights = replace(DEFAULT, **{name: 0.0})

        def search(question: str, limit: int) -> list[str]:
            now = self._clock.now()
            found = recall(
                question, selection(NAMESPACE, now=now), vault=self._vault, embedder=self._vectors, now=now,
                limit=limit, weights=weights,
            )  # fmt: skip
            return [source for hit in found for source in hit.source_ids]

        return search


def open_peer(place: Place) -> MemOSPeer:
    """Open an empty vault."""
    return MemOSPeer(place)
