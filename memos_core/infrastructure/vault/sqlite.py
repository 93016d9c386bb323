"""The vault in one SQLite file."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from memos_core.cube.answer import Damage, VaultStats
from memos_core.cube.audit import AuditEntry, AuditQuery
from memos_core.cube.clock import Timestamp
from memos_core.cube.interval import Interval
from memos_core.cube.memcube import Content, MemCube
from memos_core.cube.message import aware
from memos_core.cube.namespace import Namespace
from memos_core.cube.operation import Operation, OperationKind
from memos_core.cube.selection import Selection
from memos_core.errors import BlobMissing, VaultBusy
from memos_core.infrastructure.vault import (
    audit,
    finding,
    reading,
    rebuilding,
    storing,
    unfinished,
    upkeep,
    vectors,
    verifying,
)
from memos_core.infrastructure.vault import jobs as local
from memos_core.infrastructure.vault.blobs import Blobs, folder_of
from memos_core.infrastructure.vault.connection import Pool
from memos_core.infrastructure.vault.gate import check, check_page, check_parts, check_usage, vector_length
from memos_core.infrastructure.vault.moments import horizon, microseconds
from memos_core.infrastructure.vault.opening import open_pool
from memos_core.infrastructure.vault.resident import Resident
from memos_core.ports import Batch, Clock, Edge, EmbeddingSpec, Job, MissingBlob, Part, Passage, Scored, Topic, Walk

if TYPE_CHECKING:
    from memos_core.ports import Vector


class SQLiteVault:
    """A vault in one SQLite file, with FTS5 and sqlite-vec.

    Parameters
    ----------
    path
        Of the file, which is made if there is none; ``":memory:"`` keeps the vault in memory only.
    clock
        Dates migrations.
    key
        Encrypts the file; ``None`` leaves it plain.

    Raises
    ------
    NotAVault, VaultTooNew
        If the file is something else, or from a newer release. It is left untouched.
    WrongKey
        If the key is not that of the file.
    UnsupportedSQLite
        If the library can lose what it has acknowledged, or lacks what is needed.

    Notes
    -----
    Any number of threads and processes may use one file. Readers never wait; writers take turns.
    """

    def __init__(self, path: str, *, clock: Clock, key: str | None = None) -> None:
        self._pool: Pool = open_pool(path, now=microseconds(clock.now()), key=key)
        self._resident = Resident()
        self._blobs = Blobs(path, is_sealed=key is not None)
        with self._pool.read() as db:
            self._blobs.is_sweep_due = self._blobs.has_strays(db)
        self._clean(patient=False)

    @property
    def _copies(self) -> Resident:
        """What is held in memory; a transaction that may be rolled back must leave nothing of it there."""
        return Resident(most_bytes=0) if self._pool.is_held else self._resident

    @property
    def path(self) -> str:
        """Of the file."""
        return self._pool.path

    @property
    def key(self) -> str | None:
        """Of an encrypted file."""
        return self._pool.key

    @property
    def actor(self) -> str:
        with self._pool.read() as db:
            return upkeep.actor(db)

    @property
    def spec(self) -> EmbeddingSpec | None:
        with self._pool.read() as db:
            current = vectors.current(db)
            return None if current is None else current[0]

    @property
    def latest(self) -> Timestamp:
        with self._pool.read() as db:
            return reading.latest(db)

    @property
    def has_traces(self) -> bool:
        return self._pool.is_flush_due or self._blobs.is_sweep_due

    def commit(self, batch: Batch) -> int:
        check(batch, self.spec)
        with self._cleaned():
            with self._pool.write() as db:
                stored = storing.store(db, batch, self._blobs)
                if batch.parts and batch.spec is not None:
                    vectors.store(db, vectors.make_current(db, batch.spec), batch.parts)
            if any(op.kind is OperationKind.ERASE for op in batch.operations):
                self._resident.drop()
                self._pool.is_flush_due = True
        return stored

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with self._cleaned(), self._pool.hold():
            yield

    @contextmanager
    def _cleaned(self) -> Iterator[None]:
        """Remove after a transaction, however it ends, what it has left in files."""
        try:
            yield
        finally:
            self._clean()

    def _clean(self, *, patient: bool = True) -> None:
        if self._pool.is_held:
            return
        if self._blobs.is_sweep_due:
            with suppress(VaultBusy), self._pool.write(patient=patient) as db:
                self._blobs.sweep(db)
        if self._pool.is_flush_due:
            self._pool.flush()

    def record_usage(self, recalled: Mapping[str, int], at: datetime) -> None:
        check_usage(recalled, at)
        with self._pool.write() as db:
            storing.count_usage(db, recalled, actor=upkeep.actor(db), at=microseconds(at))

    # reading

    def get(self, ids: Sequence[str], *, known_at: datetime | None = None) -> list[MemCube]:
        at = horizon(aware(known_at, "known_at"))
        with self._pool.read() as db:
            return reading.cubes(db, ids, at=at)

    def select(self, selection: Selection, *, limit: int, offset: int = 0) -> list[MemCube]:
        check_page(limit, offset)
        with self._pool.read() as db:
            return reading.select(db, selection, limit=limit, offset=offset)

    def count(self, selection: Selection) -> int:
        with self._pool.read() as db:
            return reading.count(db, selection)

    def namespaces(self, selection: Selection | None = None) -> list[tuple[str, ...]]:
        with self._pool.read() as db:
            return reading.namespaces(db, selection)

    def history(self, cube: str) -> list[Operation]:
        with self._pool.read() as db:
            return reading.history(db, cube)

    def operations(self, ids: Collection[str]) -> dict[str, Operation]:
        with self._pool.read() as db:
            return reading.operations(db, ids)

    def resting_on(self, cubes: Collection[str], *, ever: bool = False) -> list[str]:
        with self._pool.read() as db:
            return reading.resting_on(db, cubes, ever=ever)

    def log(self, *, after: int = 0, limit: int = 1000) -> list[tuple[int, Operation]]:
        check_page(limit, after)
        with self._pool.read() as db:
            return reading.log(db, after=after, limit=limit)

    def changes(
        self, namespace: Namespace, *, since: datetime | None = None, until: datetime | None = None, limit: int
    ) -> list[Operation]:
        check_page(limit)
        since, until = aware(since, "since"), aware(until, "until")
        with self._pool.read() as db:
            return reading.changes(db, namespace, since=since, until=until, limit=limit)

    def blob(self, cube: str, *, version: str | None = None) -> memoryview:
        for _ in range(2):  # a blob may be erased between the look into the database and that into the folder
            with suppress(FileNotFoundError), self._pool.read() as db:
                return self._blobs.find(db, cube, version)
        raise BlobMissing(cube_id=cube, detail=f"its file is gone from {folder_of(self.path)}. Put it back there.")

    def missing_blobs(self) -> list[MissingBlob]:
        with self._pool.read() as db:
            return self._blobs.missing(db)

    # finding

    def match(self, selection: Selection, terms: Sequence[str], *, limit: int) -> list[Scored]:
        check_page(limit)
        with self._pool.read() as db:
            return finding.match(db, selection, terms, limit=limit, resident=self._copies)

    def nearest(self, selection: Selection, vector: Vector, *, limit: int) -> list[Scored]:
        check_page(limit)
        with self._pool.read() as db:
            current = vectors.current(db)
            vector_length(vector, None if current is None else current[0])
            return finding.nearest(db, selection, vector, limit=limit, resident=self._copies)

    def during(self, selection: Selection, interval: Interval, *, limit: int) -> list[Scored]:
        check_page(limit)
        with self._pool.read() as db:
            return finding.during(db, selection, interval, limit=limit)

    def neighbourhood(self, selection: Selection, seeds: Sequence[str], walk: Walk) -> list[Edge]:
        check_page(walk.limit, min(walk.hops, walk.fanout))
        with self._pool.read() as db:
            return finding.neighbourhood(db, selection, seeds, walk)

    def passages(self, selection: Selection, ids: Sequence[str]) -> dict[str, Passage]:
        with self._pool.read() as db:
            return finding.passages(db, selection, ids)

    def claiming(self, selection: Selection, about: Collection[Topic] | None = None, *, limit: int) -> list[str]:
        check_page(limit)
        with self._pool.read() as db:
            return finding.claiming(db, selection, about, limit=limit)

    # local

    def enqueue(self, jobs: Sequence[Job], *, at: datetime) -> int:
        with self._pool.write() as db:
            return local.enqueue(db, jobs, at=microseconds(at))

    def claim(self, *, limit: int, at: datetime, lease: timedelta) -> list[Job]:
        check_page(limit)
        with self._pool.write() as db:
            return local.claim(db, limit=limit, at=microseconds(at), until=microseconds(at + lease))

    def renew(self, key: str, *, by: timedelta) -> None:
        with self._pool.write() as db:
            local.renew(db, key, by=by // timedelta(microseconds=1))

    def finish(self, key: str) -> None:
        with self._pool.write() as db:
            local.finish(db, key)

    def jobs(self) -> list[Job]:
        with self._pool.read() as db:
            return local.held(db)

    def note(self, name: str, text: str) -> None:
        with self._pool.write() as db:
            local.note(db, name, text)

    def noted(self, name: str) -> str | None:
        with self._pool.read() as db:
            return local.noted(db, name)

    def keep_unfinished(self, name: str, data: bytes, *, cubes: Collection[str]) -> None:
        with self._cleaned(), self._pool.write() as db:
            unfinished.keep(db, self._blobs, name, data, cubes)

    def unfinished(self, name: str) -> memoryview | None:
        with suppress(FileNotFoundError), self._pool.read() as db:
            return unfinished.find(db, self._blobs, name)
        return None

    def drop_unfinished(self, name: str) -> None:
        with self._cleaned(), self._pool.write() as db:
            unfinished.drop(db, self._blobs, name)

    def keep_working(self, namespace: Namespace, conversation: str, cubes: Sequence[str]) -> None:
        with self._pool.write() as db:
            local.keep_working(db, namespace, conversation, cubes)

    def working(self, namespace: Namespace, conversation: str) -> list[str]:
        with self._pool.read() as db:
            return local.working(db, namespace, conversation)

    def record(self, entries: Sequence[AuditEntry]) -> None:
        with self._pool.write() as db:
            audit.record(db, entries)

    def audited(self, wanted: AuditQuery, *, limit: int) -> list[AuditEntry]:
        check_page(limit)
        with self._pool.read() as db:
            return audit.audited(db, wanted, limit=limit)

    # upkeep

    def known_vectors(self, texts: Sequence[str], spec: EmbeddingSpec) -> dict[str, Vector]:
        with self._pool.read() as db:
            return vectors.known(db, texts, spec)

    def unembedded(self, spec: EmbeddingSpec, *, limit: int) -> list[tuple[str, Content]]:
        check_page(limit)
        with self._pool.read() as db:
            return vectors.unembedded(db, spec, limit)

    def reembed(self, spec: EmbeddingSpec, parts: Mapping[str, Sequence[Part]]) -> None:
        with self._pool.write() as db:
            check_parts(parts, spec, reading.operations(db, list(parts)))
            embedding = vectors.open_embedding(db, spec)
            vectors.store(db, embedding, parts)
            if vectors.is_complete(db, embedding):
                vectors.switch(db, embedding)
        self._resident.drop()

    def verify(self) -> Iterator[Damage]:
        with self._pool.read() as db:
            found = list(verifying.verify(db))
        with self._pool.write() as db:
            found += verifying.verify_text(db)
        found += self._blobs.damages(self._pool.read)
        return iter(found)

    def rebuild(self) -> None:
        with self._pool.write() as db:
            rebuilding.rebuild(db)
            self._blobs.forget(db)
        self._resident.drop()
        self._clean()

    def stats(self) -> VaultStats:
        with self._pool.read() as db:
            return upkeep.stats(db)

    def backup(self, path: str) -> None:
        with upkeep.new_file(path):
            while not self._is_copied(path):  # a blob was erased meanwhile: what the copy shows must not refer to it
                pass

    def _is_copied(self, path: str) -> bool:
        with self._pool.read() as db:
            upkeep.copy(db, path, self.key)
            wanted = [*self._blobs.all(db)]
        lost = self._blobs.copy(wanted, path, self._pool.read)
        with self._pool.read() as db:
            return {*lost} <= {*self._blobs.all(db)}

    def close(self) -> None:
        self._pool.close()
        self._resident.drop()
