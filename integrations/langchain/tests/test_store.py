"""The store: what LangGraph's public tests ask of one, and where LangGraph's SQLite store errs."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from langgraph.store.base import (
    BaseStore,
    GetOp,
    InvalidNamespaceError,
    ListNamespacesOp,
    MatchCondition,
    PutOp,
    SearchOp,
)

from memos_core import MemOS, State
from memos_core.errors import InvalidInput
from memos_langchain import MemOSStore


@pytest.fixture
def store(memos: MemOS) -> MemOSStore:
    return MemOSStore(memos)


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
    """From the tenth of 20 items on, LangGraph's SQLite store gives none."""
    fill(store, 20)
    pages = [store.search(("docs",), query="apple", limit=5, offset=offset) for offset in (0, 5, 10, 15, 20)]
    assert [len(page) for page in pages] == [5, 5, 5, 5, 0]
    assert len({item.key for page in pages for item in page}) == 20


def test_an_item_with_several_indexed_fields_takes_one_place(memos: MemOS) -> None:
    """Of 20 items with six vectors each, LangGraph's SQLite store gives 4."""
    store = MemOSStore(memos, fields=["a", "b", "c[*].d"])
    for n in range(20):
        cakes = [{"d": f"apple {cake} {n}"} for cake in ("cake", "crumble", "strudel", "bread")]
        store.put(("docs",), str(n), {"a": f"apple {n}", "b": f"apple pie {n}", "c": cakes})
    pages = [store.search(("docs",), query="apple", limit=10, offset=offset) for offset in (0, 10, 20)]
    assert [len(page) for page in pages] == [10, 10, 0]
    assert len({item.key for page in pages for item in page}) == 20


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


def test_infinity_is_a_bound_as_any_other(store: MemOSStore) -> None:
    store.put(("docs",), "k", {"n": 1})
    for wanted, found in [({"$lt": float("inf")}, 1), ({"$gt": float("-inf")}, 1), ({"$gte": float("inf")}, 0)]:
        assert len(store.search(("docs",), filter={"n": wanted})) == found
    assert store.search(("docs",), filter={"n": float("nan")}) == []


def test_a_namespace_may_be_a_list(store: MemOSStore) -> None:
    store.put(["a", "b"], "k", {"v": 1})  # type: ignore[arg-type]
    assert store.get(["a", "b"], "k").namespace == ("a", "b")  # type: ignore[arg-type, union-attr]
    assert store.list_namespaces(prefix=["a"], suffix=["b"]) == [("a", "b")]
    store.delete(["a", "b"], "k")  # type: ignore[arg-type]
    assert store.search(["a"]) == []  # type: ignore[arg-type]


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


def test_one_result_an_operation_in_their_order(store: MemOSStore) -> None:
    fill(store, 3)
    results = store.batch(
        [
            GetOp(("docs",), "01"),
            PutOp(("docs",), "03", {"n": 3}),
            SearchOp(("docs",), filter={"n": 2}),
            ListNamespacesOp(None, None, 10, 0),
            GetOp(("docs",), "03"),
            PutOp(("docs",), "00", None),
            GetOp(("docs",), "00"),
        ]
    )
    assert [getattr(results[0], "value", None), results[1]] == [{"text": "apple number 1", "n": 1}, None]
    assert [item.key for item in results[2]] == ["02"]  # type: ignore[union-attr]
    assert results[3] == [("docs",)]
    assert results[4:6] == [None, None]  # reads of a batch see nothing of its writes
    assert results[6].key == "00"  # type: ignore[union-attr]
    assert (store.get(("docs",), "00"), bool(store.get(("docs",), "03"))) == (None, True)


def test_the_last_put_of_a_key_in_a_batch_counts(store: MemOSStore) -> None:
    store.batch([PutOp(("docs",), "k", {"v": 1}), PutOp(("docs",), "k", None), PutOp(("docs",), "k", {"v": 2})])
    assert store.search(("docs",))[0].value == {"v": 2}
    store.batch([PutOp(("docs",), "k", {"v": 3}), PutOp(("docs",), "k", None)])
    assert store.search(("docs",)) == []


def letters(texts: list[str]) -> list[list[float]]:
    """Vectors that count letters: their lengths differ, as those for an inner product do."""
    return [[float(text.count(letter)) for letter in "abcdefgh"] for text in texts]


