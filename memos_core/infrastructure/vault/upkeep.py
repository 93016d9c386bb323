"""Statistics, rebuilding and copies."""

from __future__ import annotations

import apsw

from memos_core.infrastructure.vault import vectors
from memos_core.infrastructure.vault.migrations import version
from memos_core.infrastructure.vault.statements import load, query
from memos_core.ports import VaultStats

_SQL = load("upkeep")


def actor(db: apsw.Connection) -> str:
    """The name under which a file writes."""
    name: str = db.execute(_SQL["actor"]).get
    return name


def stats(db: apsw.Connection) -> VaultStats:
    """Counts and sizes."""
    cubes, operations, conflicts, size = query(db, _SQL["totals"])[0]
    current = vectors.current(db)
    return VaultStats(
        cubes=cubes,
        operations=operations,
        unembedded=db.execute(_SQL["unembedded"], (None if current is None else current[1],)).get,
        conflicts=conflicts,
        size=size,
        schema=version(db),
        by_kind=dict(db.execute(_SQL["by_kind"])),
        by_state=dict(db.execute(_SQL["by_state"])),
        by_namespace=dict(db.execute(_SQL["by_namespace"])),
    )
