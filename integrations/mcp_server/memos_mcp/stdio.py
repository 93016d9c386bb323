"""A server over stdin and stdout."""

from __future__ import annotations

from typing import Any

import anyio
from mcp.server import Server
from mcp.server.stdio import stdio_server


def speak(server: Server[Any]) -> None:
    """Serve one client until it goes away."""
    anyio.run(_speak, server)


async def _speak(server: Server[Any]) -> None:
    async with stdio_server() as (reading, writing):
        await server.run(reading, writing, server.create_initialization_options())
