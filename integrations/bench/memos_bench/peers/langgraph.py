"""LangGraph's two stores that need no server, with an index on the text."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any

from langchain_core.embeddings import Embeddings
from langgraph.store.base import BaseStore, IndexConfig
from langgraph.store.memory import InMemoryStore
from langgraph.store.sqlite import SqliteStore

from memos_bench.conversations import said
from memos_bench.peers import Place, Search
from memos_bench.vectors import SharedVectors
from memos_core import Message

NAMESPACE = ("memory",)


class LangGraph:
    """Stores in which a message is a value with a text."""

    def __init__(self, stores: Mapping[str, BaseStore], close: Callable[[], None] = lambda: None) -> None:
        self._stores = stores
        self._close = close

    def add(self, messages: Sequence[Message], *, session: str) -> None:
        """Remember the messages of a session, one by one: InMemoryStore 1.2 fails on two equal texts in a batch."""
        del session
        for store in self._stores.values():
            for each in messages:
                store.put(NAMESPACE, str(each.id), {"text": said(each)})

    def searches(self) -> Mapping[str, Search]:
        """Each store by its vectors."""
        return {name: partial(_search, store) for name, store in self._stores.items()}

    def close(self) -> None:
        """Close the file, if there is one."""
        self._close()


class Shared(Embeddings):
    """The shared vectors as LangChain asks for them."""

    def __init__(self, vectors: SharedVectors) -> None:
        self._vectors = vectors

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Embed passages."""
        return [row.tolist() for row in self._vectors.embed(texts)]

    def embed_query(self, text: str) -> list[float]:
        """Embed a question."""
        return [float(number) for number in self._vectors.embed_query(text)]


def _search(store: BaseStore, question: str, limit: int) -> list[str]:
    return [item.key for item in store.search(NAMESPACE, query=question, limit=limit)]


def open_peer(place: Place) -> LangGraph:
    """Make empty stores that embed the text: in memory, and in a file where this Python's SQLite loads extensions."""
    index = IndexConfig(dims=place.vectors.spec.dim, embed=Shared(place.vectors), fields=["text"])
    stores: dict[str, BaseStore] = {"LangGraph InMemoryStore": InMemoryStore(index=index)}
    opened = ExitStack()
    if hasattr(sqlite3.Connection, "enable_load_extension"):
        # It reads "text_fields"; "fields", which its documentation names, it passes over without a word.
        own: Any = {**index, "text_fields": ["text"]}
        store = opened.enter_context(SqliteStore.from_conn_string(str(place.folder / "store.db"), index=own))
        store.setup()
        stores["LangGraph SqliteStore"] = store
    return LangGraph(stores, opened.close)
