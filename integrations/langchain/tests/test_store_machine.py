"""The store and LangGraph's own in-memory store, driven side by side: every answer is the same.

The in-memory store is what LangGraph's users test with, so it says what is expected. Where it is known to err, what it
is asked leaves that out: 0 and 1 are false and true to it, and it lists namespaces that were only ever read.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from langgraph.store.base import GetOp, Item, ListNamespacesOp, MatchCondition, Op, PutOp, SearchItem, SearchOp
from langgraph.store.memory import InMemoryStore

from memos_core import MemOS
from memos_core.testing.embedders import HashingEmbedder
from memos_langchain import MemOSStore

labels = st.sampled_from(["a", "b", "ab", "A", "a/b", "a%2Fb", " ", "a\n", "_", "*x", "ü"])
namespaces = st.lists(labels, min_size=1, max_size=3).map(tuple)
keys = st.sampled_from(["k", "k1", "K", "key with blank", "ключ"])
numbers = st.integers(2, 9) | st.sampled_from([2.5, -3.5])
scalars = st.one_of(st.none(), st.booleans(), numbers, st.sampled_from(["x", "y", "", "a'b\"c"]))
structures = st.lists(scalars, max_size=2) | st.dictionaries(st.sampled_from(["x", "$y"]), scalars, max_size=1)
values = st.builds(
    lambda value, size: {**value, "size": size},
    st.dictionaries(st.sampled_from(["n", "t", "deep", "with-hyphen", "a b", "c.d"]), scalars | structures, max_size=3),
    numbers,
)
equalities = st.sampled_from(["$eq", "$ne"])
orders = st.sampled_from(["$gt", "$gte", "$lt", "$lte"])
filters = st.none() | st.builds(
    lambda value, size: value | size,
    st.dictionaries(
        st.sampled_from(["n", "t", "missing", "with-hyphen", "a b", "c.d"]),
        scalars | st.lists(scalars, max_size=2) | st.dictionaries(equalities, scalars, min_size=1),
        max_size=2,
    ),
    st.fixed_dictionaries({}, optional={"size": st.dictionaries(orders, numbers, min_size=1)}),
)
conditions = st.builds(
    MatchCondition,
    st.sampled_from(["prefix", "suffix"]),
    st.lists(labels | st.just("*"), min_size=1, max_size=2).map(tuple),
)
indexes = st.sampled_from([None, False, ["n"], ["deep[*]", "t"]])
puts = st.builds(PutOp, namespaces, keys, st.none() | values, indexes, st.none())
reads = st.builds(GetOp, namespaces, keys, st.just(True)) | st.builds(
    SearchOp, namespaces | st.just(()), filters, st.integers(0, 30), st.integers(0, 3), st.none(), st.just(True)
)
listings = st.builds(
    ListNamespacesOp,
    st.none() | st.lists(conditions, max_size=2).map(tuple),
    st.none() | st.integers(1, 3),
    st.integers(1, 10),
    st.integers(0, 2),
)


def said(item: Item) -> tuple[tuple[str, ...], str, str]:
    return item.namespace, item.key, json.dumps(item.value, sort_keys=True)


def comparable(op: Op, result: Any) -> Any:
    """What must be equal. Without a query the in-memory store's order is no promise, so pages are compared by size."""
    if isinstance(op, GetOp):
        return result and said(result)
    if isinstance(op, SearchOp):
        whole = op.offset == 0 and len(result) < op.limit
        return {said(item) for item in result} if whole else len(result)
    return result


