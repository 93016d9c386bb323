"""`forget`: archive, or erase for ever."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from memos_core.cli.options import Call, CubeIds, Json, Namespace, Vault, examples
from memos_core.cli.output import counted, paragraph, screen, show_memory
from memos_core.errors import InvalidInput

if TYPE_CHECKING:
    from memos_core.cube.memcube import MemCube


def forget(
    ctx: typer.Context,
    cube_ids: CubeIds,
    erase: Annotated[bool, typer.Option("--erase", help="Destroy content and history for ever.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Erase without asking.")] = False,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Kept in the history.")] = "on request",
    vault: Vault = None,
    namespace: Namespace = None,
    as_json: Json = False,
) -> None:
    """Take memories out of recall. They stay in the history, unless they are erased."""
    call = Call.of(ctx, vault=vault, namespace=namespace, as_json=as_json)
    with call.memory() as memos:
        cubes = [call.mine(memos, cube_id) for cube_id in dict.fromkeys(cube_ids)]
        if erase:
            if not yes:
                _confirm(cubes)
            receipt = memos.erase([cube.id for cube in cubes], reason=reason)
            left = (
                "its last bytes go when who reads the file now has ended"
                if receipt.pending
                else "nothing of it is left"
            )
            call.answer(receipt, lambda: _say(f"Erased {memories(cubes)}; {left}."))
        else:
            archived = [memos.forget(cube.id, reason=reason) for cube in cubes]
            said = f"Archived {memories(cubes)}. `memos list --state archived` still shows what is archived."
            call.answer({"cubes": archived}, lambda: _say(said))


def memories(cubes: list[MemCube]) -> str:
    """How many there are, in words."""
    return counted(len(cubes), "memory", "memories")


def _say(text: str) -> None:
    paragraph(screen(), text)


def _confirm(cubes: list[MemCube]) -> None:
    if not sys.stdin.isatty():
        raise InvalidInput(detail="Erasing cannot be undone and nobody is there to be asked. Add --yes if it is meant.")
    console = screen(stderr=True)
    for cube in cubes:
        show_memory(console, cube)
    typer.confirm(f"Erase {memories(cubes)} for ever, with all history?", abort=True, err=True)


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command(
        epilog=examples("memos forget 0199a0e2-...", 'memos forget 0199a0e2-... --erase --yes --reason "asked by Ana"')
    )(forget)
