"""Items of other stores move here: LangGraph's own, filled by LangGraph."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from langgraph.store.base import BaseStore, Item, PutOp
from langgraph.store.memory import InMemoryStore
from langgraph.store.sqlite import AsyncSqliteStore, SqliteStore

from memos_core import MemOS
from memos_core.testing.clock import ManualClock
from memos_core.testing.embedders import HashingEmbedder
from memos_langchain import MemOSStore


def sqlite(folder: Path) -> Iterator[BaseStore]:
    with SqliteStore.from_conn_string(str(folder / "old.db")) as store:
        store.setup()
        yield store


def memory(folder: Path) -> Iterator[BaseStore]:
    yield InMemoryStore()


@pytest.fixture(params=[memory, sqlite])
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[BaseStore]:
    yield from request.param(tmp_path)


@pytest.fixture
def memos() -> Iterator[MemOS]:
    """A memory whose present is a year after what is moved into it."""
    later = ManualClock(datetime.now(timezone.utc) + timedelta(days=365))
    with MemOS.open(":memory:", embedder=HashingEmbedder(), clock=later) as opened:
        yield opened


def fill(store: BaseStore) -> None:
    store.put(("users", "bob"), "drink", {"text": "Bob drinks mate", "sure": True})
    store.put(("users", "ana"), "food", {"text": "Ana loves ramen", "deep": {"a": [1, None]}})
    store.put(("users", "ana", "notes"), "food", {"n": 7})


def shown(item: Item | None) -> tuple[Any, ...]:
    """All of an item; LangGraph's SQLite store gives times of UTC that do not say so."""
    assert item
    times = [
        each.replace(tzinfo=timezone.utc) if each.tzinfo is None else each
        for each in (item.created_at, item.updated_at)
    ]
    return (item.namespace, item.key, item.value, *times)


def everything(store: BaseStore) -> list[tuple[Any, ...]]:
    return sorted((shown(item) for item in store.search((), limit=1000)), key=lambda item: item[:2])


def test_every_item_arrives_with_its_place_value_and_times(memos: MemOS, old: BaseStore) -> None:
    fill(old)
    store = MemOSStore(memos)
    assert store.take_in(old) == 3
    assert everything(store) == everything(old)
    assert shown(store.get(("users", "ana"), "food")) == shown(old.get(("users", "ana"), "food"))
    assert store.search(("users",), query="Who loves ramen?")[0].key == "food"
    [cube] = memos.list(namespace="langgraph/users/bob")
    assert cube.said_at == shown(old.get(("users", "bob"), "drink"))[3]


def test_moving_again_takes_over_what_has_changed_and_nothing_twice(memos: MemOS, old: BaseStore) -> None:
    fill(old)
    store = MemOSStore(memos)
    store.take_in(old)
    old.put(("users", "bob"), "drink", {"text": "Bob drinks tea"})
    old.put(("users", "cleo"), "pet", {"text": "a cat"})
    assert store.take_in(old) == 4
    assert everything(store) == everything(old)
    assert [len(memos.history(cube.id)) for cube in memos.list(namespace="langgraph/users/ana")] == [1, 1]


def test_what_was_changed_last_is_listed_first_as_it_was(memos: MemOS) -> None:
    old = InMemoryStore()
    for n in range(450):
        old.put(("a" if n % 2 else "b",), str(n), {"n": n})
    old.put(("b",), "0", {"n": 0})
    store = MemOSStore(memos)
    assert store.take_in(old) == 450
    assert [item.value["n"] for item in store.search((), limit=3)] == [0, 449, 448]


def test_an_item_that_is_put_after_it_has_moved_is_as_new_as_the_put(memos: MemOS, old: BaseStore) -> None:
    fill(old)
    store = MemOSStore(memos)
    store.take_in(old)
    store.put(("users", "bob"), "drink", {"text": "Bob drinks tea"})
    item = store.get(("users", "bob"), "drink")
    assert item
    assert item.updated_at >= item.created_at > memos.clock.now() - timedelta(days=1)


def test_a_moved_item_lasts_as_long_as_the_store_says(old: BaseStore) -> None:
    clock = ManualClock(datetime.now(timezone.utc))
    with MemOS.open(":memory:", embedder=HashingEmbedder(), clock=clock) as memos:
        fill(old)
        store = MemOSStore(memos, ttl={"default_ttl": 60, "refresh_on_read": False})
        store.take_in(old)
        assert everything(store) == everything(old)
        clock.advance(timedelta(minutes=61))
        assert everything(store) == []


async def test_an_async_store_moves_too(memos: MemOS, tmp_path: Path) -> None:
    async with AsyncSqliteStore.from_conn_string(str(tmp_path / "old.db")) as old:
        await old.setup()
        await old.abatch([PutOp(("users", "ana"), str(n), {"text": f"dish {n}"}) for n in range(3)])
        store = MemOSStore(memos)
        assert await asyncio.to_thread(store.take_in, old) == 3
    assert {item.key for item in store.search(("users", "ana"))} == {"0", "1", "2"}


@pytest.mark.parametrize("make", [InMemoryStore])
def test_and_back(memos: MemOS, make: Callable[[], BaseStore]) -> None:
    store, back = MemOSStore(memos), make()
    fill(store)
    for item in store.search((), limit=10_000):
        back.put(item.namespace, item.key, item.value)
    assert [one[:3] for one in everything(back)] == [one[:3] for one in everything(store)]
