"""A memory for every MCP client: a server over stdin and stdout, or over HTTP for those who have a token."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from memos_core import MemOS, MemOSError
from memos_core.cli import default_vault, fetched_key, prepare
from memos_mcp.flags import Flags

__all__ = ["Flags", "main", "serve", "serve_http"]

NAMESPACE = "default"
SDK = {"mcp", "mcp_types"}
INSTALL = "pip install --upgrade 'memcubes[mcp]'"


def serve(vault: Path, *, namespace: str, key: str | None = None, flags: Flags = Flags()) -> None:  # noqa: B008
    """Serve a vault over stdin and stdout until the client goes away.

    Parameters
    ----------
    vault
        Made if there is none.
    namespace
        Whose memory it is. No tool can name another.
    key
        Of a vault that is encrypted.
    flags
        Which tools there are beside the usual ones.

    Raises
    ------
    MemOSError
        If the vault cannot be used, or the extra with the protocol is not installed.
    """
    with sdk():
        from memos_mcp.server import build
        from memos_mcp.stdio import speak

    with opened(vault, key=key) as memos:
        speak(build(memos, namespace=namespace, flags=flags))


def serve_http(
    vault: Path,
    *,
    host: str,
    port: int,
    public: str | None = None,
    tokens: Path | None = None,
    issuer: str | None = None,
    keys: str | None = None,
    key: str | None = None,
    flags: Flags = Flags(),  # noqa: B008 - it is frozen
    calls_a_second: float = 10,
) -> None:
    """Serve a vault over HTTP, to those who have a token, until the process is told to end.

    Parameters
    ----------
    public
        What stands before ``/mcp`` in the server's address, if a proxy stands before it.
    tokens
        File of tokens; by default the one beside the vault.
    issuer, keys
        Of OAuth tokens that are let in too, and where its keys are if it does not say.

    Raises
    ------
    MemOSError
        If it cannot be served, or would be open to everybody.
    """
    with sdk():
        from memos_mcp.http import Listening, application, run
        from memos_mcp.identity import Callers
        from memos_mcp.tokens import tokens_of

    listening = Listening(host=host, port=port, public=public)
    address = listening.resource
    with opened(vault, key=key) as memos, closing(Callers(memos)) as callers:
        app = application(
            memos,
            listening=listening,
            callers=callers,
            tokens=tokens or tokens_of(vault),
            issuer=issuer,
            keys=keys,
            flags=flags,
            calls_a_second=calls_a_second,
        )
        sys.stderr.write(f"Serving {address}; stop with Ctrl-C.\n")
        run(app, listening)


@contextmanager
def sdk() -> Iterator[None]:
    """Say what to install if the SDK is not there, or is of before 2.0, whose modules had other names."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in SDK:
            raise
        raise MemOSError(
            detail=f"The MCP server needs the MCP SDK, 2.0 or newer. Install it with: {INSTALL}"
        ) from error


def opened(vault: Path, *, key: str | None) -> MemOS:
    """The memory of a server; what it has to say goes to stderr, for stdout belongs to the protocol."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    return MemOS.open(prepare(vault), actor="mcp", key=key)


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
    parser.add_argument("--chatgpt", action="store_true", help="also the tools search and fetch, as ChatGPT wants them")
    parser.add_argument(
        "--reference", action="store_true", help="also the tools of the reference memory server (create_entities, ...)"
    )
    parser.add_argument("--store", metavar="REGISTRY", help="also tools to find and install packages from a registry")
    asked = parser.parse_args()
    flags = Flags(chatgpt=asked.chatgpt, reference=asked.reference, store=asked.store)
    try:
        key = fetched_key(asked.key_from) if asked.key_from else None
        serve(asked.vault.expanduser(), namespace=asked.namespace, key=key, flags=flags)
    except MemOSError as error:
        sys.exit(f"Error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
