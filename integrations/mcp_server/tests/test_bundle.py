"""The bundle does what its manifest says, once it is packed, unpacked elsewhere and started."""

import json
import os
import shutil
import sys
from pathlib import Path

from mcp import Client, StdioServerParameters

from memos_core import MemOS

BUNDLE = Path(__file__).parents[1] / "bundle"
UV = ["run", "--directory", "${__dirname}"]  # what uv is asked: to install the package, and run in that environment


def server(folder: Path, chosen: dict[str, str]) -> StdioServerParameters:
    """As an application starts it, with the environment of the tests in place of the one that uv makes."""
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    fields = {name: field["default"] for name, field in manifest["user_config"].items()} | chosen
    config = manifest["server"]["mcp_config"]
    assert [config["command"], *config["args"][:-1]] == ["uv", *UV]
    environment = dict(config["env"])
    for name, value in fields.items():
        environment = {key: text.replace(f"${{user_config.{name}}}", value) for key, text in environment.items()}
    assert not any("${user_config" in text for text in environment.values())
    return StdioServerParameters(
        command=sys.executable, args=config["args"][-1:], cwd=folder, env={**os.environ, **environment}
    )


async def test_a_bundle_that_is_packed_and_unpacked_remembers_in_the_chosen_file(tmp_path: Path) -> None:
    packed = shutil.make_archive(str(tmp_path / "memos"), "zip", BUNDLE)  # what an .mcpb file is
    shutil.unpack_archive(packed, tmp_path / "installed")
    vault = tmp_path / "mine.db"
    started = server(tmp_path / "installed", {"vault": str(vault), "namespace": "acme/ana"})
    async with Client(started) as caller:
        tools = {tool.name for tool in (await caller.list_tools()).tools}
        said = json.loads((BUNDLE / "manifest.json").read_text(encoding="utf-8"))["tools"]
        assert tools == {tool["name"] for tool in said}
        await caller.call_tool("memory_add", {"text": "The boat is called Ida"})
        found = await caller.call_tool("memory_search", {"query": "What is the name of the boat?"})
    assert "Ida" in found.content[0].text
    with MemOS.open(vault) as memos:
        assert [cube.namespace for cube in memos.list(namespace="acme")] == [("acme", "ana")]
