"""`mcp`: the server for MCP clients."""

from __future__ import annotations

from importlib import import_module

import typer

from memos_core.cli.options import Call, Namespace, Vault, examples


def mcp(ctx: typer.Context, vault: Vault = None, namespace: Namespace = None) -> None:
    """Serve the memory to an MCP client over stdin and stdout."""
    call = Call.of(ctx, vault=vault, namespace=namespace)
    # By name: the core imports no framework, and the server is an integration that imports the core.
    import_module("memos_mcp").serve(call.path, namespace=call.namespace, key=call.key())


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command(epilog=examples("memos mcp --vault ~/memory.db --namespace alice"))(mcp)
