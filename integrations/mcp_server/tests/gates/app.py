"""The server over HTTP on this machine, open to the gates: as it is, or with what the conformance suite wants to call.

python app.py real|fixtures PORT
"""

from __future__ import annotations

import sys
from pathlib import Path

import uvicorn

from memos_core import MemOS
from memos_core.testing.embedders import HashingEmbedder
from memos_mcp.access import Access
from memos_mcp.desk import Desk
from memos_mcp.flags import Flags
from memos_mcp.server import assemble
from memos_mcp.toolbox import offer


def main(kind: str, port: int) -> None:
    """Serve until the process is ended."""
    with MemOS.open(":memory:", embedder=HashingEmbedder()) as memos:
        memos.add("Clara moved to Lisbon.", namespace="gates")
        access = Access(memos, ("gates",))
        if kind == "fixtures":
            sys.path.insert(0, str(Path(__file__).parent))
            from fixtures import HANDLERS, OFFER, prepared

            server = prepared(assemble(lambda: Desk(OFFER, lambda _: access), **HANDLERS))
        else:
            desk = Desk(offer(Flags(chatgpt=True, reference=True)), lambda _: access)
            server = assemble(lambda: desk)
        uvicorn.run(server.streamable_http_app(host="127.0.0.1"), port=port, log_level="error")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
