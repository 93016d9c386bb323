"""What the command line says when it cannot do what was asked."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from typer.main import get_command

from memos_core.cli.app import app

Run = Callable[..., Result]
COMMANDS = sorted(get_command(app).commands)
MAIN = [sys.executable, "-c", "from memos_core.cli import main; main()"]


@pytest.mark.parametrize(
    ("arguments", "kind", "said"),
    [
        (["search", "tea"], "VaultError", "There is no vault at"),
        (["add", " "], "InvalidText", "no text"),
        (["add", "a\0b"], "InvalidText", "NUL"),
        (["add", "tea", "--namespace", "a//b"], "InvalidNamespace", "not a namespace"),
        (["import", "data.bin"], "UnknownFormat", "Known are .jsonl"),
        (["import", "empty.jsonl"], "InvalidInput", "There is nothing to remember"),
        (["import", "bad.jsonl"], "InvalidInput", "bad.jsonl, line 2"),
        (["import", "bad.jsonl", "--format", "csv"], "InvalidInput", "known are jsonl, chat, document"),
        (["doctor", "--vault", "nowhere/at/all/../x.db"], None, ""),
    ],
)
def test_an_error_names_its_kind_and_says_what_to_do(
    run: Run, tmp_path: Path, arguments: list[str], kind: str | None, said: str
) -> None:
    (tmp_path / "data.bin").write_bytes(bytes(range(256)))
    (tmp_path / "empty.jsonl").write_text("\n")
    (tmp_path / "bad.jsonl").write_text('{"content": "fine"}\n{"content": 7}\n')
    if kind is None:
        run(*arguments)
        return
    plain = run(*arguments, code=1)
    assert plain.stderr.startswith("Error: ")
    assert said in plain.stderr
    assert plain.stdout == ""
    told = json.loads(run(*arguments, "--json", code=1).stderr)["error"]
    assert told["type"] == kind
    assert said in told["message"]
    assert not (tmp_path / "memory.db").exists() or "There is nothing" not in run("list").stdout


@pytest.mark.parametrize("arguments", [["get", "nothing"], ["history", "nothing"], ["forget", "nothing"]])
def test_an_unknown_id_is_an_error(run: Run, arguments: list[str]) -> None:
    run("add", "Tea")
    assert json.loads(run(*arguments, "--json", code=1).stderr)["error"]["type"] == "CubeNotFound"


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
    ],
)
def test_a_command_line_that_is_not_understood_ends_with_2(run: Run, arguments: list[str]) -> None:
    run(*arguments, code=2)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_every_command_shows_examples(run: Run, command: str) -> None:
    shown = run(command, "--help").stdout
    assert "Examples:" in shown
    assert f"memos {command}" in shown
    assert "--json" in shown or command == "mcp"


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


def test_text_cannot_command_the_terminal(run: Run) -> None:
    run("add", "red \x1b[31malert\x1b[0m [bold]not markup[/bold]")
    shown = run("list").stdout
    assert "\x1b" not in shown
    assert "[bold]not markup[/bold]" in shown
