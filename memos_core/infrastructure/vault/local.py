"""The local rows of a vault in memory: jobs, the audit log, and what conversations have in mind."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta

from memos_core.cube.audit import START, AuditEntry, AuditQuery, chained
from memos_core.cube.memcube import MemCube
from memos_core.cube.namespace import Namespace
from memos_core.infrastructure.vault.gate import check_page
from memos_core.infrastructure.vault.sources import gone
from memos_core.ports import Job

_Held = tuple[datetime, Job, "datetime | None"]  # noted at, the job, leased until


class LocalRows:
    """The part of a vault that never travels."""

    def __init__(self) -> None:
        super().__init__()
        self._jobs: dict[str, _Held] = {}
        self._notes: dict[str, str] = {}
        self._audit: tuple[AuditEntry, ...] = ()
        self._working: dict[tuple[Namespace, str], tuple[str, ...]] = {}
        self._begun: dict[str, tuple[frozenset[str], bytes]] = {}

    def _access(self) -> AbstractContextManager[None]:
        raise NotImplementedError

    def _cube(self, name: str) -> MemCube | None:
        raise NotImplementedError

    @property
    def has_traces(self) -> bool:
        return False

    def enqueue(self, jobs: Sequence[Job], *, at: datetime) -> int:
        with self._access():
            new = {
                job.key: (at + number * timedelta(microseconds=1), job._replace(attempts=0), None)
                for number, job in enumerate(jobs)  # so that they stay in their order
                if job.key not in self._jobs
            }
            self._jobs |= new
            return len(new)

    def claim(self, *, limit: int, at: datetime, lease: timedelta) -> list[Job]:
        check_page(limit)
        with self._access():
            free = [job for _, job, until in self._by_age() if until is None or until <= at][:limit]
            leased = [job._replace(attempts=job.attempts + 1) for job in free]
            for job in leased:
                self._jobs[job.key] = (self._jobs[job.key][0], job, at + lease)
            return leased

    def renew(self, key: str, *, by: timedelta) -> None:
        with self._access():
            at, job, until = self._jobs.get(key, (None, None, None))
            if at is not None and job is not None and until is not None:
                self._jobs[key] = (at, job, until + by)

    def finish(self, key: str) -> None:
        with self._access():
            self._jobs.pop(key, None)

    def jobs(self) -> list[Job]:
        with self._access():
            return [job for _, job, _ in self._by_age()]

    def note(self, name: str, text: str) -> None:
        with self._access():
            self._notes[name] = text

    def noted(self, name: str) -> str | None:
        with self._access():
            return self._notes.get(name)

    def keep_unfinished(self, name: str, data: bytes, *, cubes: Collection[str]) -> None:
        with self._access():
            for cube in cubes:
                if self._cube(cube) is None:
                    raise gone(cube)
            self._begun[name] = (frozenset(cubes), bytes(data))

    def unfinished(self, name: str) -> memoryview | None:
        with self._access():
            held = self._begun.get(name)
            return None if held is None else memoryview(held[1])

    def drop_unfinished(self, name: str) -> None:
        with self._access():
            self._begun.pop(name, None)

    def keep_working(self, namespace: Namespace, conversation: str, cubes: Sequence[str]) -> None:
        with self._access():
            self._working[namespace, conversation] = tuple(cubes)

    def working(self, namespace: Namespace, conversation: str) -> list[str]:
        with self._access():
            return list(self._working.get((namespace, conversation), ()))

    def record(self, entries: Sequence[AuditEntry]) -> None:
        with self._access():
            number, digest = (self._audit[-1].number, self._audit[-1].digest) if self._audit else (0, START)
            self._audit = (*self._audit, *chained(entries, number=number, digest=digest))

    def audited(self, wanted: AuditQuery, *, limit: int) -> list[AuditEntry]:
        check_page(limit)
        with self._access():
            return [entry for entry in reversed(self._audit) if wanted.admits(entry)][:limit]

    def _forget(self, cubes: Collection[str], left: Iterable[MemCube]) -> None:
        """Drop what names erased cubes, or a conversation of which nothing is left."""
        if not cubes:
            return
        self._begun = {name: held for name, held in self._begun.items() if held[0].isdisjoint(cubes)}
        talked = {(cube.namespace, cube.provenance.session) for cube in left}
        for _, job, _ in self._by_age():
            is_talk = job.subject and job.namespace and not job.cubes  # without a namespace it is about a back end
            is_over = is_talk and (job.namespace, job.subject) not in talked
            if is_over or not set(cubes).isdisjoint(job.cubes):
                self._jobs.pop(job.key)
        self._working = {
            talk: tuple(cube for cube in held if cube not in cubes)
            for talk, held in self._working.items()
            if talk in talked
        }

    def _by_age(self) -> list[_Held]:
        return sorted(self._jobs.values(), key=lambda held: (held[0], held[1].key))
