"""A memory for every MCP client: a server over stdin and stdout with five tools."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from pathlib import Path

from memos_core import MemOS, MemOSError
from memos_core.cli import default_vault, fetched_key, prepare

__all__ = ["main", "serve"]

NAMESPACE = "default"
SDK = {"mcp", "mcp_types"}
INSTALL = "pip install --upgrade 'memcubes[mcp]'"


def serve(vault: Path, *, namespace: str, key: str | None = None) -> None:
    """Serve a vault over stdin and stdout until the client goes away.

    Parameters
    ----------
    vault
        Made if there is none.
    namespace
        Whose memory it is. No tool can name another.
    key
        Of a vault that is encrypted.

    Raises
    ------
    MemOSError
        If the vault cannot be used, or the extra with the protocol is not installed.
    """
    try:
        from memos_mcp.server import build
    except ModuleNotFoundError as error:
        # The SDK is not there, or is of before 2.0, whose modules had other names.
        if (error.name or "").partition(".")[0] not in SDK:
            raise
        raise MemOSError(
            detail=f"The MCP server needs the MCP SDK, 2.0 or newer. Install it with: {INSTALL}"
        ) from error

    # Stdout belongs to the protocol. Set up before the SDK does it, which would draw boxes around every line.
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    with MemOS.open(prepare(vault), actor="mcp", key=key) as memos:
        build(memos, namespace=namespace).run("stdio")


def main() -> None:
    """Run the server; the entry point ``memos-mcp``."""
    parser = argparse.ArgumentParser(prog="memos-mcp", description=__doc__)
    parser.add_argument(
        "--vault",
        type=Path,
        metavar="PATH",
        default=os.environ.get("MEMOS_VAULT") or default_vault(),
        help="the vault file (or MEMOS_VAULT; now %(default)s)",
    )
    parser.add_argument(
        "--namespace",
        "-n",
        metavar="NAME",
        default=os.environ.get("MEMOS_NAMESPACE") or NAMESPACE,
        help="whose memory, e.g. acme/alice (or MEMOS_NAMESPACE; now %(default)s)",
    )
    parser.add_argument(
        "--key-from",
        metavar="PLACE",
        default=os.environ.get("MEMOS_KEY_FROM"),
        help="where the key of an encrypted vault is: file:PATH or keyring:NAME (or MEMOS_KEY_FROM)",
    )
    asked = parser.parse_args()
    try:
        key = fetched_key(asked.key_from) if asked.key_from else None
        serve(asked.vault.expanduser(), namespace=asked.namespace, key=key)
    except MemOSError as error:
        sys.exit(f"Error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
