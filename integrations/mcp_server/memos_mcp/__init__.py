"""A memory for every MCP client: a server over stdin and stdout, or over HTTP for those who have a token."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from memos_mcp.flags import Flags

if TYPE_CHECKING:
    from memos_core import MemOS
    from memos_mcp.desk import Desk

__all__ = ["Flags", "main", "serve", "serve_http"]

NAMESPACE = "default"
SDK = {"mcp", "mcp_types"}
INSTALL = "pip install --upgrade 'memcubes[mcp]'"


def serve(
    vault: Path | None,
    *,
    namespace: str,
    key: str | None = None,
    flags: Flags = Flags(),  # noqa: B008 - it is frozen
) -> None:
    """Serve a vault over stdin and stdout until the client goes away.

    Parameters
    ----------
    vault
        Made if there is none; by default the one of this user.
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
        from memos_mcp.server import Opening, assemble, desk_of
        from memos_mcp.stdio import speak

    with ExitStack() as stack:

        def make() -> Desk:
            memos = stack.enter_context(opened(vault, key=key))
            return desk_of(memos, namespace=namespace, flags=flags)

        opening = Opening(make)
        speak(assemble(opening), opening)
        if opening.error is not None:
            raise opening.error


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
        from memos_core import MemOSError

        raise MemOSError(
            detail=f"The MCP server needs the MCP SDK, 2.0 or newer. Install it with: {INSTALL}"
        ) from error


def opened(vault: Path | None, *, key: str | None) -> MemOS:
    """The memory of a server; what it has to say goes to stderr, for stdout belongs to the protocol."""
    from memos_core import MemOS
    from memos_core.cli import default_vault, prepare

    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    return MemOS.open(prepare(vault or default_vault()), actor="mcp", key=key)


def main() -> None:
    """Run the server; the entry point ``memos-mcp``."""
    parser = argparse.ArgumentParser(prog="memos-mcp", description=__doc__)
    parser.add_argument(
        "--vault",
        type=Path,
        metavar="PATH",
        default=os.environ.get("MEMOS_VAULT") or None,
        help="the vault file (or MEMOS_VAULT; by default one among your user data)",
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
        serve(
            asked.vault and asked.vault.expanduser(),
            namespace=asked.namespace,
            key=_key(asked.key_from),
            flags=flags,
        )
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:  # ours are told of by their class, which is loaded with the memory and not before
        from memos_core import MemOSError

        if not isinstance(error, MemOSError):
            raise
        sys.exit(f"Error: {error}")


def _key(source: str | None) -> str | None:
    if source is None:
        return None
    from memos_core.cli import fetched_key

    return fetched_key(source)
