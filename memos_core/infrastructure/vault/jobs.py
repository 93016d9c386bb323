"""What the scheduler has to do, and what conversations have in mind: rows of this file that never travel."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

import apsw

from memos_core.cube.namespace import Namespace
from memos_core.infrastructure.vault.statements import load, query
from memos_core.ports import Job

_SQL = load("jobs")


def enqueue(db: apsw.Connection, jobs: Sequence[Job], *, at: int) -> int:
    """Note jobs whose keys are not noted yet; return how many these were."""
    before = db.total_changes()
    rows = [
        (job.key, job.action, "/".join(job.namespace), job.subject, json.dumps(job.cubes), job.reason, at + number)
        for number, job in enumerate(jobs)  # a microsecond apart, so that they stay in their order
    ]
    db.executemany(_SQL["enqueue"], rows)
    return db.total_changes() - before


def claim(db: apsw.Connection, *, limit: int, at: int, until: int) -> list[Job]:
    """Lease the oldest jobs that nobody has."""
    rows = query(db, _SQL["claim"], {"at": at, "until": until, "limit": limit})
    return _jobs(sorted(rows, key=lambda row: (row[-1], row[0])))


def renew(db: apsw.Connection, key: str, *, by: int) -> None:
    """Hold a leased job for so many microseconds more."""
    db.execute(_SQL["renew"], (by, key))


def finish(db: apsw.Connection, key: str) -> None:
    """Forget a job."""
    db.execute(_SQL["finish"], (key,))


def forget(db: apsw.Connection, cubes: Iterable[str]) -> None:
    """Drop what names erased cubes, or a conversation of which nothing is left."""
    gone = [(cube,) for cube in cubes]
    db.executemany(_SQL["forget_jobs"], gone)
    db.executemany(_SQL["forget_in_working"], gone)
    db.execute(_SQL["forget_working_of_nothing"])
    db.execute(_SQL["forget_jobs_of_nothing"])


def held(db: apsw.Connection) -> list[Job]:
    """All jobs, the oldest first."""
    return _jobs(query(db, _SQL["jobs"]))


def _jobs(rows: Sequence[tuple[str, str, str, str, str, str, int, int]]) -> list[Job]:
    return [
        Job(key, action, tuple(path.split("/")) if path else (), subject, tuple(json.loads(cubes)), reason, attempts)
        for key, action, path, subject, cubes, reason, attempts, _ in rows
    ]


def keep_working(db: apsw.Connection, namespace: Namespace, conversation: str, cubes: Sequence[str]) -> None:
    """Replace what a conversation has in mind."""
    path = "/".join(namespace)
    db.execute(_SQL["forget_working"], (path, conversation))
    db.executemany(_SQL["keep_working"], [(path, conversation, number, cube) for number, cube in enumerate(cubes)])


def working(db: apsw.Connection, namespace: Namespace, conversation: str) -> list[str]:
    """What a conversation has in mind, the foremost first."""
    return [cube for (cube,) in query(db, _SQL["working"], ("/".join(namespace), conversation))]


def note(db: apsw.Connection, name: str, text: str) -> None:
    """Keep a short text under a name."""
    db.execute(_SQL["note"], {"name": name, "text": text})


def noted(db: apsw.Connection, name: str) -> str | None:
    """What is kept under a name."""
    found: str | None = db.execute(_SQL["noted"], (name,)).get
    return found
