"""The page about the server is true: its configurations start one, and its table has every tool."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from mcp.server.mcpserver import MCPServer

from memos_mcp.results import MAX_ANSWER

PAGE = (Path(__file__).parents[3] / "docs" / "MCP.md").read_text(encoding="utf-8")
CONFIGURATIONS = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)]


@pytest.mark.parametrize("configuration", CONFIGURATIONS)
def test_a_configuration_starts_a_server(configuration: dict[str, Any], tmp_path: Path) -> None:
    [servers] = configuration.values()
    arguments = [str(tmp_path / "memory.db") if each.endswith(".db") else each for each in servers["memos"]["args"]]
    assert servers["memos"]["command"] == "memos"
    done = subprocess.run(
        [sys.executable, "-c", "from memos_core.cli import main; main()", *arguments],
        input="", env=dict(os.environ), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "memory.db").exists()


async def test_every_tool_is_on_the_page(server: MCPServer[Any]) -> None:
    async with Client(server) as client:
        listed = (await client.list_tools()).tools
    told = dict(re.findall(r"^\| `(\w+)` \|.*\| (yes|no) \|$", PAGE, re.MULTILINE))
    assert told == {tool.name: "no" if tool.annotations.read_only_hint else "yes" for tool in listed}


def test_the_limit_on_the_page_is_the_limit() -> None:
    assert f"{MAX_ANSWER:,} characters" in PAGE
