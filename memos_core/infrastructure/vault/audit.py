"""The audit log of a vault file: entries in a chain, and a seal of its end, so that a missing end is noticed too."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import apsw

from memos_core.cube.answer import Damage
from memos_core.cube.audit import START, AuditEntry, AuditQuery, chained
from memos_core.infrastructure.vault.moments import from_microseconds, microseconds
from memos_core.infrastructure.vault.statements import load, query

PAGE = 1000  # entries read at a time

_SQL = load("audit")


def record(db: apsw.Connection, entries: Sequence[AuditEntry]) -> None:
    """Write entries down behind those that are there."""
    if not entries:
        return
    number, digest = _head(db)
    new = list(chained(entries, number=number, digest=digest))
    db.executemany(_SQL["record"], map(_row, new))
    db.execute(_SQL["seal"], (f"{new[-1].number} {new[-1].digest}",))


def audited(db: apsw.Connection, wanted: AuditQuery, *, limit: int) -> list[AuditEntry]:
    """Entries that are meant, the latest first."""
    path = "/".join(wanted.namespace)
    values = {
        "inside": path or None,
        "below": _literal(path) + "/*",
        "principal": wanted.principal,
        "action": wanted.action,
        "cube": wanted.cube,
        "since": None if wanted.since is None else microseconds(wanted.since),
        "until": None if wanted.until is None else microseconds(wanted.until),
        "limit": limit,
    }
    return [_entry(row) for row in query(db, _SQL["audited"], values)]


def check_chain(db: apsw.Connection) -> Iterator[Damage]:
    """Find entries that were changed, moved or taken out, at the end as well."""
    number, digest = 0, START
    while page := query(db, _SQL["page"], (number, PAGE)):
        for row in page:
            [wanted] = chained([_entry(row)], number=number, digest=digest)
            if wanted.digest != row[-1]:
                yield Damage(f"audit entry {row[0]}", f"does not follow entry {number}")
            number, digest = row[0], row[-1]
    sealed = db.execute(_SQL["sealed"]).get
    if sealed != (f"{number} {digest}" if number else None):
        yield Damage(
            "audit", f"its end is gone: it was sealed at {str(sealed).partition(' ')[0]}, and ends at {number}"
        )


def _head(db: apsw.Connection) -> tuple[int, str]:
    rows = query(db, _SQL["head"])
    return rows[0] if rows else (0, START)


def _row(entry: AuditEntry) -> tuple[Any, ...]:
    return (
        entry.number,
        microseconds(entry.at),
        entry.principal,
        entry.action,
        "/".join(entry.namespace),
        json.dumps(entry.cubes),
        entry.detail,
        entry.digest,
    )


def _entry(row: tuple[Any, ...]) -> AuditEntry:
    number, at, principal, action, path, cubes, detail, digest = row
    return AuditEntry(
        at=from_microseconds(at),
        principal=principal,
        action=action,
        namespace=tuple(path.split("/")) if path else (),
        cubes=tuple(json.loads(cubes)),
        detail=detail,
        number=number,
        digest=digest,
    )


def _literal(path: str) -> str:
    """A path as a glob that means just it."""
    return "".join(f"[{char}]" if char in "*?[" else char for char in path)
