"""A client of the MCP server over stdio: what Claude Desktop does, in a few lines.

Run it: python examples/mcp_client.py [memory.db]
"""

import asyncio
import os
import sys
import tempfile
from pathlib import Path

from mcp import Client, StdioServerParameters


async def talk(vault: Path) -> None:
    """Start the server, list its tools, remember something and ask for it."""
    server = StdioServerParameters(
        command=sys.executable,
        args=["-m", "memos_mcp", "--vault", str(vault), "--namespace", "ana"],
        env=dict(os.environ),
    )
    async with Client(server) as client:
        print("Tools:", ", ".join(tool.name for tool in (await client.list_tools()).tools))
        fact = {"text": "Clara moved to Lisbon two weeks ago.", "speaker": "Ana", "said_at": "2025-03-17"}
        added = await client.call_tool("memory_add", fact)
        print("Added:", added.structured_content)
        found = await client.call_tool("memory_search", {"query": "Where does Clara live?"})
        for memory in (found.structured_content or {})["memories"]:
            print("Found:", memory["text"], memory.get("times", ""))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(talk(Path(sys.argv[1] if sys.argv[1:] else f"{folder}/memory.db")))
