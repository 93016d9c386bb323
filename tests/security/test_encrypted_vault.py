"""Encryption at rest: nothing of a memory can be read from the files, and every law of vaults holds.

It needs the library that encrypts, which takes the place of the plain one: ``make encrypted``.
"""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest
from click.testing import Result
from typer.testing import CliRunner

from memos_core import MemOS
from memos_core.cli.app import app
from memos_core.cube.canonical import sha256
from memos_core.cube.memcube import Content, Kind
from memos_core.errors import ExtraMissing, InvalidInput, InvalidKey, NotAVault, VaultBusy, VaultCorrupt, WrongKey
from memos_core.infrastructure.vault.ciphers import recrypt
from memos_core.infrastructure.vault.keys import key_from, new_key
from memos_core.infrastructure.vault.sqlite import SQLiteVault
from memos_core.ports import Batch, Vault
from memos_core.testing.clock import ManualClock
from memos_core.testing.embedders import HashingEmbedder
from memos_core.testing.vault import VaultConformance
from memos_core.testing.vault.blobs import cache, ref

KEY = 'it\'s a "long" key; drop table'
needs_ciphers = pytest.mark.skipif(not hasattr(apsw, "mc_version"), reason="run by `make encrypted`")


def opened(path: Path, key: str | None = KEY) -> MemOS:
    return MemOS.open(path, embedder=HashingEmbedder(), clock=ManualClock(), key=key)


@needs_ciphers
class TestEncryptedVault(VaultConformance):
    def make_vault(self, tmp_path: Path) -> SQLiteVault:
        return SQLiteVault(str(tmp_path / "vault.db"), clock=ManualClock(), key=KEY)

    def reopen(self, vault: Vault) -> SQLiteVault:
        assert isinstance(vault, SQLiteVault)
        vault.close()
        return SQLiteVault(vault.path, clock=ManualClock(), key=KEY)

    def open_backup(self, path: Path) -> SQLiteVault:
        return SQLiteVault(str(path), clock=ManualClock(), key=KEY)


@needs_ciphers
def test_nothing_can_be_read_from_the_files(tmp_path: Path) -> None:
    with opened(tmp_path / "vault.db") as memos:
        memos.add("The marker is xylophone.", namespace="ana")
        memos.backup(tmp_path / "copy.db")
        memos.fork(tmp_path / "fork.db")
        for file in tmp_path.iterdir():
            data = file.read_bytes()
            assert not any(word in data for word in (b"xylophone", b"SQLite format", b"create table")), file
    for name in ("vault.db", "copy.db", "fork.db"):
        with opened(tmp_path / name) as memos:
            assert memos.search("xylophone", namespace="ana")


@needs_ciphers
def test_a_wrong_key_and_none_open_nothing_and_change_nothing(tmp_path: Path) -> None:
    path = tmp_path / "vault.db"
    opened(path).close()
    before = path.read_bytes()
    with pytest.raises(WrongKey, match="another key"):
        opened(path, "wrong")
    with pytest.raises(NotAVault, match="needs its key"):
        opened(path, None)
    assert path.read_bytes() == before


@needs_ciphers
def test_a_plain_vault_is_encrypted_rekeyed_and_decrypted(tmp_path: Path) -> None:
    path = tmp_path / "vault.db"
    with opened(path, None) as memos:
        memos.add("The marker is xylophone.", namespace="ana")
    with pytest.raises(InvalidInput, match="not encrypted"):
        opened(path)
    for old, new in ((None, KEY), (KEY, "other"), ("other", None)):
        recrypt(str(path), old=old, new=new)
        with opened(path, new) as memos:
            assert memos.verify() == []
            assert memos.search("xylophone", namespace="ana")
        assert (b"xylophone" in path.read_bytes()) == (new is None)
    with pytest.raises(WrongKey):
        recrypt(str(path), old="wrong", new="new")


def with_blob(memos: MemOS, data: bytes) -> str:
    """Store a blob; return the cube that refers to it."""
    content = Content(namespace=("ana",), kind=Kind.SUMMARY, payload=cache(ref(data)))
    put = memos._author.put(memos._author.new_id(), content)
    memos._vault.commit(Batch([put], blobs={ref(data).sha256: data}))
    return put.cube


