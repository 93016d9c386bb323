"""How long items last: as LangGraph's tests of times to live ask, with a clock in the hand."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
from langgraph.store.base import GetOp, SearchOp, TTLConfig

from memos_core import MemOS, MemOSWarning
from memos_core.errors import InvalidInput, NotPermitted, VaultBusy
from memos_core.testing.clock import ManualClock
from memos_core.testing.embedders import HashingEmbedder
from memos_langchain import MemOSStore

DOCS = ("docs",)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def memos(clock: ManualClock) -> Iterator[MemOS]:
    with MemOS.open(":memory:", embedder=HashingEmbedder(), clock=clock) as opened:
        yield opened


def made(memos: MemOS, **ttl: object) -> MemOSStore:
    return MemOSStore(memos, ttl=TTLConfig(**ttl))  # type: ignore[typeddict-item]


def keys(store: MemOSStore, **search: object) -> list[str]:
    return sorted(item.key for item in store.search(DOCS, **search))  # type: ignore[arg-type]


def test_an_item_is_gone_when_its_time_is_over_and_others_stay(memos: MemOS, clock: ManualClock) -> None:
    store = MemOSStore(memos)
    store.put(DOCS, "short", {"text": "apple"}, ttl=5)
    store.put(DOCS, "long", {"text": "apple"}, ttl=60)
    store.put(DOCS, "ever", {"text": "apple"})
    clock.advance(5 * MINUTE)
    assert store.get(DOCS, "short") is None
    assert keys(store, refresh_ttl=False) == keys(store, query="apple", refresh_ttl=False) == ["ever", "long"]
    clock.advance(55 * MINUTE)
    assert keys(store) == ["ever"]


def test_the_time_of_the_store_holds_where_a_put_says_none(memos: MemOS, clock: ManualClock) -> None:
    store = made(memos, default_ttl=5, refresh_on_read=False)
    store.put(DOCS, "default", {"v": 1})
    store.put(DOCS, "own", {"v": 1}, ttl=10)
    store.put(DOCS, "ever", {"v": 1}, ttl=None)
    clock.advance(5 * MINUTE)
    assert keys(store) == ["ever", "own"]
    clock.advance(5 * MINUTE)
    assert keys(store) == ["ever"]


@pytest.mark.parametrize(
    "read",
    [
        lambda store: store.get(DOCS, "k"),
        lambda store: store.search(DOCS),
        lambda store: store.search(DOCS, query="apple"),
        lambda store: store.batch([GetOp(DOCS, "k")]),
        lambda store: store.batch([SearchOp(DOCS)]),
    ],
)
def test_a_read_lets_the_time_begin_anew(memos: MemOS, clock: ManualClock, read: object) -> None:
    store = MemOSStore(memos)
    store.put(DOCS, "k", {"text": "apple"}, ttl=5)
    first = store.get(DOCS, "k")
    for _ in range(3):
        clock.advance(4 * MINUTE)
        read(store)  # type: ignore[operator]
    clock.advance(4 * MINUTE)
    now = store.get(DOCS, "k")
    assert now
    assert first
    assert (now.created_at, now.updated_at) == (first.created_at, first.updated_at)  # a read is no change


def test_a_read_that_is_not_to_lets_it_not_begin_anew(memos: MemOS, clock: ManualClock) -> None:
    for store in (
        MemOSStore(memos, namespace="one"),
        MemOSStore(memos, namespace="two", ttl={"refresh_on_read": False}),
    ):
        store.put(DOCS, "k", {"v": 1}, ttl=5)
    clock.advance(4 * MINUTE)
    assert MemOSStore(memos, namespace="one").get(DOCS, "k", refresh_ttl=False)
    assert MemOSStore(memos, namespace="two", ttl={"refresh_on_read": False}).get(DOCS, "k")
    clock.advance(1 * MINUTE)
    assert MemOSStore(memos, namespace="one").get(DOCS, "k") is None
    assert MemOSStore(memos, namespace="two").get(DOCS, "k") is None


def test_no_item_is_older_than_its_last_change() -> None:
    with MemOS.open(":memory:", embedder=HashingEmbedder()) as memos:  # with a clock that runs
        store = MemOSStore(memos)
        for n in range(20):
            store.put(DOCS, str(n), {"n": n}, ttl=5)
        assert all(item.created_at <= item.updated_at for item in store.search(DOCS, limit=50))


def test_who_may_only_read_is_told_so_where_a_read_would_write(memos: MemOS, clock: ManualClock) -> None:
    MemOSStore(memos).put(DOCS, "k", {"v": 1}, ttl=10)
    memos.grant("user:eve", namespace="langgraph", role="reader")
    clock.advance(5 * MINUTE)
    reader = memos.as_principal("user:eve")
    with pytest.raises(NotPermitted):
        MemOSStore(reader).get(DOCS, "k")
    assert MemOSStore(reader, ttl={"refresh_on_read": False}).get(DOCS, "k")


def test_reads_that_follow_at_once_write_nothing(memos: MemOS) -> None:
    store = MemOSStore(memos)
    store.put(DOCS, "k", {"v": 1}, ttl=60)
    for _ in range(10):
        store.get(DOCS, "k")
    assert memos.stats().operations == 1


def test_a_put_without_a_time_lets_an_item_last_for_ever(memos: MemOS, clock: ManualClock) -> None:
    store = MemOSStore(memos)
    store.put(DOCS, "k", {"v": 1}, ttl=5)
    store.put(DOCS, "k", {"v": 1})
    clock.advance(500 * MINUTE)
    assert keys(store) == ["k"]


def test_what_has_expired_is_in_no_page_and_no_list_of_namespaces(memos: MemOS, clock: ManualClock) -> None:
    store = made(memos, omit_expired=True)
    for n in range(20):
        store.put(DOCS, f"{n:02}", {"text": "apple", "n": n}, ttl=5 if n % 2 else None)
    store.put(("gone",), "k", {"v": 1}, ttl=5)
    clock.advance(5 * MINUTE)
    pages = [store.search(DOCS, query="apple", limit=4, offset=offset) for offset in range(0, 12, 4)]
    assert [len(page) for page in pages] == [4, 4, 2]
    assert {item.value["n"] % 2 for page in pages for item in page} == {0}
    assert store.list_namespaces() == [DOCS]


def test_a_store_may_show_what_has_expired_until_it_is_swept(memos: MemOS, clock: ManualClock) -> None:
    store = made(memos, omit_expired=False)
    store.put(DOCS, "k", {"text": "apple"}, ttl=5)
    clock.advance(6 * MINUTE)
    assert keys(store) == keys(store, query="apple") == ["k"]
    assert store.get(DOCS, "k")
    assert store.list_namespaces() == [DOCS]
    assert store.sweep_ttl() == 1  # reading has not brought it back
    assert (keys(store), store.list_namespaces()) == ([], [])


def test_an_expired_key_can_be_put_again_and_deleted(memos: MemOS, clock: ManualClock) -> None:
    store = MemOSStore(memos)
    store.put(DOCS, "k", {"v": 1}, ttl=5)
    clock.advance(6 * MINUTE)
    store.put(DOCS, "k", {"v": 2})
    assert store.get(DOCS, "k").value == {"v": 2}  # type: ignore[union-attr]
    store.put(DOCS, "k", {"v": 3}, ttl=5)
    clock.advance(6 * MINUTE)
    store.delete(DOCS, "k")
    assert memos.list(namespace="langgraph", expired=True) == []


def test_sweeping_erases_what_has_expired_and_nothing_else(memos: MemOS, clock: ManualClock) -> None:
    store = MemOSStore(memos)
    memos.add("The door code is 4711", namespace="elsewhere", ttl=MINUTE)
    store.put(DOCS, "short", {"v": 1}, ttl=1)
    store.put(DOCS, "ticked", {"v": 1}, ttl=1)
    store.put(DOCS, "long", {"v": 1}, ttl=60)
    [ticked] = memos.list(namespace="langgraph", source_ids=["ticked"])
    memos.expire(ticked.id)  # as the scheduler may do before
    clock.advance(2 * MINUTE)
    assert (store.sweep_ttl(), store.sweep_ttl()) == (2, 0)
    assert keys(store) == ["long"]
    assert [change.kind.value for change in memos.history(ticked.id)][-1] == "erase"
    assert len(memos.list(namespace="elsewhere", expired=True)) == 1


def test_a_thread_sweeps_until_it_is_stopped(memos: MemOS, clock: ManualClock) -> None:
    store = made(memos, sweep_interval_minutes=1)
    store.put(DOCS, "k", {"v": 1}, ttl=1)
    clock.advance(2 * MINUTE)
    swept = threading.Event()
    sweep = store.sweep_ttl
    store.sweep_ttl = lambda: (sweep(), swept.set())[0]  # type: ignore[method-assign]
    store.start_ttl_sweeper()
    assert swept.wait(30)
    store.stop_ttl_sweeper()
    store.stop_ttl_sweeper()
    assert memos.list(namespace="langgraph", expired=True) == []


def test_a_sweep_that_fails_is_a_warning_and_is_tried_again(memos: MemOS, monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemOSStore(memos)
    rounds = [VaultBusy(path="m.db", seconds=1.0)]
    done = threading.Event()

    def sweep() -> int:
        if rounds:
            raise rounds.pop()
        done.set()
        return 0

    def work() -> None:
        store.start_ttl_sweeper(0.0001)
        assert done.wait(30)
        store.stop_ttl_sweeper()

    monkeypatch.setattr(store, "sweep_ttl", sweep)
    with pytest.warns(MemOSWarning, match="not swept"):
        work()


@pytest.mark.parametrize("interval", [None, 0, -1])
def test_a_thread_without_an_interval_is_refused(memos: MemOS, interval: float | None) -> None:
    with pytest.raises(InvalidInput, match="sweep_interval_minutes"):
        MemOSStore(memos).start_ttl_sweeper(interval)
