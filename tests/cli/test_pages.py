"""The pages about the command line are true: their commands run, in order, and every command is told of."""

import json
import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from typer.main import get_command

from memos_core.cli.app import app
from memos_core.infrastructure.exchange.importers import FORMATS

ROOT = Path(__file__).parents[2]
PAGES = ("CLI.md", "IMPORT.md", "MARKETPLACE.md")
SAMPLE = ROOT / "examples" / "conversation.jsonl"


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", PAGES)
def test_the_commands_of_the_page_run_in_order(run: Callable[..., Result], tmp_path: Path, name: str) -> None:
    shutil.copy(SAMPLE, tmp_path)
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "tea.md").write_text("# Tea\n\nGreen.", encoding="utf-8")
    shutil.make_archive(str(tmp_path / "chatgpt-export"), "zip", ROOT / "tests" / "data" / "imports" / "chatgpt")
    (tmp_path / "chat.json").write_text(json.dumps([{"role": "user", "content": "Hello"}]), encoding="utf-8")
    commands = "".join(re.findall(r"```sh\n(.*?)```", page(name), re.DOTALL)).splitlines()
    assert commands
    for command in commands:
        program, *arguments = shlex.split(command)
        assert program == "memos"
        run(*arguments)


def test_what_the_page_shows_is_what_comes(run: Callable[..., Result], tmp_path: Path) -> None:
    run("import", str(SAMPLE))
    shown = run("search", *"when is the lighthouse show --limit 1 --why".split()).stdout
    ids = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}")
    assert ids.sub("ID", shown).strip() in ids.sub("ID", page("CLI.md"))


def test_every_command_and_format_is_told_of() -> None:
    assert all(f"memos {name}" in page("CLI.md") for name in get_command(app).commands)
    assert all(f"| `{name}` |" in page("IMPORT.md") for name in FORMATS)


def test_the_message_of_the_page_is_one(run: Callable[..., Result], tmp_path: Path) -> None:
    [line] = re.findall(r"```json\n(.*?)\n```", page("IMPORT.md"), re.DOTALL)
    (tmp_path / "one.jsonl").write_text(line, encoding="utf-8")
    assert "1 memory written" in run("import", "one.jsonl").stdout
