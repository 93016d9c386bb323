"""Statistics and copies."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw

from memos_core.cube.answer import VaultStats
from memos_core.cube.identity import new_actor
from memos_core.errors import InvalidInput, VaultError
from memos_core.infrastructure.vault import vectors
from memos_core.infrastructure.vault.blobs import folder_of
from memos_core.infrastructure.vault.connection import translated, unlocked
from memos_core.infrastructure.vault.migrations import version
from memos_core.infrastructure.vault.opening import check_path
from memos_core.infrastructure.vault.statements import load, query

_SQL = load("upkeep")


def actor(db: apsw.Connection) -> str:
    """The name under which a file writes."""
    name: str = db.execute(_SQL["actor"]).get
    return name


def stats(db: apsw.Connection) -> VaultStats:
    """Counts and sizes."""
    cubes, operations, conflicts, size = query(db, _SQL["totals"])[0]
    blobs, blob_size = query(db, _SQL["blobs"])[0]
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
        blobs=blobs,
        blob_size=blob_size,
    )


@contextmanager
def new_file(path: str) -> Iterator[None]:
    """Make a file, and nothing of it and the folder beside it is left on an error.

    Raises
    ------
    InvalidInput
        If the path is none, or if there is something already.
    VaultError
        If it cannot be made.
    """
    check_path(path)
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    except FileExistsError as error:
        raise InvalidInput(detail=f"{path} is there already; back up to a new path.") from error
    except OSError as error:
        raise VaultError(detail=f"{path} cannot be written: {error.strerror}.") from error
    folder = folder_of(path)
    if folder.exists():
        Path(path).unlink()
        raise InvalidInput(detail=f"{folder} is there already; back up to a new path.")
    try:
        yield
    except BaseException:
        Path(path).unlink()
        shutil.rmtree(folder, ignore_errors=True)
        raise


def copy(db: apsw.Connection, path: str, key: str | None) -> None:
    """Copy a vault file, as it is at this moment; the copy gets an actor of its own."""
    made = unlocked(path, key)
    try:
        with made.backup("main", db, "main") as running:
            running.step(-1)
        made.execute(_SQL["set_actor"], (new_actor(),))
        if made.execute(_SQL["has_data"]).get:
            made.execute(_SQL["move_data_out"])
            made.execute("vacuum")
    except apsw.Error as error:
        raise translated(error, path, errno=made.system_errno) from error
    finally:
        made.close()
