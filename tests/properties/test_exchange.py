"""Laws of exchange, over whole vaults: whatever way memories travel, all who have heard of them agree."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from memos_core import MemOS
from memos_core.cube.clock import Timestamp
from memos_core.cube.memcube import Kind, State
from memos_core.cube.operation import Operation, OperationKind
from memos_core.errors import InvalidTransition
from memos_core.ports import Batch
from memos_core.testing.clock import ManualClock
from memos_core.testing.embedders import HashingEmbedder
from memos_core.testing.strategies import newer_bodies

TEXTS = ("The fox is red.", "The owl is white.", "I live in Lisbon.", "I moved to Porto.", "The hare is quick.")
WRITES = ("add", "update", "forget", "revive", "derive", "erase", "tag", "resolve", "freeze")
ROUNDS = 12  # of exchange, in which all must come to rest
EXCHANGES = ("package", "part", "increment", "vault")
Step = tuple[str, int, int, int]
STEPS = st.tuples(st.sampled_from(WRITES + EXCHANGES), st.integers(0, 2), st.integers(0, 7), st.integers(0, 7))


Add = Callable[[str, int], object]  # a text, into the namespace a/0 or a/1


def _plainly(memos: MemOS) -> Add:
    return lambda text, where: memos.add(text, namespace=f"a/{where}")


def through_langgraph(memos: MemOS) -> Add:
    store = pytest.importorskip("memos_langchain").MemOSStore(memos, namespace="a")
    return lambda text, where: store.put((str(where),), text, {"text": text})


def through_llamaindex(memos: MemOS) -> Add:
    adapter = pytest.importorskip("memos_llamaindex").MemOSMemory
    message = pytest.importorskip("llama_index.core.base.llms.types").ChatMessage
    memories = [adapter.from_defaults(memos, namespace=f"a/{where}") for where in range(2)]
    return lambda text, where: memories[where].put(message(text))


def through_mcp(memos: MemOS) -> Add:
    build, client = pytest.importorskip("memos_mcp.server").build, pytest.importorskip("mcp").Client
    servers = [build(memos, namespace=f"a/{where}") for where in range(2)]

    async def call(text: str, where: int) -> None:
        async with client(servers[where]) as session:
            assert not (await session.call_tool("memory_add", {"text": text})).is_error

    return lambda text, where: asyncio.run(call(text, where))


class World:
    """Three vaults, and packages on their way between them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clocks = [ManualClock() for _ in range(3)]
        self.paths = [folder / f"{number}.db" for number in range(3)]
        self.vaults = [
            MemOS.open(path, embedder=HashingEmbedder(), clock=clock)
            for path, clock in zip(self.paths, self.clocks, strict=True)
        ]
        self.count = 0
        self.adds: list[Add] = [_plainly(memos) for memos in self.vaults]

    def take(self, step: Step) -> None:
        """Write in a vault, or bring something of it to another."""
        action, who, which, other = step
        memos, clock = self.vaults[who], self.clocks[who]
        clock.advance(timedelta(seconds=which - 2))  # now and then back
        if action in EXCHANGES:
            self.bring(action, who, (who + 1 + other % 2) % 3, which)
            return
        cubes = sorted(memos.list(namespace="a", states=State), key=lambda cube: cube.id)
        if action == "add" or not cubes:
            self.adds[who](f"{TEXTS[which % len(TEXTS)]} {other}", which % 2)
            return
        cube, beside = cubes[which % len(cubes)], cubes[other % len(cubes)]
        calls = {
            "update": lambda: memos.update(cube.id, f"{TEXTS[other % len(TEXTS)]} Again, {who}."),
            "forget": lambda: memos.forget(cube.id),
            "revive": lambda: memos.revive(cube.id),
            "derive": lambda: memos.derive(f"So it is, {other}.", because=sorted({cube.id, beside.id})),
            "erase": lambda: memos.erase(cube.id),
            "tag": lambda: memos.update(cube.id, tags=[f"t{other}"]),
            "resolve": lambda: memos.resolve(cube.id),
            "freeze": lambda: memos.freeze(cube.id),
        }
        try:
            calls[action]()
        except InvalidTransition:
            return

    def bring(self, how: str, giver: int, taker: int, which: int) -> None:
        """Bring what one knows, or a part of it, to another."""
        if how == "vault":
            self.vaults[taker].merge(self.paths[giver])
            return
        self.count += 1
        path = self.folder / f"{self.count}.memcube"
        if how == "part":
            self.vaults[giver].export(path, namespace=f"a/{which % 2}", history=bool(which % 3))
        elif how == "increment":
            self.vaults[giver].export(self.folder / f"{self.count}.first")
            first = self.vaults[giver].export(path, namespace="a/0")
            path = self.folder / f"{self.count}.later"
            self.vaults[giver].export(path, since=first.model_copy(update={"until": first.until // 2}))
        else:
            self.vaults[giver].export(path)
        self.vaults[taker].load(path)
        if which % 2:
            assert self.vaults[taker].load(path).operations == 0

    def settle(self) -> None:
        """Exchange everything until nobody hears anything new, which must not go on for ever."""
        for _ in range(ROUNDS):
            pairs = [(taker, giver) for giver in range(3) for taker in range(3) if giver != taker]
            if sum(self.hears(*pair) for pair in pairs) == 0:
                return
        raise AssertionError("each goes on answering what the other says")

    def hears(self, taker: int, giver: int) -> int:
        """Take in all that another knows; return how many operations were new."""
        return self.vaults[taker].merge(self.paths[giver]).operations

    def view(self, number: int) -> tuple[object, ...]:
        """What a vault holds, and what its searches find."""
        memos = self.vaults[number]
        cubes = memos.list(namespace="a", states=State)
        return (
            {op for _, op in memos._vault.log(limit=10_000)},
            cubes,
            {cube.id: memos.history(cube.id) for cube in cubes},
            memos.conflicts(namespace="a"),
            [(hit.cube.id, hit.score) for text in TEXTS for hit in memos.search(text, namespace="a", limit=4)],
        )

    def close(self) -> None:
        for memos in self.vaults:
            memos.close()


@settings(max_examples=40, deadline=None)
@given(steps=st.lists(STEPS, max_size=14))
@example(steps=[("add", 0, 3, 0), ("add", 1, 7, 0), ("derive", 0, 0, 0)])  # their clocks are apart, and claims disagree
def test_vaults_that_changed_apart_end_equal_however_they_exchange(steps: list[Step]) -> None:
    check(steps, frameworks=False)


@settings(max_examples=15, deadline=None)
@given(steps=st.lists(STEPS, min_size=4, max_size=14))
def test_so_do_vaults_that_were_written_through_langgraph_llamaindex_and_mcp(steps: list[Step]) -> None:
    check([("add", who, 2 * who, who) for who in range(3)] + steps, frameworks=True)


def check(steps: list[Step], *, frameworks: bool) -> None:
    with TemporaryDirectory() as folder:
        world = World(Path(folder))
        if frameworks:
            ways = (through_langgraph, through_llamaindex, through_mcp)
            world.adds = [way(memos) for way, memos in zip(ways, world.vaults, strict=True)]
        try:
            for step in steps:
                world.take(step)
            world.settle()
            for clock in world.clocks:
                clock.advance(max(each.now() for each in world.clocks) - clock.now())
            views = [world.view(number) for number in range(3)]
            assert views[0] == views[1] == views[2]
            assert all(memos.verify() == [] for memos in world.vaults)
        finally:
            world.close()


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(bodies=st.lists(newer_bodies(), min_size=5, max_size=5))
def test_a_round_trip_keeps_every_operation_and_unknown_field(bodies: list[dict[str, object]]) -> None:
    """20 times 5 generated bodies, of each of 10 kinds, as a newer release might write them."""
    bodies = [{**body, "kind": kind.value} for body in bodies for kind in Kind]
    with TemporaryDirectory() as folder, MemOS.open(":memory:", embedder=HashingEmbedder()) as first:
        made = [
            Operation.create(
                cube=f"c{number}", kind=OperationKind.PUT, hlc=Timestamp(1, number), actor="newer", body=body
            )
            for number, body in enumerate(bodies)
        ]
        first._vault.commit(Batch(made))
        first.export(Path(folder) / "there")
        with MemOS.open(":memory:", embedder=HashingEmbedder()) as second:
            second.load(Path(folder) / "there")
            second.export(Path(folder) / "back")
            assert {op for _, op in second._vault.log(limit=10_000)} == set(made)
        first.load(Path(folder) / "back")
        assert {op for _, op in first._vault.log(limit=10_000)} == set(made)
        with MemOS.open(":memory:", embedder=HashingEmbedder()) as third:
            third.load(Path(folder) / "back")
            assert {op for _, op in third._vault.log(limit=10_000)} == set(made)