def test_the_nearest_comes_first_and_the_farthest_last() -> None:
    """LangGraph's SQLite store gives the farthest first under L2."""
    with MemOS.open(":memory:", embedder=letters) as memos:
        store = MemOSStore(memos, fields=["text"])
        for text in ("bbbb", "abbb", "aabb", "aaab", "aaaa"):
            store.put(("docs",), text, {"text": text})
        assert [item.key for item in store.search(("docs",), query="aaaa")] == ["aaaa", "aaab", "aabb", "abbb", "bbbb"]


def test_a_long_vector_is_not_near_for_its_length() -> None:
    """For an inner product, LangGraph's SQLite store computes L1, by which short vectors are near to short ones."""
    with MemOS.open(":memory:", embedder=letters) as memos:
        store = MemOSStore(memos, fields=["text"])
        for text in ("a" * 40 + "b" * 40, "a" * 9, "ab", "b"):
            store.put(("docs",), text, {"text": text})
        keys = [item.key for item in store.search(("docs",), query="aa")]
        assert (keys[0], keys[-1]) == ("a" * 9, "b")


@pytest.mark.parametrize("query", ["aaaaaa", "bbbbbb", "cccccc", "dddddd"])
def test_every_value_of_a_field_has_a_vector_of_its_own_and_the_best_decides(query: str) -> None:
    with MemOS.open(":memory:", embedder=letters) as memos:
        store = MemOSStore(memos, fields=["a", "b[*].c"])
        mixed = {"aaaaaa": "aaab", "bbbbbb": "bbba", "cccccc": "cccb", "dddddd": "ddda"}
        store.put(("docs",), "several", {"a": "aaaa", "b": [{"c": "bbbb"}, {"c": "cccc"}, {"c": "dd\fdd"}]})
        store.put(("docs",), "one", {"a": mixed[query]})  # nearer than all fields of the other together
        assert [item.key for item in store.search(("docs",), query=query)] == ["several", "one"]


def test_the_whole_value_has_one_vector() -> None:
    with MemOS.open(":memory:", embedder=letters) as memos:
        store = MemOSStore(memos)
        store.put(("docs",), "mixed", {"a": "aaaa", "b": "bbbb"})
        store.put(("docs",), "nearer", {"a": "aaa", "b": ""})
        assert [item.key for item in store.search(("docs",), query="aaaaaa")] == ["nearer", "mixed"]


def test_an_item_found_by_its_question_comes_first(store: MemOSStore) -> None:
    for key, asked in {"1": "What does Ana eat?", "2": "What does Bob eat at noon?"}.items():
        store.put(("faq",), key, {"question": asked, "answer": "Ramen"}, index=["question"])
    assert [item.key for item in store.search(("faq",), query="What does Ana eat?")] == ["1", "2"]


def test_each_field_of_an_item_finds_it(memos: MemOS) -> None:
    store = MemOSStore(memos, fields=["title", "notes[*].text", "author.name"])
    store.put(
        ("docs",), "1", {"title": "zebra", "notes": [{"text": "apple"}, {"text": "plum"}], "author": {"name": "Ada"}}
    )
    store.put(("docs",), "2", {"title": "crow"})
    for query in ("zebra", "apple", "plum", "Ada"):
        assert [item.key for item in store.search(("docs",), query=query, limit=1)] == ["1"]


def test_paths_of_one_put_go_before_those_of_the_store(memos: MemOS) -> None:
    store = MemOSStore(memos, fields=["title"])
    store.put(("docs",), "1", {"title": "zebra", "tags": ["x", "apple"]}, index=["tags[-1]"])
    assert store._memos.list(namespace="langgraph")[0].text == "apple"


def test_a_path_that_leads_nowhere_indexes_nothing(memos: MemOS) -> None:
    store = MemOSStore(memos, fields=["missing[*].text"])
    store.put(("docs",), "1", {"title": "zebra"})
    assert store.search(("docs",), query="zebra") == []
    assert store.get(("docs",), "1")


def test_a_changed_value_is_found_by_what_it_is_now(store: MemOSStore) -> None:
    store.put(("docs",), "1", {"text": "zebras on the run"})
    store.put(("docs",), "2", {"text": "crows in the field"})
    store.put(("docs",), "1", {"text": "apples in the box"})
    assert store.search(("docs",), query="zebras")[0].score < store.search(("docs",), query="apples")[0].score  # type: ignore[operator]
    assert store.search(("docs",), query="apples")[0].key == "1"


@pytest.mark.parametrize("query", [None, "", "  "])
def test_without_a_question_the_latest_change_comes_first(store: MemOSStore, query: str | None) -> None:
    fill(store, 3)
    store.put(("docs",), "00", {"text": "changed"})
    assert [item.key for item in store.search(("docs",), query=query)] == ["00", "02", "01"]
    assert {item.score for item in store.search(("docs",), query=query)} == {None}


