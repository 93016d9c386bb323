"""The schema, one function for each step from version to version."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import apsw

from memos_core.cube.identity import new_actor
from memos_core.errors import VaultTooNew
from memos_core.infrastructure.vault.connection import transaction
from memos_core.infrastructure.vault.statements import load

APPLICATION_ID = 0x4D454D43  # "MEMC"; tells a vault from other SQLite files

Migration = Callable[[apsw.Connection], None]


def initial(db: apsw.Connection) -> None:
    """Make the tables of version 1 and name the actor."""
    db.execute(f"pragma application_id = {APPLICATION_ID:d}")
    for statement in load("schema_1").values():
        db.execute(statement)
    db.execute("insert into meta (key, value) values ('actor', ?)", (new_actor(),))


def blobs(db: apsw.Connection) -> None:
    """Note which blobs are referred to, and make room for those that come."""
    for statement in load("schema_2").values():
        db.execute(statement)


def unfinished(db: apsw.Connection) -> None:
    """Make room for how far work has come that was begun."""
    for statement in load("schema_3").values():
        db.execute(statement)


#: Step n leads from version n to version n + 1.
MIGRATIONS: tuple[Migration, ...] = (initial, blobs, unfinished)
VERSION = len(MIGRATIONS)
BLOBS_SINCE = 2  #: the first version that has any


def version(db: apsw.Connection) -> int:
    """The schema version of a file."""
    number: int = db.execute("pragma user_version").get
    return number


def migrate(db: apsw.Connection, path: str, *, now: int, steps: Sequence[Migration] = MIGRATIONS) -> None:
    """Bring a file up to date: each step in one transaction with the record of it.

    Parameters
    ----------
    now
        Microseconds since 1970 UTC.

    Raises
    ------
    VaultTooNew
        If the file is ahead of the steps known here.
    """
    while (found := version(db)) != len(steps):
        if found > len(steps):
            raise VaultTooNew(path=path, found=found, known=len(steps))
        with transaction(db, "begin immediate"):
            if version(db) == found:
                steps[found](db)
                db.execute(
                    "insert into migration (version, name, applied) values (?, ?, ?)",
                    (found + 1, steps[found].__name__, now),
                )
                db.execute(f"pragma user_version = {found + 1:d}")
