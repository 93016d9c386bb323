"""Conversations that other client libraries than the SDK's hold with the server, as their users start it."""

import os
import sys
from pathlib import Path

import pytest

from memos_core import MemOS

fastmcp = pytest.importorskip("fastmcp")


async def test_a_client_of_fastmcp_remembers_corrects_recalls_and_forgets(tmp_path: Path) -> None:
    from fastmcp.client.transports import StdioTransport
    from fastmcp.exceptions import ToolError

    arguments = ["-m", "memos_mcp", "--vault", str(tmp_path / "memory.db"), "--namespace", "ana", "--chatgpt"]
    lives = {"text": "Clara lives in Porto.", "subject": "Clara", "predicate": "lives in", "object": "Porto"}
    async with fastmcp.Client(StdioTransport(sys.executable, arguments, env=dict(os.environ))) as client:
        assert len(await client.list_tools()) == 12
        old = (
            await client.call_tool("memory_add", {"facts": [{**lives, "valid_from": "2024-01-01"}]})
        ).structured_content
        moved = {**lives, "text": "Clara lives in Lisbon.", "object": "Lisbon"}
        new = (await client.call_tool("memory_add", {"facts": [moved]})).structured_content
        assert new["corrected"] == old["ids"]
        found = (await client.call_tool("memory_search", {"query": "Where does Clara live?"})).structured_content
        outdated = {each["text"]: each.get("outdated_by") for each in found["memories"]}
        assert outdated == {"Clara lives in Lisbon.": None, "Clara lives in Porto.": new["ids"]}
        with pytest.raises(ToolError, match="not permitted"):
            await client.call_tool("memory_list", {"namespace": "bob"})
        assert "Lisbon" in (await client.read_resource("memory://profile"))[0].text
        assert "memory_add" in (await client.get_prompt("remember_conversation", {})).messages[0].content.text
        await client.call_tool("memory_forget", {"memory_id": new["ids"][0]})
        [left] = (await client.call_tool("memory_list", {})).structured_content["memories"]
        assert left["text"] == "Clara lives in Porto."
    with MemOS.open(tmp_path / "memory.db") as memos:
        assert memos.verify() == []
