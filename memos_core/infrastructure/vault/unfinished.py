"""How far work has come that was begun: a blob of this file that never travels, and goes with what it is made of."""

from __future__ import annotations

import json
from collections.abc import Collection

import apsw

from memos_core.infrastructure.vault.blobs import Blobs
from memos_core.infrastructure.vault.sources import gone
from memos_core.infrastructure.vault.statements import load, query

_SQL = load("unfinished")


def keep(db: apsw.Connection, blobs: Blobs, name: str, data: bytes, cubes: Collection[str]) -> None:
    """Keep how far it has come, instead of what was there.

    Raises
    ------
    InvalidInput
        If it is made of something that is not there: what is erased must not come back.
    """
    named = json.dumps(sorted(cubes))
    if missing := query(db, _SQL["missing"], {"cubes": named}):
        raise gone(missing[0][0])
    db.execute(_SQL["keep"], (name, named, blobs.keep(db, data)))
    blobs.forget(db)


def find(db: apsw.Connection, blobs: Blobs, name: str) -> memoryview | None:
    """What is kept under a name.

    Raises
    ------
    FileNotFoundError
        If its file is not there.
    """
    digest = db.execute(_SQL["find"], (name,)).get
    return None if digest is None else blobs.kept(db, digest)


def drop(db: apsw.Connection, blobs: Blobs, name: str) -> None:
    """Let go of what is kept under a name."""
    db.execute(_SQL["drop"], (name,))
    blobs.forget(db)


def forget(db: apsw.Connection, cubes: Collection[str]) -> None:
    """Drop what is made of erased cubes; the caller forgets the blobs."""
    db.execute(_SQL["forget"], {"cubes": json.dumps(sorted(cubes))})
