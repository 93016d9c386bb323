"""The store against LangGraph's own in-memory store, and where LangGraph's SQLite store errs."""

import json
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langgraph.store.base import (
    BaseStore,
    GetOp,
    InvalidNamespaceError,
    ListNamespacesOp,
    MatchCondition,
    Op,
    PutOp,
    SearchOp,
)
from langgraph.store.memory import InMemoryStore

from memos_core import MemOS
from memos_core.testing.embedders import HashingEmbedder
from memos_langchain import MemOSStore


@pytest.fixture
def store(memos: MemOS) -> MemOSStore:
    return MemOSStore(memos)


labels = st.sampled_from(["a", "b", "ab", "A", "a/b", "a%2Fb", " ", "a\n", "_", "*x", "ü"])
namespaces = st.lists(labels, min_size=1, max_size=3).map(tuple)
keys = st.sampled_from(["k", "k1", "K", "key with blank", "ключ"])
# Without 0 and 1, which the in-memory store takes for false and true.
numbers = st.integers(2, 9) | st.sampled_from([2.5, -3.5])
scalars = st.one_of(st.none(), st.booleans(), numbers, st.sampled_from(["x", "y", "", "a'b\"c"]))
structures = st.lists(scalars, max_size=2) | st.dictionaries(st.sampled_from(["x", "$y"]), scalars, max_size=1)
values = st.builds(
    lambda value, size: {**value, "size": size},
    st.dictionaries(st.sampled_from(["n", "t", "deep", "with-hyphen", "a b"]), scalars | structures, max_size=3),
    numbers,
)
equalities = st.sampled_from(["$eq", "$ne"])
orders = st.sampled_from(["$gt", "$gte", "$lt", "$lte"])
filters = st.none() | st.builds(
    lambda value, size: value | size,
    st.dictionaries(
        st.sampled_from(["n", "t", "missing", "with-hyphen", "a b"]),
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
operations = st.one_of(
    st.builds(PutOp, namespaces, keys, st.none() | values, st.none(), st.none()),
    st.builds(GetOp, namespaces, keys, st.just(True)),
    st.builds(
        SearchOp, namespaces | st.just(()), filters, st.integers(0, 30), st.integers(0, 3), st.none(), st.just(True)
    ),
)
listings = st.builds(
    ListNamespacesOp,
    st.none() | st.lists(conditions, max_size=2).map(tuple),
    st.none() | st.integers(1, 3),
    st.integers(1, 10),
    st.integers(0, 2),
)
batches = st.lists(operations, max_size=4) | listings.map(lambda listing: [listing])


def comparable(op: Op, result: Any) -> Any:
    """What must be equal. Searches without a query are compared as sets: the in-memory store's order is no promise."""
    if isinstance(op, GetOp) and result is not None:
        return result.namespace, result.key, result.value
    if isinstance(op, SearchOp):
        whole = op.offset == 0 and len(result) < op.limit
        return (
            {(item.namespace, item.key, json.dumps(item.value, sort_keys=True)) for item in result}
            if whole
            else len(result)
        )
    return result


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(batches, max_size=8))
def test_batches_answer_as_the_in_memory_store_does(history: list[list[Op]]) -> None:
    reference = InMemoryStore()
    with MemOS.open(":memory:", embedder=HashingEmbedder(dim=8)) as memos:
        store = MemOSStore(memos)
        for batch in history:
            for empty in [namespace for namespace, items in reference._data.items() if not items]:
                del reference._data[empty]  # the in-memory store lists namespaces that were only ever read
            expected, found = reference.batch(batch), store.batch(batch)
            assert [comparable(*pair) for pair in zip(batch, found, strict=True)] == [
                comparable(*pair) for pair in zip(batch, expected, strict=True)
            ]


def fill(store: BaseStore, count: int, *, prefix: Iterable[str] = ("docs",)) -> None:
    store.batch([PutOp(tuple(prefix), f"{n:02}", {"text": f"apple number {n}", "n": n}) for n in range(count)])


def test_a_query_finds_by_meaning_and_scores_fall(store: MemOSStore) -> None:
    store.put(("docs",), "1", {"text": "green tea from Japan"})
    store.put(("docs",), "2", {"text": "bicycle repair"})
    found = store.search(("docs",), query="tea from Japan")
    assert found[0].key == "1"
    scores = [item.score for item in found if item.score is not None]
    assert scores == sorted(scores, reverse=True)


def test_paging_with_a_query_reaches_every_item(store: MemOSStore) -> None:
    fill(store, 20)
    pages = [store.search(("docs",), query="apple", limit=5, offset=offset) for offset in (0, 5, 10, 15, 20)]
    assert [len(page) for page in pages] == [5, 5, 5, 5, 0]
    assert len({item.key for page in pages for item in page}) == 20


def test_an_item_with_several_indexed_fields_takes_one_place(memos: MemOS) -> None:
    store = MemOSStore(memos, fields=["a", "b", "c"])
    for n in range(20):
        store.put(("docs",), str(n), {"a": f"apple {n}", "b": f"apple pie {n}", "c": f"apple tart {n}"})
    assert len(store.search(("docs",), query="apple", limit=10)) == 10


def test_an_item_put_without_index_is_found_by_key_and_not_by_meaning(store: MemOSStore) -> None:
    store.put(("docs",), "quiet", {"text": "apple"}, index=False)
    assert store.search(("docs",), query="apple") == []
    assert [item.key for item in store.search(("docs",))] == ["quiet"]
    assert store.get(("docs",), "quiet")


def test_only_the_named_paths_are_searched(store: MemOSStore) -> None:
    store.put(("docs",), "1", {"title": "zebra", "notes": [{"text": "apple"}]}, index=["notes[*].text"])
    assert store.search(("docs",), query="apple")[0].key == "1"
    cube = store._memos.list(namespace="langgraph")[0]
    assert cube.text == "apple"


def test_filters_hold_together_with_a_query(store: MemOSStore) -> None:
    fill(store, 30)
    found = store.search(("docs",), query="apple", filter={"n": {"$gte": 10, "$lt": 13}}, limit=10)
    assert {item.value["n"] for item in found} == {10, 11, 12}


def test_a_filter_that_few_items_pass_finds_them_among_many(store: MemOSStore) -> None:
    fill(store, 130)
    assert [item.value["n"] for item in store.search(("docs",), query="apple number 5", filter={"n": 129})] == [129]


def test_pages_fit_together_beyond_the_hits_of_one_search(store: MemOSStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("memos_langchain.store.STEPS", (4, 8))
    fill(store, 20)
    pages = [store.search(("docs",), query="apple number", limit=3, offset=offset) for offset in range(0, 21, 3)]
    assert sorted(item.key for page in pages for item in page) == [f"{n:02}" for n in range(20)]


def test_the_same_key_elsewhere_is_another_item(store: MemOSStore) -> None:
    places = [("a",), ("a", "b"), ("a/b",), ("a%2Fb",), (" ",), ("%20",), ("b", "a")]
    for place in places:
        store.put(place, "k", {"place": list(place)})
    for place in places:
        item = store.get(place, "k")
        assert item
        assert item.value == {"place": list(place)}
    assert store.get(("b",), "k") is None
    assert sorted(store.list_namespaces()) == sorted(places)


def test_prefixes_are_whole_labels(store: MemOSStore) -> None:
    for namespace in [("test",), ("test", "x"), ("testing",), ("TEST",)]:
        store.put(namespace, "k", {"v": 1})
    assert {item.namespace for item in store.search(("test",))} == {("test",), ("test", "x")}


def test_a_put_again_is_a_new_version_of_the_same_item(store: MemOSStore) -> None:
    store.put(("docs",), "k", {"text": "one"})
    first = store.get(("docs",), "k")
    store.put(("docs",), "k", {"text": "two"})
    second = store.get(("docs",), "k")
    assert first
    assert second
    assert (second.value, second.created_at) == ({"text": "two"}, first.created_at)
    assert second.updated_at > first.updated_at
    [cube] = store._memos.list(namespace="langgraph")
    assert len(store._memos.history(cube.id)) == 2


def test_a_deleted_item_is_gone_and_can_be_put_again(store: MemOSStore) -> None:
    store.put(("docs",), "k", {"text": "one"})
    store.delete(("docs",), "k")
    store.delete(("docs",), "never there")
    assert store.get(("docs",), "k") is None
    assert store.search(("docs",), query="one") == []
    store.put(("docs",), "k", {"text": "two"})
    assert store.get(("docs",), "k")


@pytest.mark.parametrize("namespace", [(), ("",), ("a.b",), ("langgraph",)])
def test_a_namespace_that_langgraph_refuses_is_refused(store: MemOSStore, namespace: tuple[str, ...]) -> None:
    with pytest.raises(InvalidNamespaceError):
        store.put(namespace, "k", {"v": 1})
    assert store.list_namespaces() == []


def test_labels_are_checked_in_batches_too(store: MemOSStore) -> None:
    for label in ("", "a.b", "a\0"):
        for op in (PutOp((label,), "k", {"v": 1}), GetOp((label,), "k"), SearchOp((label,))):
            with pytest.raises(InvalidNamespaceError):
                store.batch([PutOp(("fine",), "k", {"v": 1}), op])
    assert store.list_namespaces() == []


def test_values_of_different_types_are_never_equal_and_never_ordered(store: MemOSStore) -> None:
    for key, value in {"true": True, "one": 1, "text": "1", "none": None, "list": [1, 2]}.items():
        store.put(("docs",), key, {"v": value, "in": {"v": value}})
    for wanted, keys in [
        ({"v": 1}, {"one"}),
        ({"v": True}, {"true"}),
        ({"v": [1]}, set()),
        ({"v": [1, 2]}, {"list"}),
        ({"v": {"$gte": 0}}, {"one"}),
        ({"v": {"$lte": "2"}}, {"text"}),
        ({"v": {"$ne": 1}}, {"true", "text", "none", "list"}),
        ({"in": {"v": 1}}, {"one"}),
        ({"in": {"v": {"$gte": 0}}}, {"one"}),
        ({"in": {"v": {"$ne": 1}}}, {"true", "text", "none", "list"}),
    ]:
        assert {item.key for item in store.search(("docs",), filter=wanted)} == keys


def test_an_unknown_operator_is_refused(store: MemOSStore) -> None:
    for wanted in ({"v": {"$in": [1]}}, {"v": {"$eq": 1, "size": 2}}):
        with pytest.raises(ValueError, match="operator"):
            store.search(("docs",), filter=wanted)


def test_a_namespace_too_long_for_the_memory_is_refused_in_langgraphs_words(store: MemOSStore) -> None:
    with pytest.raises(InvalidNamespaceError, match="256 characters"):
        store.put(("x" * 257,), "k", {"v": 1})


def test_a_value_that_is_not_json_is_refused(store: MemOSStore) -> None:
    for value in (float("nan"), {1, 2}, b"bytes"):
        with pytest.raises(ValueError, match="JSON"):
            store.batch([PutOp(("docs",), "fine", {"v": 1}), PutOp(("docs",), "k", {"v": value})])
    assert store.search(("docs",)) == []


def test_an_empty_key_is_refused(store: MemOSStore) -> None:
    with pytest.raises(ValueError, match="key"):
        store.put(("docs",), "", {"v": 1})
    assert store.get(("docs",), "") is None


def test_items_put_in_one_batch_are_no_conversation(store: MemOSStore) -> None:
    fill(store, 3)
    assert {cube.follows for cube in store._memos.list(namespace="langgraph")} == {None}


def test_hostile_filter_keys_and_values_reach_nothing_else(store: MemOSStore) -> None:
    store.put(("mine",), "k", {"v": "1"})
    store.put(("yours",), "k", {"v": "secret"})
    for key in ["v' OR '1'='1", 'v") OR 1=1 --', "v.$", "$.v", "value"]:
        assert store.search(("mine",), filter={key: "secret"}) == []
    assert store.search(("mine",), filter={"v": "' OR 1=1 --"}) == []


def test_a_time_to_live_is_refused_and_not_ignored(store: MemOSStore) -> None:
    with pytest.raises(NotImplementedError):
        store.put(("docs",), "k", {"v": 1}, ttl=5)


async def test_the_async_side_does_the_same(store: MemOSStore) -> None:
    await store.aput(("docs",), "k", {"text": "apple"})
    assert (await store.aget(("docs",), "k")).value == {"text": "apple"}
    assert [item.key for item in await store.asearch(("docs",), query="apple")] == ["k"]
    assert await store.alist_namespaces() == [("docs",)]
    await store.adelete(("docs",), "k")
    assert await store.aget(("docs",), "k") is None
