"""`freeze`, `thaw`, `revive`, `expire` and `lifespan`: the life of a memory."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from memos_core.cli.moments import moment
from memos_core.cli.options import Call, CubeId, CubeIds, Json, Namespace, Vault, examples
from memos_core.cli.output import counted, paragraph, screen, show_memory
from memos_core.errors import InvalidInput

if TYPE_CHECKING:
    from memos_core.cube.memcube import MemCube

Reason = Annotated[str, typer.Option(metavar="TEXT", help="Kept in the history.")]

_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_DURATION = re.compile(rf"(\d{{1,6}})\s*([{''.join(_UNITS)}])")


def duration(text: str) -> timedelta:
    """Read a duration: minutes, hours, days or weeks.

    Raises
    ------
    InvalidInput
        For anything else.

    Examples
    --------
    >>> duration("36h")
    datetime.timedelta(days=1, seconds=43200)
    """
    found = _DURATION.fullmatch(text.strip().lower())
    if found is None:
        raise InvalidInput(detail=f"{text!r} is not a duration such as 90m, 36h, 30d or 8w.")
    return int(found[1]) * _UNITS[found[2]]


def freeze(
    ctx: typer.Context,
    cube_ids: CubeIds,
    reason: Reason = "on request",
    vault: Vault = None,
    namespace: Namespace = None,
    as_json: Json = False,
) -> None:
    """Keep memories as they are: they cannot be changed, forgotten or erased, and never expire."""
    moved("freeze", "Frozen", cube_ids, reason, Call.of(ctx, vault=vault, namespace=namespace, as_json=as_json))


def thaw(
    ctx: typer.Context,
    cube_ids: CubeIds,
    reason: Reason = "on request",
    vault: Vault = None,
    namespace: Namespace = None,
    as_json: Json = False,
) -> None:
    """Let frozen memories change again."""
    moved("thaw", "Thawed", cube_ids, reason, Call.of(ctx, vault=vault, namespace=namespace, as_json=as_json))


def revive(
    ctx: typer.Context,
    cube_ids: CubeIds,
    reason: Reason = "on request",
    vault: Vault = None,
    namespace: Namespace = None,
    as_json: Json = False,
) -> None:
    """Bring archived and merged memories back into recall."""
    moved("revive", "Revived", cube_ids, reason, Call.of(ctx, vault=vault, namespace=namespace, as_json=as_json))


def expire(
    ctx: typer.Context,
    cube_ids: CubeIds,
    reason: Reason = "on request",
    vault: Vault = None,
    namespace: Namespace = None,
    as_json: Json = False,
) -> None:
    """End the life of memories: they leave every index for good. Their record and history stay."""
    moved("expire", "Expired", cube_ids, reason, Call.of(ctx, vault=vault, namespace=namespace, as_json=as_json))


def moved(method: str, done: str, cube_ids: list[str], reason: str, call: Call) -> None:
    """Let something happen to memories, and say so."""
    with call.memory() as memos:
        cubes = [call.mine(memos, cube_id) for cube_id in dict.fromkeys(cube_ids)]
        changed: list[MemCube] = [getattr(memos, method)(cube.id, reason=reason) for cube in cubes]
    said = f"{done}: {counted(len(changed), 'memory', 'memories')}."
    call.answer({"cubes": changed}, lambda: paragraph(screen(), said))


def lifespan(
    ctx: typer.Context,
    cube_id: CubeId,
    until: Annotated[Optional[str], typer.Option(metavar="DATE", help="It expires then.")] = None,
    ttl: Annotated[Optional[str], typer.Option("--for", metavar="TIME", help="It expires after 36h, 30d, 8w.")] = None,
    decay: Annotated[Optional[float], typer.Option(metavar="D", help="It fades unless recalled: 0 to 1.")] = None,
    priority: Annotated[Optional[int], typer.Option(metavar="N", help="The higher, the longer it is kept.")] = None,
    vault: Vault = None,
    namespace: Namespace = None,
    as_json: Json = False,
) -> None:
    """Say how long a memory is to last. Without an option: for ever; --priority alone leaves how long it lasts."""
    call = Call.of(ctx, vault=vault, namespace=namespace, as_json=as_json)
    with call.memory() as memos:
        changed = memos.set_lifespan(
            call.mine(memos, cube_id).id,
            until=None if until is None else moment(until),
            ttl=None if ttl is None else duration(ttl),
            decay=decay,
            priority=priority,
        )
    call.answer({"cube": changed}, lambda: _show(changed))


def _show(cube: MemCube) -> None:
    console = screen()
    governance = cube.governance
    ends = (
        "never expires" if governance.expires_at is None else f"expires at {governance.expires_at:%Y-%m-%d %H:%M} UTC"
    )
    fades = "does not fade" if governance.decay is None else f"fades with exponent {governance.decay:g}"
    paragraph(console, f"It {ends}, {fades}, and has priority {governance.priority}:")
    show_memory(console, cube)


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command(epilog=examples('memos freeze 0199a0e2-... --reason "legal hold"'))(freeze)
    app.command(epilog=examples("memos thaw 0199a0e2-..."))(thaw)
    app.command(epilog=examples("memos revive 0199a0e2-..."))(revive)
    app.command(epilog=examples("memos expire 0199a0e2-..."))(expire)
    app.command(epilog=examples("memos lifespan 0199a0e2-... --for 30d", "memos lifespan 0199a0e2-... --decay 0.5"))(
        lifespan
    )
