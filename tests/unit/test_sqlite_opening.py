"""Opening a vault file, and refusing what is none."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import apsw
import pytest

from memos_core.errors import (
    MemOSError,
    NotAVault,
    UnsupportedSQLite,
    VaultClosed,
    VaultError,
    VaultTooNew,
)
from memos_core.infrastructure.vault import connection, migrations, opening
from memos_core.infrastructure.vault.sqlite import SQLiteVault
from memos_core.testing.clock import ManualClock
from memos_core.testing.vault.desk import Desk, alice


def opened(path: Path) -> SQLiteVault:
    return SQLiteVault(str(path), clock=ManualClock())


def assert_refused(path: Path, error: type[MemOSError]) -> None:
    """Refused, and not a byte of the folder changed."""
    before = {file.name: file.read_bytes() for file in path.parent.iterdir() if file.is_file()}
    with pytest.raises(error):
        opened(path)
    assert {file.name: file.read_bytes() for file in path.parent.iterdir() if file.is_file()} == before


def test_empty_file_becomes_a_vault(tmp_path: Path) -> None:
    path = tmp_path / "vault.db"
    path.touch()
    vault = opened(path)
    Desk(vault).put("text")
    vault.close()
    assert opened(path).count(alice()) == 1


@pytest.mark.parametrize(
    "content", [b"x", b"text " * 100, b"SQLite format 3\0", bytes(range(256)) * 32, b"PK\3\4" * 99]
)
def test_file_of_another_kind_is_left_untouched(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "vault.db"
    path.write_bytes(content)
    assert_refused(path, NotAVault)


@pytest.mark.parametrize("journal", ["delete", "wal"])
@pytest.mark.parametrize("schema", ["", "create table operation (id)", "pragma application_id = 7"])
def test_database_of_another_application_is_left_untouched(tmp_path: Path, journal: str, schema: str) -> None:
    path = tmp_path / "vault.db"
    foreign = sqlite3.connect(path)
    foreign.execute(f"pragma journal_mode = {journal}")
    foreign.execute("pragma user_version = 1")
    foreign.execute(schema)
    foreign.close()
    assert path.stat().st_size > 0
    assert_refused(path, NotAVault)


def test_directory_is_no_vault(tmp_path: Path) -> None:
    with pytest.raises(NotAVault, match="directory"):
        opened(tmp_path)


def test_folder_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(VaultError, match="Make it first"):
        opened(tmp_path / "missing" / "vault.db")


def test_vault_of_a_newer_release_is_left_untouched(tmp_path: Path) -> None:
    path = tmp_path / "vault.db"
    vault = opened(path)
    Desk(vault).put("text")
    vault.close()
    newer = apsw.Connection(str(path))
    newer.execute(f"pragma user_version = {migrations.VERSION + 1}")
    newer.close()
    assert_refused(path, VaultTooNew)


def test_newer_version_that_is_still_in_the_wal_is_refused_too(tmp_path: Path) -> None:
    path = tmp_path / "vault.db"
    opened(path).close()
    newer = apsw.Connection(str(path))
    newer.execute(f"pragma user_version = {migrations.VERSION + 1}")
    try:
        with pytest.raises(VaultTooNew):
            opened(path)
    finally:
        newer.close()
    assert_refused(path, VaultTooNew)


def test_file_that_was_only_marked_is_completed(tmp_path: Path) -> None:
    """Troubleshooting: a crash between making the file and making the tables must not leave a file nobody accepts."""
    path = tmp_path / "vault.db"
    opening.inspect(str(path))
    assert path.stat().st_size > 0
    vault = opened(path)
    Desk(vault).put("text")
    assert vault.count(alice()) == 1


def test_every_safety_is_on(tmp_path: Path) -> None:
    vault = opened(tmp_path / "vault.db")
    with vault._pool.read() as db:
        kept = {
            name: db.execute(f"pragma {name}").get
            for name in ("journal_mode", "synchronous", "secure_delete", "trusted_schema", "application_id")
        }
        secure = db.execute("select v from text_index_config where k = 'secure-delete'").get
        with pytest.raises(apsw.SQLError):
            db.execute("delete from text_index_data")
    assert secure == 1
    assert kept == {
        "journal_mode": "wal",
        "synchronous": 2,
        "secure_delete": 1,
        "trusted_schema": 0,
        "application_id": migrations.APPLICATION_ID,
    }


def test_setting_that_does_not_take_is_an_error() -> None:
    with pytest.raises(UnsupportedSQLite, match="journal_mode"):
        connection.set_pragma(apsw.Connection(":memory:"), "journal_mode", "wal")


@pytest.mark.parametrize("version", ["3.7.0", "3.40.1", "3.44.5", "3.45.0", "3.50.6", "3.51.0", "3.51.2"])
def test_library_that_can_lose_writes_is_refused(version: str) -> None:
    with pytest.raises(UnsupportedSQLite, match=version):
        connection.check_library(version)


@pytest.mark.parametrize("version", ["3.44.6", "3.44.7", "3.50.7", "3.51.3", "3.52.0", "3.54.1", "4.0.0"])
def test_mended_library_is_accepted(version: str) -> None:
    connection.check_library(version)


def test_closed_vault_stays_closed(tmp_path: Path) -> None:
    vault = opened(tmp_path / "vault.db")
    vault.close()
    vault.close()
    with pytest.raises(VaultClosed):
        vault.count(alice())


def test_last_close_leaves_one_file(tmp_path: Path) -> None:
    vault = opened(tmp_path / "vault.db")
    Desk(vault).put("text")
    vault.close()
    assert [file.name for file in tmp_path.iterdir()] == ["vault.db"]
