"""`conflicts`, `resolve` and `rollback`: versions written apart, claims that contradict, and the way back to one."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from memos_core.cli.options import Call, CubeId, Json, Namespace, Vault, examples
from memos_core.cli.output import counted, paragraph, screen, show_memory
from memos_core.cube.memcube import MemCube


def conflicts(ctx: typer.Context, vault: Vault = None, namespace: Namespace = None, as_json: Json = False) -> None:
    """Show memories that were changed apart in two places, and those that contradict one another without an order."""
    call = Call.of(ctx, vault=vault, namespace=namespace, as_json=as_json)
    with call.memory() as memos:
        found = memos.conflicts(namespace=call.namespace)

    def show() -> None:
        console = screen()
        for cube in found:
            show_memory(console, cube)
            for version in cube.conflicts:
                paragraph(console, f"written apart: version {version}", indent=3, style="yellow")
        said = "Nothing contradicts anything." if not found else f"{counted(len(found), 'memory', 'memories')}."
        paragraph(console, f"{said} `memos resolve ID` settles one." if found else said)

    call.answer({"conflicts": found}, show)


def resolve(
    ctx: typer.Context,
    cube_id: CubeId,
    version: Annotated[Optional[str], typer.Option(metavar="VERSION", help="By default the one that is shown.")] = None,
    vault: Vault = None,
    namespace: Namespace = None,
    as_json: Json = False,
) -> None:
    """Settle a conflict in favour of a memory: other versions are replaced, memories that contradict it archived."""
    call = Call.of(ctx, vault=vault, namespace=namespace, as_json=as_json)
    with call.memory() as memos:
        cube = memos.resolve(call.mine(memos, cube_id).id, version)
    call.answer({"cube": cube}, lambda: _show("This holds now:", cube))


def rollback(
    ctx: typer.Context,
    cube_id: CubeId,
    version: Annotated[str, typer.Argument(metavar="VERSION", help="As `memos history ID` shows it.")],
    vault: Vault = None,
    namespace: Namespace = None,
    as_json: Json = False,
) -> None:
    """Give a memory back what it said in an earlier version. Another rollback undoes it."""
    call = Call.of(ctx, vault=vault, namespace=namespace, as_json=as_json)
    with call.memory() as memos:
        cube = memos.rollback(call.mine(memos, cube_id).id, version)
    call.answer({"cube": cube}, lambda: _show("It says again:", cube))


def _show(said: str, cube: MemCube) -> None:
    paragraph(screen(), said)
    show_memory(screen(), cube)


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command(epilog=examples("memos conflicts", "memos conflicts -n acme"))(conflicts)
    app.command(epilog=examples("memos resolve 0199a0e2-..."))(resolve)
    app.command(epilog=examples("memos rollback 0199a0e2-... d0103829..."))(rollback)
