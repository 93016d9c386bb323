"""What MemOS gives back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import AwareDatetime, SerializeAsAny

from memos_core.cube.claim import Claim
from memos_core.cube.frozen import Frozen
from memos_core.cube.interval import Interval
from memos_core.cube.memcube import Content, MemCube, State
from memos_core.cube.namespace import Namespace
from memos_core.cube.operation import OperationKind


class Hit(Frozen):
    """One recalled memory.

    Attributes
    ----------
    score
        Higher is better; comparable within one search only.
    why
        The share of the score that each signal gave; the shares add up to the score.
    source_ids
        Ids of the messages or documents it rests on, best first.
    outdated_by
        Ids of cubes that replace what this one claims and the question asks for, the latest first.
    """

    cube: MemCube
    score: float
    why: dict[str, float]
    source_ids: tuple[str, ...]
    outdated_by: tuple[str, ...] = ()


class Context(Frozen):
    """Recalled memories as text for a model.

    Attributes
    ----------
    tokens
        Length of ``text`` by the embedder's tokenizer, or by a cautious estimate without one.
    hits
        The memories in it, best first; at last those that only the context before had found.
    left_out
        How many of the hits did not fit into the budget.
    order
        Ids of the memories in the order in which the text has them: that of their time, but for what was kept in its
        place.
    """

    text: str
    hits: tuple[Hit, ...]
    tokens: int
    left_out: int = 0
    order: tuple[str, ...] = ()


class Added(Frozen):
    """What ``add`` did.

    Attributes
    ----------
    written
        New cubes, and new versions of cubes.
    unchanged
        Cubes that held the same content already; nothing was written for them.
    superseded
        Versions that the written ones replaced, and versions of other cubes of which they replace a claim.
    conflicts
        Versions that contradict what was written and have no order to it.
    """

    written: tuple[MemCube, ...]
    unchanged: tuple[MemCube, ...] = ()
    superseded: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids of the written and unchanged cubes."""
        return tuple(cube.id for cube in (*self.written, *self.unchanged))


class Change(Frozen):
    """One operation of a cube's history, readable.

    Attributes
    ----------
    version
        Id of the operation.
    cube_id
        Of which memory.
    at
        When it was learnt, in UTC.
    content
        What it put; ``None`` for other kinds, and once erased.
    state, trigger
        What it moved the cube to, and by what; ``None`` for other kinds.
    """

    version: str
    cube_id: str
    kind: OperationKind
    at: AwareDatetime
    actor: str
    parents: tuple[str, ...]
    content: Content | None = None
    state: State | None = None
    trigger: str | None = None
    reason: str | None = None


class Difference(Frozen):
    """What changed in one field between two versions."""

    field: str
    before: object
    after: object


class Snapshot(Frozen):
    """A name for a moment, to come back to.

    Attributes
    ----------
    namespace
        What it is of, with all below it; empty for the whole vault.
    at
        In UTC. What was learnt until then belongs to it, and nothing later does.
    """

    name: str
    namespace: Namespace
    at: AwareDatetime


class Contrast(Frozen):
    """How a memory differs between two moments, or by what is to be done to it.

    Attributes
    ----------
    cube_id
        Of which memory.
    before, after
        ``None`` where there is none; what is about to be written has no state yet.
    differences
        Fields of the content that differ, by name, and ``"state"``.
    kept
        Why it stays as it is nevertheless; empty if it does not.
    """

    cube_id: str
    before: SerializeAsAny[Content] | None
    after: SerializeAsAny[Content] | None
    differences: tuple[Difference, ...] = ()
    kept: str = ""


class Why(Frozen):
    """A memory and what it rests on, down to what rests on nothing.

    Attributes
    ----------
    version
        That was built on; of the memory asked about, the present one.
    cube
        As it is now; ``None`` if it is erased, or has never been here.
    holds
        Whether it carries what rests on it.
    standing
        ``"holds"``, ``"stale"`` or ``"fallen"``: whether what it rests on carries it.
    justifications
        Sets of premises; it stands while all of one set hold.
    """

    version: str
    cube: MemCube | None
    holds: bool
    standing: str
    justifications: tuple[tuple[Why, ...], ...] = ()


class Impact(Frozen):
    """What would become of a memory if others were gone: ``"stale"`` or ``"fallen"``."""

    cube: MemCube
    standing: str


@dataclass(frozen=True)
class Belief:
    """One claim of one cube, and what has become of it.

    Attributes
    ----------
    when
        Its valid time; ``None`` if nothing is known of it.
    about
        Its subject as a key, the same for all names of one.
    is_over
        Its time has ended.
    outdated_by, conflicts_with
        Ids of cubes whose claims replace it, the latest first, or contradict it without an order.
    """

    cube: MemCube
    claim: Claim
    when: Interval | None
    about: str
    is_over: bool = False
    outdated_by: tuple[str, ...] = ()
    conflicts_with: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether nothing speaks against it."""
        return not (self.is_over or self.outdated_by)


class Receipt(Frozen):
    """Proof of an erasure: what is left of it, and nothing of what was erased.

    Attributes
    ----------
    cubes
        Ids of all that was erased.
    derived
        Those of them that were not named: they rested on the others, and on nothing else that holds.
    operations
        Ids of the erasing operations.
    at
        When it was done, in UTC.
    pending
        Somebody reads the file at this moment, or the transaction is not over: no answer shows what was erased, and its
        last bytes leave the log with the first write after that.
    """

    cubes: tuple[str, ...]
    derived: tuple[str, ...] = ()
    operations: tuple[str, ...]
    at: AwareDatetime
    pending: bool = False


@dataclass(frozen=True)
class Damage:
    """Something that ``verify`` found wrong."""

    where: str
    what: str


@dataclass(frozen=True)
class VaultStats:
    """Counts and sizes; ``size``, and ``blob_size`` of the blobs beside it, in bytes."""

    cubes: int
    operations: int
    unembedded: int
    conflicts: int
    size: int
    schema: int
    by_kind: Mapping[str, int]
    by_state: Mapping[str, int]
    by_namespace: Mapping[str, int]
    blobs: int = 0
    blob_size: int = 0
