"""A server over stdin and stdout."""

from __future__ import annotations

from typing import Any

import anyio
from mcp.server import Server
from mcp.server.stdio import stdio_server


def speak(server: Server[Any]) -> None:
    """Serve one client until it goes away, which it may do in the middle of an answer."""
    try:
        anyio.run(_speak, server)
    except Exception as error:  # groups of errors have no class of their own in Python 3.10
        if not _is_gone(error):
            raise


async def _speak(server: Server[Any]) -> None:
    async with stdio_server() as (reading, writing):
        await server.run(reading, writing, server.create_initialization_options())


def _is_gone(error: BaseException) -> bool:
    """Say whether all that went wrong is that nobody listens any more."""
    inner = getattr(error, "exceptions", ())
    return all(map(_is_gone, inner)) if inner else isinstance(error, BrokenPipeError)
