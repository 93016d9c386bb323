"""What the command line says when it cannot do what was asked."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import apsw
import pytest
from click.testing import Result
from typer.main import get_command

from memos_core import MemOS
from memos_core.cli.app import app
from memos_core.testing.embedders import HashingEmbedder

Run = Callable[..., Result]
COMMANDS = sorted(get_command(app).commands)


def leaves(command: Any) -> list[list[str]]:
    """The words of every command that is no group of others, at any depth."""
    inner = getattr(command, "commands", None)
    return [[]] if inner is None else [[name, *below] for name, each in inner.items() for below in leaves(each)]


LEAVES = sorted(leaves(get_command(app)))
MAIN = [sys.executable, "-c", "from memos_core.cli import main; main()"]


@pytest.mark.parametrize(
    ("arguments", "kind", "said"),
    [
        (["search", "tea"], "VaultError", "There is no vault at"),
        (["add", " "], "InvalidText", "The text is blank"),
        (["search", " "], "InvalidText", "`memos list`"),
        (["add", "caf\udce9"], "InvalidText", "UTF-8"),
        (["add", "a\0b"], "InvalidText", "NUL"),
        (["add", "tea", "--namespace", "a//b"], "InvalidNamespace", "not a namespace"),
        (["import", "data.bin"], "UnknownFormat", "Known are .jsonl"),
        (["import", "empty.jsonl"], "InvalidInput", "There is nothing to remember"),
        (["import", "bad.jsonl"], "InvalidInput", "bad.jsonl, line 2: "),
        (["import", "bad.jsonl", "--format", "csv"], "InvalidInput", "known are jsonl, chat, document"),
        (["import", "pipe", "--format", "jsonl"], "InvalidInput", "read twice"),
        (["list", "--vault", "data.bin"], "NotAVault", "left untouched"),
        (["add", "tea", "--vault", "nowhere/x.db"], "VaultError", "no directory nowhere"),
    ],
)
def test_an_error_names_its_kind_and_says_what_to_do(
    run: Run, tmp_path: Path, arguments: list[str], kind: str, said: str
) -> None:
    (tmp_path / "data.bin").write_bytes(bytes(range(256)))
    (tmp_path / "empty.jsonl").write_text("\n")
    (tmp_path / "bad.jsonl").write_text('{"content": "fine"}\n{"content": 7}\n')
    os.mkfifo(tmp_path / "pipe")
    plain = run(*arguments, code=1)
    assert plain.stderr.startswith("Error: ")
    assert said in plain.stderr
    assert plain.stdout == ""
    told = json.loads(run(*arguments, "--json", code=1).stderr)["error"]
    assert told["type"] == kind
    assert said in told["message"]
    assert not (tmp_path / "memory.db").exists()


@pytest.mark.parametrize("arguments", [["get", "nothing"], ["history", "nothing"], ["forget", "nothing"]])
def test_an_unknown_id_is_an_error(run: Run, arguments: list[str]) -> None:
    run("add", "Tea")
    error = json.loads(run(*arguments, "--json", code=1).stderr)["error"]
    assert error["type"] == "CubeNotFound"
    assert "`memos list`" in error["message"]


def test_what_is_wrong_in_the_middle_of_a_file_stores_nothing(run: Run, tmp_path: Path) -> None:
    run("add", "Tea")
    (tmp_path / "bad.jsonl").write_text('{"content": "fine"}\n{"content": 7}\n')
    run("import", "bad.jsonl", code=1)
    assert "fine" not in run("list").stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["fly"],
        ["search"],
        ["search", "tea", "--limit", "0"],
        ["search", "tea", "--as-of", "soon"],
        ["import", "missing.jsonl"],
        ["list", "--kind", "rumour"],
        ["search", "tea", "--min-trust", "some"],
        ["add", "tea", "--role", "wizard"],
        ["--fly", "list"],
    ],
)
def test_a_command_line_that_is_not_understood_ends_with_2(run: Run, arguments: list[str]) -> None:
    assert "Usage: memos" in run(*arguments, code=2).stderr
    told = run(*arguments, "--json", code=2)
    assert json.loads(told.stderr)["error"]["type"] == "UsageError"
    assert told.stdout == ""


def test_an_empty_namespace_is_not_the_default_one(run: Run) -> None:
    run("add", "Tea")
    assert "not a namespace" in run("search", "tea", "--namespace", "", code=1).stderr


@pytest.mark.parametrize(("given", "said"), [(b"caf\xe9", "not UTF-8"), (b"a\0b", "NUL"), (b"", "blank")])
def test_what_stdin_brings_is_checked(tmp_path: Path, given: bytes, said: str) -> None:
    ended = subprocess.run(
        [*MAIN, "add", "-"],
        env={**os.environ, "MEMOS_VAULT": str(tmp_path / "memory.db"), "PYTHONIOENCODING": "utf-8:strict"},
        input=given,
        capture_output=True,
        check=False,
    )
    assert ended.returncode == 1
    assert ended.stderr.decode().startswith("Error: ")
    assert said in ended.stderr.decode()


def test_a_text_that_is_too_large_is_refused(run: Run) -> None:
    assert "1,000,001 characters" in run("add", "-", stdin="a" * 1_000_001, code=1).stderr


def test_a_vault_of_a_newer_release_is_left_as_it_is(run: Run, tmp_path: Path) -> None:
    run("add", "Tea")
    vault = tmp_path / "memory.db"
    with closing(apsw.Connection(str(vault))) as db:
        db.execute("PRAGMA user_version = 99")
    before = vault.read_bytes()
    assert "VaultTooNew" in run("add", "Coffee", "--json", code=1).stderr
    shown = run("doctor", code=1).stdout
    assert "pip install --upgrade memcubes" in shown
    assert "restore a backup" not in shown
    assert vault.read_bytes() == before


def test_a_vault_of_another_embedder_is_refused_until_it_is_embedded_anew(run: Run, tmp_path: Path) -> None:
    with MemOS.open(tmp_path / "memory.db", embedder=HashingEmbedder()) as memos:
        memos.add("Ana lives in Oslo", namespace="default")
    assert "`memos reembed`" in run("search", "Oslo", code=1).stderr
    assert "`memos reembed`" in run("doctor", code=1).stdout
    assert "Made vectors for 1 operation." in run("reembed").stdout
    assert "Ana lives in Oslo" in run("search", "Oslo").stdout


@pytest.mark.parametrize("words", LEAVES, ids=" ".join)
def test_the_help_of_every_command_shows_examples(run: Run, words: list[str]) -> None:
    shown = run(*words, "--help").stdout
    assert "Examples:" in shown
    assert " ".join(["$ memos", *words]) in shown
    assert "--json" in shown or (words[0] == "mcp" and words[1:2] != ["token"])  # servers, and files of clients


def test_without_arguments_the_commands_are_listed(run: Run) -> None:
    shown = run(code=2).output
    assert all(command in shown for command in COMMANDS)


def test_the_version_is_the_one_that_is_installed(run: Run) -> None:
    from importlib.metadata import version

    assert run("--version").stdout.strip() == f"memos {version('memcubes')}"


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    environment = {**os.environ, "MEMOS_VAULT": str(tmp_path / "memory.db")}
    for number in range(3):
        subprocess.run([*MAIN, "add", f"{number} " + "tea " * 20_000], env=environment, check=True, capture_output=True)
    with subprocess.Popen(
        [*MAIN, "list", "--json"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as listing:
        listing.stdout.read(10)
        listing.stdout.close()
        assert b"Traceback" not in listing.stderr.read()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_an_answer_that_cannot_be_written_is_an_error(run: Run, tmp_path: Path) -> None:
    run("add", "Tea")
    with Path("/dev/full").open("wb") as full:
        ended = subprocess.run([*MAIN, "list"], env={**os.environ}, stdout=full, stderr=subprocess.PIPE, check=False)
    assert ended.returncode == 1
    assert ended.stderr.startswith(b"Error: ")


def test_a_terminal_without_the_letters_shows_something_else(run: Run) -> None:
    run("add", "Tea in the café 🦊")
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    shown = subprocess.run([*MAIN, "list"], env=environment, capture_output=True, check=True).stdout
    assert b"caf\\xe9" in shown


def test_text_cannot_command_the_terminal(run: Run) -> None:
    run("add", "red \x1b[31malert\x1b[0m [bold]not markup[/bold]")
    shown = run("list").stdout
    assert "\x1b" not in shown
    assert "[bold]not markup[/bold]" in shown
