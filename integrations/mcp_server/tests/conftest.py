from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any

import pytest
from mcp.server.mcpserver import MCPServer

from memos_core import MemOS
from memos_core.infrastructure.vault.sqlite import SQLiteVault
from memos_core.testing.clock import ManualClock
from memos_core.testing.embedders import HashingEmbedder
from memos_mcp.server import build

NOW = datetime(2025, 3, 17, 12, tzinfo=timezone.utc)


@pytest.fixture
def memos() -> Iterator[MemOS]:
    clock = ManualClock(NOW)
    with MemOS(SQLiteVault(":memory:", clock=clock), embedder=HashingEmbedder(), clock=clock) as opened:
        yield opened


@pytest.fixture
def server(memos: MemOS) -> MCPServer[Any]:
    return build(memos, namespace="alice")
