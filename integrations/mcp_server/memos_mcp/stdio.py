"""A server over stdin and stdout."""

from __future__ import annotations

from typing import Any

import anyio
import anyio.to_thread
from mcp.server import Server
from mcp.server.stdio import stdio_server

from memos_mcp.server import Opening

PAUSE = 0.02  # seconds in which the first answer goes out before the memory is opened


def speak(server: Server[Any], opening: Opening) -> None:
    """Serve one client until it goes away, which it may do in the middle of an answer."""
    try:
        anyio.run(_speak, server, opening)
    except Exception as error:  # groups of errors have no class of their own in Python 3.10
        if not _is_gone(error):
            raise


async def _speak(server: Server[Any], opening: Opening) -> None:
    asked = anyio.Event()

    async def noticing(ctx: Any, call_next: Any) -> Any:
        try:
            return await call_next(ctx)
        finally:
            asked.set()

    server.middleware.append(noticing)
    async with anyio.create_task_group() as group:
        group.start_soon(_open, asked, opening)
        async with stdio_server() as (reading, writing):
            await server.run(reading, writing, server.create_initialization_options())
        asked.set()


async def _open(asked: anyio.Event, opening: Opening) -> None:
    """Open the memory as soon as the first question is answered: so nobody waits for it, and what is wrong is known."""
    await asked.wait()
    await anyio.sleep(PAUSE)
    await anyio.to_thread.run_sync(opening.begin)


def _is_gone(error: BaseException) -> bool:
    """Say whether all that went wrong is that nobody listens any more."""
    inner = getattr(error, "exceptions", ())
    return all(map(_is_gone, inner)) if inner else isinstance(error, BrokenPipeError)
