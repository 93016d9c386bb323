"""Histories: replicas that write, sleep, jump in time and tell one another some of what they know, in any order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Any

from memos_core.cube.canonical import canonical, sha256
from memos_core.cube.clock import HybridClock, Timestamp
from memos_core.cube.fold import heads, is_erased
from memos_core.cube.memcube import State, Trust
from memos_core.cube.operation import SALT_BYTES, Operation, OperationKind
from memos_core.testing.clock import ManualClock

CUBES = ("c1", "c2")
MAX_STEPS = 16
JUMPS = (1, 40, 60_000, 3_600_000, -1, -60_000, -3_600_000)  # milliseconds; the skew clamp lies in between


@dataclass
class Replica:
    """One writer: its wall clock, its hybrid clock and the operations it holds, in the order of arrival."""

    actor: str
    wall: ManualClock = field(default_factory=ManualClock)
    held: dict[str, Operation] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.clock = HybridClock(self.wall.now)

    def of(self, cube: str) -> list[Operation]:
        """What it holds of a cube."""
        return [operation for operation in self.held.values() if operation.cube == cube]

    def receive(self, operation: Operation) -> None:
        """Take in an operation, as a vault does: bodies may come late, and those of erased cubes go."""
        known = self.held.get(operation.id)
        if known is None or known.body is None:
            self.held[operation.id] = operation
        self.clock.observe(operation.hlc)
        if is_erased(self.of(operation.cube)):
            for each in self.of(operation.cube):
                self.held[each.id] = each.without_body()


@dataclass
class History:
    """What came of some steps.

    Attributes
    ----------
    replicas
        With what each holds at the end.
    written
        Every operation, with its body, in the order of writing.
    seen
        Ids of the operations on its cube that the author of an operation held, by operation id.
    story
        The steps in words.
    """

    replicas: tuple[Replica, ...]
    written: list[Operation] = field(default_factory=list)
    seen: dict[str, frozenset[str]] = field(default_factory=dict)
    story: list[str] = field(default_factory=list)

    def views(self) -> list[list[Operation]]:
        """Sets of operations on one cube: what each replica holds of it, and all there is."""
        return [
            view
            for cube in CUBES
            for view in [*(replica.of(cube) for replica in self.replicas), self.all_of(cube)]
            if view
        ]

    def all_of(self, cube: str) -> list[Operation]:
        """Every operation on a cube."""
        return [operation for operation in self.written if operation.cube == cube]


def write(replica: Replica, cube: str, kind: OperationKind, body: Mapping[str, Any], *, salt: bytes) -> Operation:
    """Write an operation by hand, so that nothing in it is left to chance, and keep it."""
    data = canonical(body)
    parents = heads(replica.of(cube))
    fields = {"cube": cube, "kind": kind.value, "hlc": str(replica.clock.tick()), "actor": replica.actor}
    header = canonical({**fields, "parents": list(parents), "body": sha256(salt, data)})
    operation = Operation.parse(header, data, salt)
    replica.receive(operation)
    return operation


def random_history(random: Random) -> History:
    """Make up a history: puts of any trust, changes of state, erasures, clock jumps and partial deliveries."""
    replicas = tuple(Replica(f"{number:016x}") for number in range(1, random.randint(2, 4) + 1))
    history = History(replicas)
    for _ in range(random.randint(1, MAX_STEPS)):
        step = random.choice(_STEPS)
        history.story.append(step(history, random))
    return history


def _put(history: History, random: Random) -> str:
    trust = random.choice([Trust.TOOL, Trust.USER, Trust.USER])
    payload = {"type": "plaintext", "text": f"text {len(history.written)}", "font": {"from": "a newer release"}}
    governance = {"trust": trust.name.lower(), "from_a_newer_release": True}
    body = {"namespace": ["n"], "kind": "fact", "payload": payload, "governance": governance, "newer": [1, {"a": None}]}
    return _write(history, random, OperationKind.PUT, body)


def _move(history: History, random: Random) -> str:
    body = {"state": random.choice(list(State)).value, "trigger": random.choice(["use", "shake", None])}
    return _write(history, random, OperationKind.STATE, body)


def _erase(history: History, random: Random) -> str:
    if random.random() < 0.7:  # otherwise few histories would have anything left
        return "nothing erased"
    return _write(history, random, OperationKind.ERASE, {"reason": "test"})


def _write(history: History, random: Random, kind: OperationKind, body: Mapping[str, Any]) -> str:
    replica, cube = random.choice(history.replicas), random.choice(CUBES)
    seen = frozenset(operation.id for operation in replica.of(cube))
    salt = len(history.written).to_bytes(SALT_BYTES, "big")
    operation = write(replica, cube, kind, body, salt=salt)
    history.written.append(operation)
    history.seen[operation.id] = seen
    return f"{replica.actor} {kind.value} {cube} {dict(body).get('state', '')}"


def _jump(history: History, random: Random) -> str:
    replica, jump = random.choice(history.replicas), random.choice(JUMPS)
    replica.wall.advance(timedelta(milliseconds=jump))
    return f"{replica.actor} jumps {jump} ms"


def _deliver(history: History, random: Random) -> str:
    sender, receiver = random.choice(history.replicas), random.choice(history.replicas)
    operations = list(sender.held.values())
    told = random.choices(operations, k=random.randint(1, 2 * len(operations))) if operations else []
    for operation in told:  # some never, some twice, in any order
        receiver.receive(operation)
    return f"{sender.actor} tells {receiver.actor} {len(told)}"


_STEPS = (_put, _put, _put, _move, _move, _erase, _jump, _deliver, _deliver, _deliver)


def timestamps(operations: Iterable[Operation], actor: str) -> list[Timestamp]:
    """Of what one actor wrote, in the order given."""
    return [operation.hlc for operation in operations if operation.actor == actor]


def deliver_everything(history: History, random: Random) -> Sequence[Replica]:
    """Tell copies of the replicas every operation, in an order of their own, with and without its body."""
    copies = [Replica(replica.actor, held=dict(replica.held)) for replica in history.replicas]
    for replica in copies:
        told = [variant for each in history.written for variant in (each, each.without_body())]
        random.shuffle(told)
        for operation in told:
            replica.receive(operation)
    return copies
