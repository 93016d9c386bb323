"""The page about the server is true: its configurations start one, and its table has every tool."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from mcp.server import Server
from typer.testing import CliRunner

from memos_core.cli.app import app
from memos_mcp.results import MAX_TOKENS

PAGE = (Path(__file__).parents[3] / "docs" / "MCP.md").read_text(encoding="utf-8")
CONFIGURATIONS = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)]


COMMANDS = [
    *(
        [servers["memos"]["command"], *servers["memos"]["args"]]
        for block in CONFIGURATIONS
        for servers in block.values()
    ),
    *(shlex.split(line) for line in re.findall(r"^claude mcp add .*? -- (.*)$", PAGE, re.MULTILINE)),
]


def test_the_page_has_a_configuration_for_every_kind_of_client() -> None:
    assert [list(block) for block in CONFIGURATIONS] == [["mcpServers"], ["mcpServers"], ["servers"]]
    assert len(COMMANDS) == 4


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_configuration_starts_a_server(command: list[str], tmp_path: Path) -> None:
    program, *arguments = [str(tmp_path / "memory.db") if each.endswith(".db") else each for each in command]
    assert program == "memos"
    done = subprocess.run(
        [sys.executable, "-c", "from memos_core.cli import main; main()", *arguments],
        input="", env=dict(os.environ), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "memory.db").exists()


async def test_every_tool_is_on_the_page(server: Server[Any]) -> None:
    async with Client(server) as client:
        listed = (await client.list_tools()).tools
    told = dict(re.findall(r"^\| `(\w+)` \|.*\| (yes|no) \|$", PAGE, re.MULTILINE))
    assert told == {tool.name: "no" if tool.annotations.read_only_hint else "yes" for tool in listed}


async def test_the_limits_on_the_page_are_the_limits(server: Server[Any]) -> None:
    async with Client(server) as client:
        [add] = [tool for tool in (await client.list_tools()).tools if tool.name == "memory_add"]
    longest = add.input_schema["properties"]["text"]["maxLength"]
    assert f"hold at most {MAX_TOKENS:,} tokens" in PAGE
    assert f"takes at most {longest:,} characters" in " ".join(PAGE.split())


def test_the_commands_of_the_page_run_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "APPDATA", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(tmp_path))
    blocks = "".join(re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL))
    commands = [shlex.split(line) for line in blocks.splitlines() if line.startswith("memos ")]
    assert len(commands) == 4
    for _, *arguments in commands:
        done = CliRunner().invoke(app, ["--vault", str(tmp_path / "memory.db"), *arguments])
        assert done.exit_code == 0, done.output
    assert "memos" in (tmp_path / "Claude" / "claude_desktop_config.json").read_text(encoding="utf-8")


def test_what_else_the_page_says_to_type_is_understood() -> None:
    for line in re.findall(r"^    (memos .*)$", PAGE, re.MULTILINE):
        _, *arguments = shlex.split(line)
        names = [each for each in arguments if each.startswith("--")]
        shown = CliRunner().invoke(app, [*[each for each in arguments[:2] if each.isalpha()], "--help"]).output
        assert all(name in shown for name in names), line