def test_a_question_in_an_empty_place_finds_nothing(store: MemOSStore) -> None:
    assert store.search(("nowhere",), query="anything") == []
    assert store.search((), query="anything", limit=0) == []


@pytest.mark.parametrize(("limit", "offset"), [(-1, 0), (5, -1)])
def test_pages_that_are_none_are_refused(store: MemOSStore, limit: int, offset: int) -> None:
    with pytest.raises(InvalidInput, match="limit and offset"):
        store.search(("docs",), limit=limit, offset=offset)


def test_values_in_every_script_come_back(store: MemOSStore) -> None:
    value = {
        "text": "这是中文",
        "emoji": "\U0001f980",
        "arabic": "\u0627\u0644\u0639\u0631\u0628\u064a\u0629",
        "ключ": "значение",
    }
    store.put(("用户", "Ана"), "ключ", value)
    assert store.get(("用户", "Ана"), "ключ").value == value  # type: ignore[union-attr]
    assert store.search(("用户",), filter={"ключ": "значение"})[0].value == value
    assert store.search(("用户",), query="中文")[0].key == "ключ"


@pytest.mark.parametrize("key", ["with-hyphen", "2024", "a b", "quo'te", 'dou"ble', "per%cent", "under_score", "a.b"])
def test_any_key_can_be_filtered_by(store: MemOSStore, key: str) -> None:
    store.put(("docs",), "yes", {key: "x"})
    store.put(("docs",), "no", {key: "y"})
    assert [item.key for item in store.search(("docs",), filter={key: "x"})] == ["yes"]


def test_a_dotted_key_leads_into_a_value_that_does_not_have_it(store: MemOSStore) -> None:
    store.put(("docs",), "in", {"a": {"b": 1}})
    store.put(("docs",), "flat", {"a.b": 1})
    store.put(("docs",), "other", {"a": {"b": 2}})
    assert {item.key for item in store.search(("docs",), filter={"a.b": 1})} == {"in", "flat"}


@pytest.mark.parametrize("prefix", ["a%", "a_", "a*", "a?", "[a]", "%", "*", "_"])
def test_signs_of_patterns_mean_themselves_in_labels(store: MemOSStore, prefix: str) -> None:
    for label in ("a", "ab", "abc", prefix):
        store.put((label,), "k", {"v": 1})
    assert {item.namespace for item in store.search((prefix,))} == {(prefix,)}


def test_labels_that_differ_by_a_line_break_are_two(store: MemOSStore) -> None:
    store.put(("a",), "k", {"v": 1})
    store.put(("a\n",), "k", {"v": 2})
    assert [item.value for item in store.search(("a\n",))] == [{"v": 2}]
    assert store.list_namespaces() == [("a",), ("a\n",)]


def test_namespaces_are_listed_by_their_ends_and_depth_and_page_by_page(store: MemOSStore) -> None:
    for namespace in [("a", "b", "c"), ("a", "b", "d"), ("a", "x", "c"), ("b", "b", "c"), ("ab", "c")]:
        store.put(namespace, "k", {"v": 1})
    assert store.list_namespaces(prefix=("a",)) == [("a", "b", "c"), ("a", "b", "d"), ("a", "x", "c")]
    assert store.list_namespaces(prefix=("*", "b")) == [("a", "b", "c"), ("a", "b", "d"), ("b", "b", "c")]
    assert store.list_namespaces(suffix=("*", "c"), prefix=("a",)) == [("a", "b", "c"), ("a", "x", "c")]
    assert store.list_namespaces(max_depth=1) == [("a",), ("ab",), ("b",)]
    assert store.list_namespaces(max_depth=2, limit=2, offset=1) == [("a", "x"), ("ab", "c")]
    assert store.list_namespaces(prefix=("a", "b", "c", "d")) == []
    with pytest.raises(ValueError, match="match type"):
        store.batch([ListNamespacesOp((MatchCondition("middle", ("a",)),), None, 10, 0)])  # type: ignore[arg-type]


def test_pages_of_namespaces_fit_together_at_every_depth(store: MemOSStore) -> None:
    puts = [PutOp((f"u{n % 7}", f"t{n % 3}", str(n)), "k", {"v": n}) for n in range(21)]
    store.batch(puts)
    store.batch([PutOp(puts[0].namespace, "k", None)])
    for depth, known in [(None, 20), (3, 20), (2, 20), (1, 7)]:
        whole = store.list_namespaces(max_depth=depth)
        pages = [store.list_namespaces(max_depth=depth, limit=3, offset=offset) for offset in range(0, 24, 3)]
        assert [labels for page in pages for labels in page] == whole
        assert len(set(whole)) == len(whole) == known


