"""The pages are true: their Python runs and prints what they show, and their commands exist."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer

from memos_core.cli.app import app

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
PAGES = [README, ROOT / "CONTRIBUTING.md", *sorted(ROOT.glob("docs/**/*.md"))]
#: The adapters' own tests run these, with the frameworks they need.
RUN_ELSEWHERE = {"LANGCHAIN.md", "LLAMAINDEX.md"}
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
SHELLS = {"sh", "bash", "console"}
COMMANDS: Any = typer.main.get_command(app)


def blocks(page: Path, *languages: str) -> list[str]:
    return [text for language, text in FENCE.findall(page.read_text("utf-8")) if language in languages]


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def command_lines(page: Path) -> list[str]:
    """Lines of shell blocks, without prompts and comments, and commands written within a sentence."""
    lines = [line for block in blocks(page, *SHELLS) for line in block.replace("\\\n", " ").splitlines()]
    inline = re.findall(r"`((?:memos|make) [^`]+)`", FENCE.sub("", page.read_text("utf-8")))
    return [line.removeprefix("$ ").split(" #")[0].strip() for line in [*lines, *inline]]


@pytest.mark.parametrize(
    "page", [page for page in PAGES if blocks(page, "python") and page.name not in RUN_ELSEWHERE], ids=name
)
def test_the_code_of_a_page_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "page"}
    for block in blocks(page, "python"):
        exec(compile(block, name(page), "exec"), names)


def test_the_readme_shows_what_its_code_prints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for block in blocks(README, "python"):
        exec(compile(block, "README.md", "exec"), {})
    printed = capsys.readouterr().out
    shown = [line for block in blocks(README, "text") for line in block.splitlines() if line]
    assert shown
    assert [line for line in shown if line not in printed] == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_make_target_that_a_page_names_exists(page: Path) -> None:
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = {line.split()[1] for line in command_lines(page) if line.startswith("make ")}
    assert named <= targets


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_command_that_a_page_names_exists_with_its_options(page: Path) -> None:
    for line in command_lines(page):
        if line.startswith("memos "):
            assert unknown_words(line) == [], line


def test_every_command_that_a_message_advises_exists() -> None:
    for source in [*ROOT.glob("memos_core/**/*.py"), *ROOT.glob("integrations/*/memos_*/**/*.py")]:
        for line in re.findall(r"`(memos [a-z][^`]*)`", source.read_text("utf-8")):
            assert unknown_words(line) == [], (source, line)


def unknown_words(line: str) -> list[str]:
    """The command and options of a line that the command line does not know."""
    words = shlex.split(line.replace("\u2026", "..."))[1:]
    words = words[: next((at for at, word in enumerate(words) if word in {"|", ">", "&&", ";"}), len(words))]
    known = options_of(COMMANDS)
    unknown = []
    waits_for_value = False
    command = None
    group = COMMANDS
    for word in words:
        option = word.split("=")[0]
        if waits_for_value:
            waits_for_value = False
        elif option.startswith("-"):
            if option not in known:
                unknown.append(option)
            waits_for_value = "=" not in word and not known.get(option, True)
        elif command is None and word == "COMMAND":  # stands for any
            return unknown
        elif command is None:
            command = group.commands.get(word)
            if command is None:
                return [*unknown, word]
            known = options_of(command)
            if hasattr(command, "commands"):  # of a group, the next word says which
                group, command = command, None
    return unknown


def options_of(command: Any) -> dict[str, bool]:
    """Names of a command's options, and whether each stands alone, without a value."""
    found = {"-h": True, "--help": True}
    for option in command.params:
        if option.param_type_name == "option":
            found |= dict.fromkeys([*option.opts, *option.secondary_opts], option.is_flag or option.count)
    return found
