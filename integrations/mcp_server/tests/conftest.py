from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime, timedelta, timezone
from functools import partial
from typing import Any

import pytest
from mcp.server import Server

from memos_core import MemOS
from memos_core.infrastructure.vault.sqlite import SQLiteVault
from memos_core.testing.clock import ManualClock
from memos_core.testing.embedders import HashingEmbedder
from memos_mcp.server import build

from .calling import call, refusal

NOW = datetime(2025, 3, 17, 12, tzinfo=timezone.utc)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def memos(clock: ManualClock) -> Iterator[MemOS]:
    with MemOS(SQLiteVault(":memory:", clock=clock), embedder=HashingEmbedder(), clock=clock) as opened:
        yield opened


@pytest.fixture
def server(memos: MemOS) -> Server[Any]:
    return build(memos, namespace="alice")


@pytest.fixture
def ask(server: Server[Any], clock: ManualClock) -> Callable[..., Awaitable[dict[str, Any]]]:
    """Call a tool that answers, a second after the last call."""

    async def later(tool: str, **arguments: Any) -> dict[str, Any]:
        clock.advance(timedelta(seconds=1))
        return await call(server, tool, **arguments)

    return later


@pytest.fixture
def refuse(server: Server[Any]) -> Callable[..., Awaitable[str]]:
    """Call a tool that refuses."""
    return partial(refusal, server)