def test_namespaces_are_listed_by_one_question_however_many_there_are(
    store: MemOSStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(5):
        store.put((f"u{n}",), "k", {"v": n})
    asked: list[str] = []
    for name in ("namespaces", "list", "count", "get"):
        whole = getattr(store._memos, name)
        monkeypatch.setattr(store._memos, name, lambda *_, _n=name, _w=whole, **kw: (asked.append(_n), _w(**kw))[1])
    assert len(store.list_namespaces()) == 5
    assert asked == ["namespaces"]


def test_namespaces_that_hold_nothing_any_more_are_not_listed(store: MemOSStore) -> None:
    for label in ("deleted", "forgotten", "kept"):
        store.put((label,), "k", {"v": 1})
    store.delete(("deleted",), "k")
    [cube] = store._memos.list(namespace="langgraph/forgotten")
    store._memos.forget(cube.id)
    assert store.list_namespaces() == [("kept",)]
    store.put(("forgotten",), "k", {"v": 2})
    assert store.list_namespaces() == [("forgotten",), ("kept",)]


def test_an_item_that_was_forgotten_is_there_again_when_it_is_put_again(store: MemOSStore) -> None:
    store.put(("docs",), "k", {"v": 1})
    [cube] = store._memos.list(namespace="langgraph")
    for value in ({"v": 1}, {"v": 2}):
        store._memos.forget(cube.id)
        assert store.get(("docs",), "k") is None
        store.put(("docs",), "k", value)
        assert store.get(("docs",), "k").value == value  # type: ignore[union-attr]
    store._memos.forget(cube.id)
    store.delete(("docs",), "k")
    assert store._memos.list(namespace="langgraph", states=list(State)) == []


def test_memories_that_others_put_there_are_no_items(store: MemOSStore) -> None:
    store.put(("docs",), "k", {"v": "apple"})
    store._memos.add("An apple a day", namespace="langgraph/docs")
    store._memos.add("Another one", namespace="langgraph/elsewhere")
    assert store.list_namespaces() == [("docs",)]
    assert [item.key for item in store.search(("docs",))] == ["k"]
    assert [item.key for item in store.search(("docs",), query="apple")] == ["k"]


def test_an_item_is_no_claim_of_its_user_and_trusted_as_an_agents(store: MemOSStore) -> None:
    store.put(("docs",), "k", {"text": "I live in Paris"})
    [cube] = store._memos.list(namespace="langgraph")
    assert (cube.claims, cube.governance.trust.name) == ((), "AGENT")


def test_an_item_of_nowhere_is_refused_in_batches_too(store: MemOSStore) -> None:
    with pytest.raises(InvalidNamespaceError, match="empty"):
        store.batch([PutOp((), "k", {"v": 1})])


def nested(depth: int) -> Any:
    value: Any = {}
    for _ in range(depth):
        value = {"in": value}
    return value


@pytest.mark.parametrize(
    "put",
    [
        lambda store: store.put(("docs",), "k", nested(100_000)),
        lambda store: store.put(("docs",), "k", {"text": "half \ud83d"}),
        lambda store: store.put(("docs",), "k", {"text": "x" * 2_000_000}),
        lambda store: store.put(("docs",), "k" * 5000, {"v": 1}),
        lambda store: store.put(("docs",), "half \ud83d", {"v": 1}),
        lambda store: store.put(("half \ud83d",), "k", {"v": 1}),
        lambda store: store.put(("docs",) * 40, "k", {"v": 1}),
        lambda store: store.put(("docs",), "k", {"v": 1}, ttl=0),
        lambda store: store.put(("docs",), "k", {"v": 1}, ttl=float("nan")),
        lambda store: store.put(("docs",), "k", {"v": 1}, ttl="5"),
        lambda store: store.put(("docs",), "k", {"v": 1}, ttl=1e300),
        lambda store: store.batch(["no operation"]),
    ],
)
def test_what_cannot_be_kept_is_refused_with_a_typed_error_and_changes_nothing(
    store: MemOSStore, put: Callable[[MemOSStore], object]
) -> None:
    with pytest.raises((InvalidInput, ValueError, InvalidNamespaceError)):
        put(store)
    assert store._memos.stats().operations == 0
