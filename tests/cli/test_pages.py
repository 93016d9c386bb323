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


def test_what_the_pages_of_the_life_of_a_memory_show_is_what_comes(run: Callable[..., Result]) -> None:
    run("add", "The guest network is called lighthouse.")
    run("snapshot", "before the move")
    run("search", "guest network")
    shown = {
        "SCHEDULER.md": [run("scheduler").stdout],
        "TIME_MACHINE.md": [],
        "LIFECYCLE.md": [],
        "TRANSACTIONS.md": [],
    }
    run("scheduler", "--run")
    [name] = re.findall(r"\b[0-9a-f]{8}-[0-9a-f-]{27}\b", run("list").stdout)
    run("add", "The router stands in the hall.")
    run("forget", name)
    shown["TIME_MACHINE.md"].append(run("diff", "before the move").stdout)
    shown["LIFECYCLE.md"].append(run("history", name).stdout)
    for text in ("The door code of the boathouse is 4711.", "The boathouse key hangs behind the door."):
        run("add", text, "-n", "ana")
    steps = ("redact=\\d{4}", "tag=boathouse", "summarise=30", "transfer=club")
    shown["TRANSACTIONS.md"].append(run("pipeline", *steps, "-n", "ana", "--dry-run").stdout)
    for where, several in shown.items():
        for text in several:
            assert sorted(masked(text)) in [sorted(masked(block)) for block in text_blocks(where)], text


def text_blocks(name: str) -> list[str]:
    return re.findall(r"```text\n(.*?)```", page(name), re.DOTALL)


def masked(text: str) -> list[str]:
    """Lines without what differs from run to run: ids, times and widths."""
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{64}|\d{4}-\d\d-\d\d( +\d\d:\d\d:\d\d)?", "#", text)
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]


def test_every_command_and_format_is_told_of() -> None:
    assert all(f"memos {name}" in page("CLI.md") for name in get_command(app).commands)
    assert all(f"| `{name}` |" in page("IMPORT.md") for name in FORMATS)


def test_the_message_of_the_page_is_one(run: Callable[..., Result], tmp_path: Path) -> None:
    [line] = re.findall(r"```json\n(.*?)\n```", page("IMPORT.md"), re.DOTALL)
    (tmp_path / "one.jsonl").write_text(line, encoding="utf-8")
    assert "1 memory written" in run("import", "one.jsonl").stdout