class Stores(RuleBasedStateMachine):
    """Does the same to both stores; ours is closed and opened again in between."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.embedder = HashingEmbedder(dim=16)
        self.expected = InMemoryStore(index={"dims": 16, "embed": self._embedded, "fields": ["$"]})
        self.indexed: set[tuple[tuple[str, ...], str]] = set()

    def _embedded(self, texts: list[str]) -> list[list[float]]:
        return self.embedder.embed(list(texts)).tolist()

    @initialize()
    def begin(self) -> None:
        self.memos = MemOS.open(Path(self.folder.name) / "m.db", embedder=self.embedder)
        self.store = MemOSStore(self.memos)

    @rule(ops=st.lists(puts | reads, max_size=4), asynchronous=st.booleans())
    def batch(self, ops: list[Op], asynchronous: bool) -> None:
        expected = self.expected.batch(ops)
        found = asyncio.run(self.store.abatch(ops)) if asynchronous else self.store.batch(ops)
        for op, ours, theirs in zip(ops, found, expected, strict=True):
            assert comparable(op, ours) == comparable(op, theirs)
        for op in {(op.namespace, op.key): op for op in ops if isinstance(op, PutOp)}.values():
            vectors = self.expected._vectors.get(op.namespace, {})
            self.indexed.discard((op.namespace, op.key))
            if op.value is not None and op.index is not False:
                self.indexed.add((op.namespace, op.key))
            elif op.value is not None:
                vectors.pop(op.key, None)  # which the in-memory store keeps from before

    @rule(namespace=namespaces, key=keys, value=values, how=st.sampled_from(["sync", "async"]))
    def put_and_get(self, namespace: tuple[str, ...], key: str, value: dict[str, Any], how: str) -> None:
        self.expected.put(namespace, key, value)
        self.indexed.add((namespace, key))
        if how == "sync":
            self.store.put(namespace, key, value)
            found = self.store.get(namespace, key)
        else:
            asyncio.run(self.store.aput(namespace, key, value))
            found = asyncio.run(self.store.aget(namespace, key))
        assert found
        assert said(found) == said(self.expected.get(namespace, key))  # type: ignore[arg-type]
        assert found.created_at <= found.updated_at

    @rule(namespace=namespaces, key=keys)
    def delete(self, namespace: tuple[str, ...], key: str) -> None:
        self.expected.delete(namespace, key)
        self.store.delete(namespace, key)
        self.indexed.discard((namespace, key))

    @rule(listing=listings)
    def list_namespaces(self, listing: ListNamespacesOp) -> None:
        for empty in [namespace for namespace, items in self.expected._data.items() if not items]:
            del self.expected._data[empty]
        assert self.store.batch([listing]) == self.expected.batch([listing])

    @precondition(lambda self: self.indexed)
    @rule(namespace=namespaces | st.just(()), query=st.sampled_from(["size 5", "x", "n"]), wanted=filters)
    def query(self, namespace: tuple[str, ...], query: str, wanted: dict[str, Any] | None) -> None:
        """The same items, whatever the order: theirs goes by vectors alone. Ours are those that have any text to find."""
        found = self.store.search(namespace, query=query, filter=wanted, limit=1000)
        everything = self.expected.search(namespace, filter=wanted, limit=1000)
        silent = [item for item in everything if said(item) not in set(map(said, found))]
        assert {said(item) for item in found} <= {said(item) for item in everything}
        assert not [item for item in silent if (item.namespace, item.key) in self.indexed and self._has_text(item)]
        assert len(found) == len({said(item) for item in found})
        scores = [item.score for item in found if item.score is not None]
        assert scores == sorted(scores, reverse=True)
        pages = [self.store.search(namespace, query=query, filter=wanted, limit=3, offset=at) for at in (0, 3, 6)]
        assert [said(item) for page in pages for item in page] == [said(item) for item in found[:9]]

    def _has_text(self, item: SearchItem) -> bool:
        where = tuple(self.store._address(item.namespace))
        [cube] = self.memos.list(namespace=where, exact=True, source_ids=[item.key])
        return bool(cube.metadata["indexed"])

    @rule()
    def reopen(self) -> None:
        self.memos.close()
        self.begin()

    @invariant()
    def whole(self) -> None:
        if hasattr(self, "memos"):
            ours = {said(item) for item in self.store.search((), limit=1000)}
            assert ours == {said(item) for item in self.expected.search((), limit=1000)}

    def teardown(self) -> None:
        if hasattr(self, "memos"):
            assert self.memos.verify() == []
            self.memos.close()
        self.folder.cleanup()


TestStores = Stores.TestCase
TestStores.settings = settings(max_examples=25, stateful_step_count=12, deadline=None)
