"""Old files become new ones, step by step, or not at all."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from pathlib import Path

import apsw
import pytest

from memos_core.cube.memcube import State
from memos_core.errors import BlobMissing, VaultTooNew
from memos_core.infrastructure.vault.migrations import MIGRATIONS, VERSION, migrate
from memos_core.infrastructure.vault.sqlite import SQLiteVault
from memos_core.testing.clock import ManualClock
from memos_core.testing.vault.answers import answers
from memos_core.testing.vault.desk import Desk, alice, vector

VAULTS = Path(__file__).parents[1] / "data" / "vaults"


def add_colour(db: apsw.Connection) -> None:
    db.execute("create table colour (id integer primary key) strict")


def add_taste(db: apsw.Connection) -> None:
    db.execute("create table taste (id integer primary key) strict")


def fail(db: apsw.Connection) -> None:
    db.execute("create table never (id integer primary key) strict")
    raise RuntimeError("a step that fails")


def furnished(tmp_path: Path) -> apsw.Connection:
    path = str(tmp_path / "vault.db")
    vault = SQLiteVault(path, clock=ManualClock())
    Desk(vault).put("text")
    vault.close()
    return apsw.Connection(path)


def tables(db: apsw.Connection) -> set[object]:
    return {name for (name,) in db.execute("select name from sqlite_schema")}


def recorded(db: apsw.Connection) -> Sequence[tuple[object, ...]]:
    return db.execute("select version, name, applied from migration order by version").fetchall()


def test_new_vault_records_how_it_came_to_be(tmp_path: Path) -> None:
    clock = ManualClock()
    db = furnished(tmp_path)
    names = [step.__name__ for step in MIGRATIONS]
    assert [row[:2] for row in recorded(db)] == [*enumerate(names, 1)]
    assert {row[2] for row in recorded(db)} == {int(clock.now().timestamp()) * 1_000_000}


def test_each_step_is_recorded_with_what_it_does(tmp_path: Path) -> None:
    db = furnished(tmp_path)
    migrate(db, "vault.db", now=7, steps=(*MIGRATIONS, add_colour, add_taste))
    assert [row[:2] for row in recorded(db)[VERSION:]] == [(VERSION + 1, "add_colour"), (VERSION + 2, "add_taste")]
    assert {"colour", "taste"} <= tables(db)
    assert db.execute("pragma user_version").get == VERSION + 2


def test_migrating_twice_is_migrating_once(tmp_path: Path) -> None:
    db = furnished(tmp_path)
    for _ in range(2):
        migrate(db, "vault.db", now=7, steps=(*MIGRATIONS, add_colour))
    assert len(recorded(db)) == VERSION + 1


def test_step_that_fails_leaves_the_file_at_the_step_before(tmp_path: Path) -> None:
    db = furnished(tmp_path)
    with pytest.raises(RuntimeError):
        migrate(db, "vault.db", now=7, steps=(*MIGRATIONS, add_colour, fail))
    assert len(recorded(db)) == VERSION + 1
    assert db.execute("pragma user_version").get == VERSION + 1
    assert "never" not in tables(db)
    assert "colour" in tables(db)


def test_release_that_knows_fewer_steps_refuses(tmp_path: Path) -> None:
    db = furnished(tmp_path)
    migrate(db, "vault.db", now=7, steps=(*MIGRATIONS, add_colour))
    with pytest.raises(VaultTooNew, match=f"schema version {VERSION + 1}"):
        migrate(db, "vault.db", now=7)
    db.close()
    with pytest.raises(VaultTooNew):
        SQLiteVault(str(tmp_path / "vault.db"), clock=ManualClock())


def test_memory_is_the_same_after_a_step(tmp_path: Path) -> None:
    db = furnished(tmp_path)
    migrate(db, "vault.db", now=7, steps=(*MIGRATIONS, add_colour))
    db.execute(f"pragma user_version = {VERSION}")
    db.close()
    vault = SQLiteVault(str(tmp_path / "vault.db"), clock=ManualClock())
    assert Desk(vault).texts(alice()) == ["text"]


def test_vault_of_version_1_is_opened_and_takes_blobs(tmp_path: Path) -> None:
    """Troubleshooting: it was written once by the release of that version, and must never be written again."""
    path = tmp_path / "vault.db"
    path.write_bytes(gzip.decompress((VAULTS / "version_1.db.gz").read_bytes()))
    vault = SQLiteVault(str(path), clock=ManualClock())
    assert vault.stats().schema == VERSION
    assert list(vault.verify()) == []
    assert Desk(vault).texts(alice()) == ["", "", "The fox is grey."]
    assert len(vault.nearest(alice(), vector(0, 1, 0, 0), limit=9)) == 1
    assert [each.blob.sha256 for each in vault.missing_blobs()] == ["a" * 64, "b" * 64]
    before = answers(vault)
    vault.rebuild()
    assert answers(vault) == before
    [expired] = vault.select(alice(states=frozenset({State.EXPIRED})), limit=9)
    with pytest.raises(BlobMissing):
        vault.blob(expired.id)
