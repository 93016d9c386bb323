"""A desk to write at: a vault, and the few values that every test of one needs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any
from uuid import UUID

import numpy as np

from memos_core.cube.clock import HybridClock
from memos_core.cube.interval import Granularity, Interval
from memos_core.cube.memcube import Content, Kind, State, TimeMention
from memos_core.cube.namespace import namespace
from memos_core.cube.operation import Operation
from memos_core.cube.payload import Plaintext
from memos_core.cube.selection import Selection
from memos_core.operation.author import Author
from memos_core.ports import Batch, EmbeddingSpec, Part, Span, Vault
from memos_core.testing.clock import ManualClock

if TYPE_CHECKING:
    from memos_core.ports import Vector

SPEC = EmbeddingSpec("of-the-test", 4)
OTHER_SPEC = EmbeddingSpec("of-the-test", 6, revision="2")
ALICE = ("alice",)
SECOND = timedelta(seconds=1)


class Desk:
    """A vault under test and an author who writes to it, one operation a second.

    Parameters
    ----------
    vault
        Empty.
    number
        Of the author; authors of different numbers never write alike.
    """

    def __init__(self, vault: Vault, *, number: int = 1) -> None:
        self.vault = vault
        self.clock = ManualClock()
        self.author = Author(f"{number:016x}", HybridClock(self.clock.now))
        self._named = number << 32

    def new_id(self) -> str:
        """A cube id; later ones are greater."""
        self._named += 1
        return str(UUID(int=0x7 << 76 | 0x2 << 62 | self._named))

    def write_put(self, text: str, *, cube: str | None = None, parents: Iterable[str] = (), **fields: Any) -> Operation:
        """Write a put, a second after what was written before, without storing it."""
        self.clock.advance(SECOND)
        return self.author.put(cube or self.new_id(), content(text, **fields), parents=parents)

    def put(
        self,
        text: str,
        *,
        vectors: Sequence[Vector] = (),
        cube: str | None = None,
        parents: Iterable[str] = (),
        **fields: Any,
    ) -> Operation:
        """Write a put and store it."""
        operation = self.write_put(text, cube=cube, parents=parents, **fields)
        self.commit(operation, vectors=vectors)
        return operation

    def move(self, operation: Operation, state: State, *, parents: Iterable[str] | None = None) -> Operation:
        """Store a change of state of the cube that an operation belongs to."""
        self.clock.advance(SECOND)
        seen = [operation.id] if parents is None else parents
        moved = self.author.move(operation.cube, state, parents=seen, reason="test")
        self.commit(moved)
        return moved

    def write_erase(self, operation: Operation) -> Operation:
        """Write the erasure of the cube that an operation belongs to, without storing it."""
        self.clock.advance(SECOND)
        return self.author.erase(operation.cube, parents=[operation.id], reason="test")

    def erase(self, operation: Operation) -> Operation:
        """Store an erasure of the cube that an operation belongs to."""
        erased = self.write_erase(operation)
        self.commit(erased)
        return erased

    def commit(self, *operations: Operation, vectors: Sequence[Vector] = ()) -> int:
        """Store operations, the vectors as parts of the first."""
        parts = {operations[0].id: parts_of(operations[0], vectors)} if vectors else {}
        return self.vault.commit(Batch(operations, parts, SPEC if vectors else None))

    def texts(self, selection: Selection) -> list[str]:
        """Texts of the admitted cubes, the latest first."""
        return [cube.text for cube in self.vault.select(selection, limit=1000)]


def content(text: str, **fields: Any) -> Content:
    """A content in the namespace ``alice``, unless the fields say otherwise."""
    fields["namespace"] = namespace(fields.get("namespace", ALICE))
    return Content(**{"kind": Kind.EPISODE, "payload": Plaintext(text=text)} | fields)


def alice(**tests: Any) -> Selection:
    """The selection of what is Alice's."""
    return Selection(**{"namespace": ALICE} | tests)


def vector(*numbers: float) -> Vector:
    """A vector in the direction of the numbers, of length one."""
    exact = np.array(numbers, np.float64)
    whole: Vector = (exact / np.linalg.norm(exact)).astype(np.float32)
    return whole


def parts_of(operation: Operation, vectors: Sequence[Vector]) -> list[Part]:
    """Parts of a put operation, all spanning its whole text; the text embedded for each is told apart by a number."""
    text = operation.value()["payload"]["text"]
    return [Part(Span(0, len(text)), f"{text} {number}", each) for number, each in enumerate(vectors)]


def day(number: int, *, hour: int = 0) -> datetime:
    """A day of May 2023, in UTC."""
    return datetime(2023, 5, number, hour, tzinfo=timezone.utc)


def days(first: int, end: int | None) -> Interval:
    """Days of May 2023, the last one excluded."""
    return Interval(start=day(first), end=None if end is None else day(end), granularity=Granularity.SPAN)


def mention(when: Interval) -> TimeMention:
    """A time expression that means an interval."""
    return TimeMention(text="then", offset=0, when=when)
