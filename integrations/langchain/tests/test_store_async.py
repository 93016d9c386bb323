"""The async side of the store: many calls at once, calls that are cancelled, threads, and a vault that stays whole."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from langgraph.store.base import GetOp, PutOp, SearchOp

from memos_core import MemOS
from memos_core.errors import VaultClosed
from memos_core.testing.embedders import HashingEmbedder
from memos_langchain import MemOSStore


async def test_the_async_side_does_the_same(memos: MemOS) -> None:
    store = MemOSStore(memos)
    await store.aput(("docs",), "k", {"text": "apple"})
    assert (await store.aget(("docs",), "k")).value == {"text": "apple"}  # type: ignore[union-attr]
    assert [item.key for item in await store.asearch(("docs",), query="apple")] == ["k"]
    assert await store.alist_namespaces() == [("docs",)]
    await store.adelete(("docs",), "k")
    assert await store.aget(("docs",), "k") is None


async def test_both_sides_can_be_used_within_a_running_loop(memos: MemOS) -> None:
    store = MemOSStore(memos)
    store.put(("docs",), "k", {"v": 1})
    await store.aput(("docs",), "k", {"v": 2})
    assert store.get(("docs",), "k").value == {"v": 2}  # type: ignore[union-attr]


async def test_fifty_calls_at_once_are_all_carried_out(tmp_path: Path) -> None:
    with MemOS.open(tmp_path / "m.db", embedder=HashingEmbedder()) as memos:
        store = MemOSStore(memos)
        await asyncio.gather(*(store.aput(("docs", str(n % 5)), str(n), {"text": f"apple {n}"}) for n in range(50)))
        found = await asyncio.gather(
            *(store.aget(("docs", str(n % 5)), str(n)) for n in range(25)),
            *(store.asearch(("docs", str(n % 5)), query="apple", limit=20) for n in range(25)),
        )
        assert [item.value["text"] for item in found[:25]] == [f"apple {n}" for n in range(25)]  # type: ignore[union-attr]
        assert {len(items) for items in found[25:]} == {10}  # type: ignore[arg-type]
        await asyncio.gather(*(store.aput(("docs", "0"), "same", {"n": n}) for n in range(50)))
        [cube] = memos.list(namespace="langgraph", source_ids=["same"])
        assert (cube.conflicts, len(memos.history(cube.id))) == ((), 50)
        assert memos.verify() == []


async def test_a_large_batch_is_answered_in_order(memos: MemOS) -> None:
    store = MemOSStore(memos)
    await store.abatch([PutOp(("docs",), str(n), {"n": n}) for n in range(300)])
    results = await store.abatch([GetOp(("docs",), str(n)) for n in range(300)] + [SearchOp(("docs",), limit=500)])
    assert [item.value["n"] for item in results[:-1]] == list(range(300))  # type: ignore[union-attr]
    assert len(results[-1]) == 300  # type: ignore[arg-type]


async def test_one_bad_call_among_many_fails_alone(memos: MemOS) -> None:
    store = MemOSStore(memos)
    calls = [store.aput(("docs",), str(n), {"text": "half \ud83d" if n == 7 else "whole"}) for n in range(15)]
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert [n for n, outcome in enumerate(outcomes) if outcome is not None] == [7]
    assert len(await store.asearch(("docs",), limit=50)) == 14


async def test_a_call_that_is_cancelled_leaves_a_whole_item_or_none(memos: MemOS) -> None:
    held, embedding = threading.Event(), HashingEmbedder()

    class Slow(HashingEmbedder):
        def embed(self, texts):  # type: ignore[no-untyped-def]
            held.wait(30)
            return embedding.embed(texts)

    with MemOS.open(":memory:", embedder=Slow()) as slow:
        store = MemOSStore(slow)
        task = asyncio.create_task(store.aput(("docs",), "k", {"text": "apple"}))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert slow.list(namespace="langgraph") == []
        held.set()
        await store.aput(("docs",), "other", {"text": "plum"})  # the store goes on
        await asyncio.to_thread(store.put, ("docs",), "k", {"text": "apple"})
        assert {item.key for item in store.search(("docs",), query="apple")} == {"k", "other"}
        assert slow.verify() == []


def test_threads_and_loops_share_one_store(memos: MemOS) -> None:
    store = MemOSStore(memos)

    def work(n: int) -> None:
        if n % 2:
            store.put(("docs",), str(n), {"n": n})
        else:
            asyncio.run(store.aput(("docs",), str(n), {"n": n}))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(24)))
    assert {item.value["n"] for item in store.search(("docs",), limit=50)} == set(range(24))


async def test_after_the_memory_is_closed_the_store_says_so(memos: MemOS) -> None:
    store = MemOSStore(memos)
    memos.close()
    with pytest.raises(VaultClosed):
        store.put(("docs",), "k", {"v": 1})
    with pytest.raises(VaultClosed):
        await store.aget(("docs",), "k")
