"""`rebuild`, `reembed` and `backup`: what `doctor` may advise."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from memos_core.cli.options import Call, Json, Vault, examples
from memos_core.cli.output import counted, paragraph, progress, screen
from memos_core.cli.place import fetched_key
from memos_core.errors import VaultError


def rebuild(ctx: typer.Context, vault: Vault = None, as_json: Json = False) -> None:
    """Make every index anew from what was written. Answers stay the same."""
    call = Call.of(ctx, vault=vault, as_json=as_json)
    with call.memory() as memos, progress("Rebuilding", quiet=call.as_json):
        memos.rebuild()
        damage = [f"{found.where}: {found.what}" for found in memos.verify()]
    done = "Every index is made anew." if not damage else "Damage remains: " + "; ".join(damage)
    call.answer({"rebuilt": True, "damage": damage}, lambda: paragraph(screen(), done))
    if damage:
        raise typer.Exit(1)


def reembed(ctx: typer.Context, vault: Vault = None, as_json: Json = False) -> None:
    """Make vectors with the present model for what has none. Can be broken off and run again."""
    call = Call.of(ctx, vault=vault, as_json=as_json)
    with call.memory() as memos, progress("Embedding", quiet=call.as_json) as advance:
        done = memos.reembed(progress=advance)
    call.answer({"embedded": done}, lambda: paragraph(screen(), f"Made vectors for {counted(done, 'operation')}."))


def backup(
    ctx: typer.Context,
    path: Annotated[Path, typer.Argument(metavar="PATH", help="Where nothing is yet.")],
    vault: Vault = None,
    as_json: Json = False,
) -> None:
    """Write a consistent copy of the vault, while others use it."""
    call = Call.of(ctx, vault=vault, as_json=as_json)
    with call.memory() as memos:
        memos.backup(path)
    call.answer({"path": str(path), "size": path.stat().st_size}, lambda: paragraph(screen(), f"Written to {path}."))


def encrypt(
    ctx: typer.Context,
    place: Annotated[
        str, typer.Argument(metavar="PLACE", help="Of the new key: file:PATH, keyring:NAME or prompt; or none.")
    ],
    vault: Vault = None,
    as_json: Json = False,
) -> None:
    """Encrypt a vault that nothing else has open, give it another key, or decrypt it. --key-from names the old key."""
    from memos_core.infrastructure.vault.ciphers import recrypt
    from memos_core.infrastructure.vault.opening import inspect

    call = Call.of(ctx, vault=vault, as_json=as_json)
    old, new = call.key(), None if place == "none" else fetched_key(place)
    if not call.path.exists():
        raise VaultError(detail=f"There is no vault at {call.path}.")
    inspect(str(call.path), old)
    recrypt(str(call.path), old=old, new=new)
    said = "is not encrypted any more" if new is None else "is encrypted with the new key"
    call.answer({"encrypted": new is not None}, lambda: paragraph(screen(), f"{call.path} {said}."))


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command(epilog=examples("memos rebuild"))(rebuild)
    app.command(epilog=examples("memos reembed"))(reembed)
    app.command(epilog=examples("memos encrypt file:vault.key", "memos --key-from prompt encrypt none"))(encrypt)
    app.command(epilog=examples("memos backup ~/memory-2025-03-04.db"))(backup)
