"""The write path: plans become operations, operations get their vectors, and one commit stores them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from memos_core.cube.answer import Added
from memos_core.cube.fold import heads
from memos_core.cube.memcube import Content, Kind, MemCube, State, Trigger
from memos_core.cube.namespace import Namespace
from memos_core.cube.operation import Operation
from memos_core.cube.selection import Selection
from memos_core.operation.author import Author
from memos_core.operation.embedding import parts_of
from memos_core.operation.lifecycle import check_open_to, moved
from memos_core.operation.remembering import Plan, Source, plan_withdrawals, plan_writes, source_of
from memos_core.ports import Batch, Embedder, EmbeddingSpec, Vault

if TYPE_CHECKING:
    from memos_core.ports import Vector

Progress = Callable[[int, int], None]
Known = Callable[[Sequence[str]], "Mapping[str, Vector]"]

LOOKUP = 500  # source ids a query
MARK = "a mark: its source was erased"


@dataclass(frozen=True)
class Gate:
    """What stands between a writer and the vault.

    Attributes
    ----------
    commit
        Stores a batch, or refuses it.
    admit
        Makes of a content what may be stored, or refuses it.
    waits
        Says whether a new memory must wait to be accepted.
    """

    commit: Callable[[Batch], int]
    admit: Callable[[Content], Content] = lambda content: content
    waits: Callable[[Content], bool] = lambda _: False


class Draft(NamedTuple):
    """What is ready to be stored, with its vectors, so that no transaction waits for a model.

    Attributes
    ----------
    written
        Ids of cubes.
    superseded
        Versions that are replaced.
    """

    batch: Batch
    written: tuple[str, ...]
    unchanged: tuple[MemCube, ...]
    superseded: tuple[str, ...]


class Writer:
    """Writes to one vault, under one author.

    Parameters
    ----------
    vault
        What is planned from; it must show all that is there.
    gate
        What all that is written passes; by default nothing is refused.
    embedder
        Called at the first write that needs vectors, so that opening a vault loads no model. Without one, what is
        written waits for ``reembed``.

    Notes
    -----
    Not thread-safe: the caller makes sure that one write is planned and committed at a time.
    """

    def __init__(
        self, vault: Vault, author: Author, embedder: Callable[[], Embedder] | None, *, gate: Gate | None = None
    ) -> None:
        self._vault = vault
        self._gate = gate or Gate(vault.commit)
        self._author = author
        self._embedder = embedder

    def draft(
        self,
        contents: Sequence[Content],
        *,
        previous: MemCube | None,
        now: datetime,
        progress: Progress | None = None,
    ) -> Draft:
        """Prepare contents that were read: new cubes, and new versions of those whose source is known."""
        contents = [self._gate.admit(content) for content in contents]
        known = self._known(contents)
        self._follow_vault()
        plan = plan_writes(contents, known=known, previous=previous, author=self._author, parents=self._heads, now=now)
        withdrawals = plan_withdrawals(contents, known, author=self._author, parents=self._heads)
        batch = self._batch([*plan.operations, *withdrawals, *self._held(plan)], plan.puts, progress)
        return Draft(batch, tuple(plan.written), tuple(plan.unchanged), tuple(plan.superseded))

    def draft_of(self, changes: Sequence[tuple[MemCube, Content]]) -> Draft:
        """Prepare new contents of cubes, each of which replaces all that are there.

        Raises
        ------
        InvalidTransition
            If a cube is frozen or expired.
        """
        puts = []
        for cube, content in changes:
            check_open_to(cube, "changed")
            puts.append((cube, self._gate.admit(content)))
        self._follow_vault()
        written = {self._author.put(cube.id, content, parents=self._heads(cube.id)): content for cube, content in puts}
        batch = self._batch([*written], {put.id: content for put, content in written.items()})
        return Draft(batch, tuple(cube.id for cube, _ in puts), (), tuple(cube.version for cube, _ in puts))

    def store(self, draft: Draft) -> Added:
        """Store what was prepared."""
        if draft.batch.operations:
            self._gate.commit(draft.batch)
        return Added(
            written=tuple(self._vault.get(draft.written)), unchanged=draft.unchanged, superseded=draft.superseded
        )

    def move(self, cube: MemCube, trigger: Trigger, *, reason: str) -> None:
        """Let something happen to a cube.

        Raises
        ------
        InvalidTransition
            If it cannot happen to a cube in this state.
        """
        state = moved(cube, trigger)
        self._follow_vault()
        move = self._author.move(cube.id, state, parents=self._heads(cube.id), reason=reason, trigger=trigger)
        self._gate.commit(Batch([move]))

    def restate(self, cubes: Iterable[MemCube], *, reason: str) -> None:
        """Move cubes to the state in which they are given, and say again what moved them there.

        What is frozen or expired must not be among those that are moved; the caller has seen to that.
        """
        self._follow_vault()
        moves = [
            self._author.move(cube.id, cube.state, parents=self._heads(cube.id), reason=reason, trigger=cube.moved_by)
            for cube in cubes
        ]
        if moves:
            self._gate.commit(Batch(moves))

    def erase(self, cubes: Iterable[MemCube], *, reason: str) -> list[Operation]:
        """Erase cubes for ever, all in one commit.

        Raises
        ------
        InvalidTransition
            If one of them is frozen; then none is erased.
        """
        gone = list(cubes)
        for cube in gone:
            check_open_to(cube, "erased")
        self._follow_vault()
        erasures = [self._author.erase(cube.id, parents=self._heads(cube.id), reason=reason) for cube in gone]
        self._gate.commit(Batch(erasures))
        return erasures

    def mark(self, marks: Iterable[str]) -> None:
        """Note that sources are erased, as part of an erasure that was allowed and recorded."""
        new = [mark for mark in dict.fromkeys(marks) if not self._vault.history(mark)]
        self._vault.commit(Batch([self._author.erase(mark, parents=(), reason=MARK) for mark in new]))

    def embed(
        self, contents: Mapping[str, Content], progress: Progress | None = None, *, known: Known | None = None
    ) -> Batch:
        """Vectors for contents by operation id, as a batch without operations.

        Parameters
        ----------
        known
            Vectors from elsewhere, by text.
        """
        if self._embedder is None:
            return Batch(operations=())
        embedder = self._embedder()

        def held(texts: Sequence[str], spec: EmbeddingSpec) -> Mapping[str, Vector]:
            return {**(known(texts) if known else {}), **self._vault.known_vectors(texts, spec)}

        parts = parts_of(contents, embedder=embedder, known=held, progress=progress)
        return Batch(operations=(), parts=parts, spec=embedder.spec)

    def last_of(self, namespace: Namespace, session: str | None) -> MemCube | None:
        """The latest message of a conversation; ``None`` if it has not begun, or has no name."""
        if session is None:
            return None
        kinds = frozenset({Kind.EPISODE, Kind.TOOL_TRACE})
        conversation = Selection(namespace=namespace, exact=True, session=session, kinds=kinds, states=frozenset(State))
        found = self._vault.select(conversation, limit=1)
        if not found or not found[0].parents:
            return found[0] if found else None
        # What changed last need not be what was said last: an earlier message has a new version.
        said = self._vault.select(conversation, limit=self._vault.count(conversation))
        return max(said, key=lambda cube: (cube.provenance.position or 0, cube.id))

    def _known(self, contents: Sequence[Content]) -> dict[Source, MemCube]:
        """What the vault holds from the same sources, archived or not; what has expired is learnt anew."""
        sources = sorted({content.provenance.source_id for content in contents if content.provenance.source_id})
        found: dict[Source, MemCube] = {}
        for start in range(0, len(sources), LOOKUP):
            wanted = frozenset(sources[start : start + LOOKUP])
            selection = Selection(
                namespace=contents[0].namespace,
                exact=True,
                source_ids=wanted,
                states=frozenset(State) - {State.EXPIRED},
            )
            for cube in self._vault.select(selection, limit=self._vault.count(selection)):
                source = source_of(cube)
                if source is not None:
                    found.setdefault(source, cube)
        return found

    def _held(self, plan: Plan) -> list[Operation]:
        """Moves that keep new memories out of recall until they are accepted."""
        return [
            self._author.move(
                put.cube, State.ARCHIVED, parents=(put.id,), reason="waits to be accepted", trigger=Trigger.HOLD
            )
            for put in plan.operations
            if put.id in plan.puts and not put.parents and self._gate.waits(plan.puts[put.id])
        ]

    def _batch(
        self, operations: Sequence[Operation], puts: Mapping[str, Content], progress: Progress | None = None
    ) -> Batch:
        if not puts or self._embedder is None:
            return Batch(operations)
        vectors = self.embed(puts, progress)
        return Batch(operations, parts=vectors.parts, spec=vectors.spec)

    def _follow_vault(self) -> None:
        self._author.clock.observe(self._vault.latest)

    def _heads(self, cube: str) -> tuple[str, ...]:
        return heads(self._vault.history(cube))
