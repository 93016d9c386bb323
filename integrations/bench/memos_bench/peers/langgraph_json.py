"""LangGraph's store as it is without ``fields``: it embeds the JSON of the whole value.

That is another text than the other systems embed, and ranks otherwise; so it is a row of its own.
"""

from __future__ import annotations

from langgraph.store.base import IndexConfig
from langgraph.store.memory import InMemoryStore

from memos_bench.peers import Place
from memos_bench.peers.langgraph import LangGraph, Shared


def open_peer(place: Place) -> LangGraph:
    """Make an empty store."""
    index = IndexConfig(dims=place.vectors.spec.dim, embed=Shared(place.vectors))
    return LangGraph({"LangGraph, JSON embedded": InMemoryStore(index=index)})
