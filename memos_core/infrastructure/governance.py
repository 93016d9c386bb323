"""Governance: a vault as one principal may use it. Whatever the layers above do passes here."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING

from memos_core.cube.answer import Damage, VaultStats
from memos_core.cube.audit import OWNER, AuditEntry, AuditQuery
from memos_core.cube.clock import Timestamp
from memos_core.cube.fold import content_of
from memos_core.cube.grant import Grant, Right
from memos_core.cube.interval import Interval
from memos_core.cube.memcube import Content, Kind, MemCube, Trigger, Trust
from memos_core.cube.namespace import Namespace
from memos_core.cube.operation import Operation, OperationKind
from memos_core.cube.selection import Selection, View
from memos_core.errors import CubeNotFound, InvalidInput, NotPermitted, VersionNotFound
from memos_core.infrastructure.memstore.places import Places
from memos_core.infrastructure.trail import Trail, action_of
from memos_core.infrastructure.vault.sources import blob_of, sizes_of
from memos_core.ports import (
    Batch,
    Clock,
    Edge,
    EmbeddingSpec,
    Job,
    MissingBlob,
    Part,
    Passage,
    Scored,
    Topic,
    Vault,
    Walk,
)

if TYPE_CHECKING:
    from memos_core.ports import Vector

Metadata = Mapping[str, object]

NO_METADATA: Metadata = MappingProxyType({})
GRANTS = "grants"  # the note that they are kept in


class GuardedVault:
    """Every method of the vault port, behind one gate: :meth:`authorise`.

    Parameters
    ----------
    principal
        Who uses it; ``None`` is whoever opened the vault, who may do everything but write into installed packages.

    Notes
    -----
    Changes are recorded in the audit log in their own transaction. Reads of principals are recorded a little later, as
    recall counts are; those of the owner are not, who could read the file unseen anyway.
    """

    def __init__(self, vault: Vault, *, principal: str | None, clock: Clock) -> None:
        self._vault = vault
        self._principal = principal
        self._clock = clock
        self._trail = Trail(vault, principal=principal, clock=clock)
        self._parsed: tuple[str | None, tuple[Grant, ...]] = (None, ())
        self.packages = Places(vault)

    # the gate

    def authorise(
        self, right: Right, namespace: Namespace, *, kind: Kind | None = None, metadata: Metadata = NO_METADATA
    ) -> None:
        """Let a principal pass, or record and raise that it may not.

        Raises
        ------
        NotPermitted
            If no grant allows it.
        """
        if self.permits(right, namespace, kind=kind, metadata=metadata):
            return
        where = "/".join(namespace) or "the whole vault"
        self._trail.add("refused", namespace, detail=right.value)
        raise NotPermitted(principal=self._principal or OWNER, right=right.value, namespace=where)

    def permits(
        self, right: Right, namespace: Namespace, *, kind: Kind | None = None, metadata: Metadata = NO_METADATA
    ) -> bool:
        """Say whether the principal may do something in a namespace; with a kind, to such a memory."""
        now = self._clock.now()
        return self._principal is None or any(
            each.allows(right, namespace, now=now, kind=kind, metadata=metadata) for each in self.own_grants()
        )

    def _permits_with(self, right: Right, content: Content) -> bool:
        return self.permits(right, content.namespace, kind=content.kind, metadata=content.metadata)

    def _authorise_with(self, right: Right, content: Content) -> None:
        self.authorise(right, content.namespace, kind=content.kind, metadata=content.metadata)

    def grants(self) -> tuple[Grant, ...]:
        """All that were given."""
        text = self._vault.noted(GRANTS)
        if text != self._parsed[0]:
            self._parsed = (text, tuple(map(Grant.model_validate, json.loads(text or "[]"))))
        return self._parsed[1]

    def own_grants(self) -> Iterator[Grant]:
        """Those that were given to this principal."""
        return (each for each in self.grants() if each.principal == self._principal)

    def sees(self, content: Content) -> bool:
        """Say whether a memory may be read."""
        return self._permits_with(Right.READ, content)

    def waits(self, content: Content) -> bool:
        """Say whether a new memory must wait to be accepted, for its author may suggest and not write."""
        return [self._permits_with(right, content) for right in (Right.WRITE, Right.SUGGEST)] == [False, True]

    def trust_in(self, content: Content) -> Trust:
        """How far at most what this principal writes there is trusted."""
        if self._principal is None:
            return max(Trust)
        now, where = self._clock.now(), content.namespace
        allowing = (
            each
            for each in self.own_grants()
            if each.allows(Right.SUGGEST, where, now=now, kind=content.kind, metadata=content.metadata)
        )
        return max((each.trust for each in allowing), default=min(Trust))

    # writing

    def commit(self, batch: Batch) -> int:
        present = self._present(batch.operations)
        self.packages.check(batch, present, principal=self._principal or OWNER)
        if self._principal is not None:
            held = {op.cube for op in batch.operations if action_of(op) == Trigger.HOLD.value}
            for operation in batch.operations:
                self._authorise_change(operation, present.get(operation.cube), is_held=operation.cube in held)
            self._check_blobs(batch)
        return self._store(batch, present)

    def follow(self, batch: Batch) -> int:
        """Store what follows from a change that was authorised, in whatever namespace it is."""
        return self._store(batch, self._present(batch.operations))

    def _authorise_change(self, operation: Operation, cube: MemCube | None, *, is_held: bool) -> None:
        if cube is not None:
            right = Right.ERASE if operation.kind is OperationKind.ERASE else Right.WRITE
            self._authorise_with(right, cube)
        if operation.kind is OperationKind.PUT and operation.body is not None:
            content = content_of(operation)
            right = Right.SUGGEST if is_held and cube is None else Right.WRITE
            self._authorise_with(right, content)
        elif cube is None and not is_held:
            self.authorise(Right.KEEP, ())

    def _check_blobs(self, batch: Batch) -> None:
        """Give nobody a blob for its digest: whoever refers to one brings it, or could read it in the same memory."""
        named = [(operation, blob.sha256) for operation in batch.operations if (blob := blob_of(operation))]
        if batch.blobs.keys() - {digest for _, digest in named}:
            self.authorise(Right.KEEP, ())
        for operation, digest in named:
            if digest not in batch.blobs and digest not in sizes_of(self.history(operation.cube)):
                raise InvalidInput(detail=f"Blob {digest} must come along with what refers to it: in Batch.blobs.")

    def _present(self, operations: Iterable[Operation]) -> dict[str, MemCube]:
        """The cubes that operations are about, as they are: nobody may put over what is not theirs."""
        is_needed = self._principal is not None or bool(self.packages)
        named = [op.cube for op in operations if is_needed or op.kind is not OperationKind.PUT]
        return {cube.id: cube for cube in self._vault.get(list(dict.fromkeys(named)))} if named else {}

    def _store(self, batch: Batch, present: Mapping[str, MemCube]) -> int:
        entries = self._trail.changes(batch.operations, present)
        with self._vault.transaction():
            stored = self._vault.commit(batch)
            self._vault.record(entries)
        return stored

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with self._trail.held(), self._vault.transaction():
            yield

    def record_usage(self, recalled: Mapping[str, int], at: datetime) -> None:
        self._vault.record_usage(recalled, at)

    # reading

    def get(self, ids: Sequence[str], *, known_at: datetime | None = None) -> list[MemCube]:
        return self._seen(self._vault.get(ids, known_at=known_at))

    def select(self, selection: Selection, *, limit: int, offset: int = 0) -> list[MemCube]:
        return self._seen(self._vault.select(self._within(selection), limit=limit, offset=offset))

    def count(self, selection: Selection) -> int:
        return self._vault.count(self._within(selection))

    def namespaces(self, selection: Selection | None = None) -> list[Namespace]:
        wanted = selection and self.packages.recalled(selection, self._clock.now())
        found = [each for each in self._vault.namespaces(wanted) if self.permits(Right.READ, each)]
        if selection is None or self._principal is None:
            return found
        # what a grant leaves out must not tell by being there
        return [each for each in found if self.count(selection.at(each))]

    def history(self, cube: str) -> list[Operation]:
        return self._visible(self._vault.history(cube))

    def operations(self, ids: Collection[str]) -> dict[str, Operation]:
        return {each.id: each for each in self._visible(self._vault.operations(ids).values())}

    def resting_on(self, cubes: Collection[str], *, ever: bool = False) -> list[str]:
        found = self._vault.resting_on(cubes, ever=ever)
        return found if self._principal is None else sorted(cube.id for cube in self.get(found))

    def log(self, *, after: int = 0, limit: int = 1000) -> list[tuple[int, Operation]]:
        self.authorise(Right.KEEP, ())
        return self._vault.log(after=after, limit=limit)

    def changes(
        self, namespace: Namespace, *, since: datetime | None = None, until: datetime | None = None, limit: int
    ) -> list[Operation]:
        self.authorise(Right.READ, namespace)
        return self._visible(self._vault.changes(namespace, since=since, until=until, limit=limit))

    def blob(self, cube: str, *, version: str | None = None) -> memoryview:
        if not self.get([cube]):
            raise CubeNotFound(cube_id=cube)
        if version is not None and version not in self.operations([version]):
            raise VersionNotFound(cube_id=cube, version=version)
        return self._vault.blob(cube, version=version)

    def missing_blobs(self) -> list[MissingBlob]:
        return self._kept().missing_blobs()

    def _visible(self, operations: Collection[Operation]) -> list[Operation]:
        """Those of cubes that may be read, without what a cube said in another namespace: that stays there."""
        if self._principal is None:
            return list(operations)
        readable = {cube.id for cube in self.get(list(dict.fromkeys(each.cube for each in operations)))}
        return [each for each in operations if each.cube in readable and self._shows(each)]

    def _shows(self, operation: Operation) -> bool:
        is_content = operation.kind is OperationKind.PUT and operation.body is not None
        return not is_content or self.sees(content_of(operation))

    def _seen(self, cubes: list[MemCube]) -> list[MemCube]:
        if self._principal is None:
            return cubes
        seen = [cube for cube in cubes if self.sees(cube)]
        places: dict[Namespace, list[str]] = defaultdict(list)
        for cube in seen:
            places[cube.namespace].append(cube.id)
        for namespace, named in places.items():
            self._trail.add("read", namespace, named)
        return seen

    def _within(self, selection: Selection) -> Selection:
        """A selection of nothing but what the principal may read, and what is licensed."""
        self.authorise(Right.READ, selection.namespace)
        now = self._clock.now()
        selection = self.packages.recalled(selection, now)
        if self._principal is None:
            return selection
        views = [each.view for each in self.own_grants() if each.allows(Right.READ, selection.namespace, now=now)]
        return selection if View() in views else selection.model_copy(update={"views": tuple(views)})

    # finding

    def match(self, selection: Selection, terms: Sequence[str], *, limit: int) -> list[Scored]:
        return self._vault.match(self._within(selection), terms, limit=limit)

    def nearest(self, selection: Selection, vector: Vector, *, limit: int) -> list[Scored]:
        return self._vault.nearest(self._within(selection), vector, limit=limit)

    def during(self, selection: Selection, interval: Interval, *, limit: int) -> list[Scored]:
        return self._vault.during(self._within(selection), interval, limit=limit)

    def neighbourhood(self, selection: Selection, seeds: Sequence[str], walk: Walk) -> list[Edge]:
        return self._vault.neighbourhood(self._within(selection), seeds, walk)

    def passages(self, selection: Selection, ids: Sequence[str]) -> dict[str, Passage]:
        return self._vault.passages(self._within(selection), ids)

    def claiming(self, selection: Selection, about: Collection[Topic] | None = None, *, limit: int) -> list[str]:
        return self._vault.claiming(self._within(selection), about, limit=limit)

    # what is local to the file

    def enqueue(self, jobs: Sequence[Job], *, at: datetime) -> int:
        return self._kept().enqueue(jobs, at=at)

    def claim(self, *, limit: int, at: datetime, lease: timedelta) -> list[Job]:
        return self._kept().claim(limit=limit, at=at, lease=lease)

    def renew(self, key: str, *, by: timedelta) -> None:
        self._kept().renew(key, by=by)

    def finish(self, key: str) -> None:
        self._kept().finish(key)

    def jobs(self) -> list[Job]:
        return self._kept().jobs()

    def note(self, name: str, text: str) -> None:
        self._kept().note(name, text)

    def noted(self, name: str) -> str | None:
        return self._kept().noted(name)

    def keep_unfinished(self, name: str, data: bytes, *, cubes: Collection[str]) -> None:
        self._kept().keep_unfinished(name, data, cubes=cubes)

    def unfinished(self, name: str) -> memoryview | None:
        return self._kept().unfinished(name)

    def drop_unfinished(self, name: str) -> None:
        self._kept().drop_unfinished(name)

    def keep_working(self, namespace: Namespace, conversation: str, cubes: Sequence[str]) -> None:
        self._kept().keep_working(namespace, conversation, cubes)

    def working(self, namespace: Namespace, conversation: str) -> list[str]:
        self.authorise(Right.READ, namespace)
        return self._vault.working(namespace, conversation)

    def record(self, entries: Sequence[AuditEntry]) -> None:
        self._kept().record(entries)

    def audited(self, wanted: AuditQuery, *, limit: int) -> list[AuditEntry]:
        self.authorise(Right.GOVERN, wanted.namespace)
        self.flush()
        return self._vault.audited(wanted, limit=limit)

    def _kept(self) -> Vault:
        self.authorise(Right.KEEP, ())
        return self._vault

    # upkeep

    @property
    def actor(self) -> str:
        return self._vault.actor

    @property
    def spec(self) -> EmbeddingSpec | None:
        return self._vault.spec

    @property
    def latest(self) -> Timestamp:
        return self._vault.latest

    @property
    def has_traces(self) -> bool:
        return self._vault.has_traces

    def known_vectors(self, texts: Sequence[str], spec: EmbeddingSpec) -> dict[str, Vector]:
        return self._kept().known_vectors(texts, spec)

    def unembedded(self, spec: EmbeddingSpec, *, limit: int) -> list[tuple[str, Content]]:
        return self._kept().unembedded(spec, limit=limit)

    def reembed(self, spec: EmbeddingSpec, parts: Mapping[str, Sequence[Part]]) -> None:
        self._kept().reembed(spec, parts)

    def verify(self) -> Iterator[Damage]:
        return self._kept().verify()

    def rebuild(self) -> None:
        self._kept().rebuild()

    def stats(self) -> VaultStats:
        return self._kept().stats()

    def backup(self, path: str) -> None:
        self._kept().backup(path)

    def close(self) -> None:
        self.flush()
        self._kept().close()

    # the trail

    def audit(self, action: str, namespace: Namespace, *, detail: str) -> None:
        """Record what was done to the rules themselves."""
        self._vault.record([self._trail.entry(action, namespace, detail=detail)])

    def flush(self) -> None:
        """Record the reads that wait; if that fails they still wait."""
        self._trail.flush()