def files(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@needs_ciphers
def test_blobs_are_encrypted_and_their_names_tell_nothing(tmp_path: Path) -> None:
    data = b"xylophone" * 300_000
    with opened(tmp_path / "vault.db") as memos:
        cubes = [with_blob(memos, data), with_blob(memos, b"")]
        memos.backup(tmp_path / "copy.db")
        memos.fork(tmp_path / "fork.db")
    for name, held in files(tmp_path).items():
        assert b"xylophone" not in held
        assert ref(data).sha256[:8] not in name
        assert sha256(held) != ref(data).sha256
    for name in ("vault.db", "copy.db", "fork.db"):
        with opened(tmp_path / name) as memos:
            assert [bytes(memos._vault.blob(cube)) for cube in cubes] == [data, b""]
            assert memos.verify() == []


@needs_ciphers
def test_the_key_of_an_erased_blob_is_nowhere(tmp_path: Path) -> None:
    """Troubleshooting: then it does not matter what a disk keeps of the file."""
    path = tmp_path / "vault.db"
    with opened(path) as memos:
        cube = with_blob(memos, b"xylophone")
        with memos._whole._pool.read() as db:  # type: ignore[attr-defined]
            key = db.execute("select key from blob").get
        assert not memos.erase(cube).pending
        with memos._whole._pool.read() as db:  # type: ignore[attr-defined]
            assert db.execute("select count(*) from blob").get == 0
    recrypt(str(path), old=KEY, new=None)
    assert not any(key in held for held in files(tmp_path).values())


@needs_ciphers
def test_blobs_are_encrypted_and_decrypted_with_their_vault(tmp_path: Path) -> None:
    path, data = tmp_path / "vault.db", b"xylophone" * 300_000
    with opened(path, None) as memos:
        cubes = [with_blob(memos, data), with_blob(memos, b"short")]
    for old, new in ((None, KEY), (KEY, "other"), ("other", None)):
        recrypt(str(path), old=old, new=new)
        assert any(b"xylophone" in held for held in files(tmp_path).values()) == (new is None)
        assert len(files(tmp_path)) == 3
        with opened(path, new) as memos:
            assert [bytes(memos._vault.blob(cube)) for cube in cubes] == [data, b"short"]
            assert memos.verify() == []


@needs_ciphers
def test_a_damaged_blob_is_not_encrypted_as_if_it_were_whole(tmp_path: Path) -> None:
    path = tmp_path / "vault.db"
    with opened(path, None) as memos:
        with_blob(memos, b"xylophone")
    [file] = (tmp_path / "vault.db-blobs").iterdir()
    file.write_bytes(b"xylophonE")
    with pytest.raises(VaultCorrupt, match="altered"):
        recrypt(str(path), old=None, new=KEY)
    with opened(path, None) as memos:
        assert [damage.what for damage in memos.verify()] == ["it was altered"]
    file.unlink()
    recrypt(str(path), old=None, new=KEY)
    with opened(path) as memos:
        assert len(memos.verify()) == 1


@needs_ciphers
def test_a_vault_that_is_open_elsewhere_keeps_its_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("memos_core.infrastructure.vault.connection.BUSY_TRIES", 10)
    path = tmp_path / "vault.db"
    with opened(path) as memos:
        memos.add("Here.", namespace="ana")
        with pytest.raises(VaultBusy):
            recrypt(str(path), old=KEY, new="other")
        assert memos.search("here", namespace="ana")


@needs_ciphers
def test_encrypted_vaults_are_merged_and_kept_in_step(tmp_path: Path) -> None:
    with opened(tmp_path / "a.db") as one, opened(tmp_path / "b.db", "other") as other:
        one.add("One.", namespace="ana")
        other.add("Other.", namespace="ana")
        one.sync(tmp_path / "b.db", key="other")
        assert {cube.text for cube in one.list(namespace="ana")} == {cube.text for cube in other.list(namespace="ana")}


@needs_ciphers
def test_the_command_line_takes_keys_from_files_and_prompts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, stdin: str = "") -> Result:
        done: Result = CliRunner().invoke(app, arguments, input=stdin)
        return done

    assert run("key", "new", "vault.key", "--vault").exit_code == 0
    assert run("--key-from", "file:vault.key", "add", "A fox.", "--vault", "v.db").exit_code == 0
    assert "fox" in run("--key-from", "file:vault.key", "search", "fox", "--vault", "v.db").stdout
    assert run("search", "fox", "--vault", "v.db").exit_code == 1
    changed = run("--key-from", "file:vault.key", "encrypt", "prompt", "--vault", "v.db", stdin="sesame\n")
    assert "new key" in changed.stdout
    assert "fox" in run("--key-from", "prompt", "search", "fox", "--vault", "v.db", stdin="sesame\n").stdout
    assert run("--key-from", "prompt", "encrypt", "none", "--vault", "v.db", stdin="sesame\n").exit_code == 0
    assert "fox" in run("search", "fox", "--vault", "v.db").stdout
    assert run("--key-from", "file:vault.key", "add", "An owl.", "--vault", "w.db").exit_code == 0
    assert "1 memory new." in run("merge", "w.db", "--other-key-from", "file:vault.key", "--vault", "x.db").stdout
    assert "owl" in run("search", "owl", "--vault", "x.db").stdout
    assert "An owl." not in run("sync", "v.db", "w.db").stdout
    assert run("sync", "v.db", "w.db", "--other-key-from", "file:vault.key").exit_code == 0
    assert "owl" in run("search", "owl", "--vault", "v.db").stdout


@pytest.mark.skipif(hasattr(apsw, "mc_version"), reason="the library that encrypts is here")
def test_without_the_library_nothing_is_made_and_the_error_says_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(ExtraMissing, match="apsw-sqlite3mc"):
        opened(tmp_path / "vault.db")
    assert not (tmp_path / "vault.db").exists()


def test_keys_come_from_files_and_prompts_and_nowhere_else(tmp_path: Path) -> None:
    new_key(tmp_path / "key")
    assert len(key_from(f"file:{tmp_path / 'key'}", ask=str)) == 64
    assert key_from("prompt", ask=lambda: "said") == "said"
    with pytest.raises(InvalidKey, match="there already"):
        new_key(tmp_path / "key")
    (tmp_path / "empty").write_text("\n", "utf-8")
    for place in (f"file:{tmp_path / 'none'}", f"file:{tmp_path / 'empty'}", "file:", "secret", ""):
        with pytest.raises(InvalidKey):
            key_from(place, ask=str)


def test_keys_come_from_the_key_ring(monkeypatch: pytest.MonkeyPatch) -> None:
    keyring = pytest.importorskip("keyring")
    monkeypatch.setattr(keyring, "get_password", lambda service, name: {("memos", "ana"): "held"}.get((service, name)))
    assert key_from("keyring:ana", ask=str) == "held"
    with pytest.raises(InvalidKey, match="keyring set memos bob"):
        key_from("keyring:bob", ask=str)


@pytest.mark.parametrize("key", ["", "a\0b", b"bytes", 5])
def test_what_is_no_key_is_refused(tmp_path: Path, key: object) -> None:
    with pytest.raises(InvalidInput):
        opened(tmp_path / "vault.db", key)  # type: ignore[arg-type]
    assert not (tmp_path / "vault.db").exists()
