"""`list`, `get`, `history` and `stats`: what is there."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Optional

import typer

from memos_core.cli.options import (
    WHICH,
    AsOf,
    Call,
    Conversation,
    CubeId,
    Json,
    Kinds,
    KnownAt,
    Namespace,
    Vault,
    examples,
    filters,
)
from memos_core.cli.output import counted, origin, paragraph, screen, show_memory, speaker
from memos_core.cube.answer import Change, VaultStats
from memos_core.cube.memcube import MemCube, State
from memos_core.interface.context import annotated, printable

States = Annotated[
    Optional[list[State]],
    typer.Option("--state", help="In this state of life; by default all but the removed.", rich_help_panel=WHICH),
]


def list_(
    ctx: typer.Context,
    limit: Annotated[int, typer.Option("--limit", "-l", min=1, help="At most so many.")] = 20,
    offset: Annotated[int, typer.Option(min=0, help="Leave out so many first.")] = 0,
    state: States = None,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    kind: Kinds = None,
    session: Conversation = None,
    vault: Vault = None,
    namespace: Namespace = None,
    as_json: Json = False,
) -> None:
    """List memories, the latest change first."""
    call = Call.of(ctx, vault=vault, namespace=namespace, as_json=as_json)
    narrowed = filters(as_of, known_at, kind, None, session)
    with call.memory() as memos:
        found = memos.list(namespace=call.namespace, limit=limit + 1, offset=offset, states=state or None, **narrowed)
    cubes, more = found[:limit], len(found) > limit
    call.answer({"cubes": cubes, "more": more}, lambda: _show_list(cubes, offset + limit if more else None))


def _show_list(cubes: list[MemCube], following: int | None) -> None:
    console = screen()
    for cube in cubes:
        show_memory(console, cube)
    if not cubes:
        paragraph(console, "Nothing is here.")
    if following is not None:
        paragraph(console, f"There is more: --offset {following}", style="dim")


def get(
    ctx: typer.Context,
    cube_id: CubeId,
    known_at: KnownAt = None,
    vault: Vault = None,
    namespace: Namespace = None,
    as_json: Json = False,
) -> None:
    """Show everything about one memory."""
    call = Call.of(ctx, vault=vault, namespace=namespace, as_json=as_json)
    with call.memory() as memos:
        cube = call.mine(memos, cube_id, known_at=known_at)
    call.answer(cube, lambda: _show_cube(cube))


def _show_cube(cube: MemCube) -> None:
    console = screen()
    paragraph(console, annotated_lines(cube))
    shown = {
        "said": f"{cube.said_at.isoformat(timespec='minutes')} by {speaker(cube)}",
        "from": ", ".join(origin(cube)),
        "namespace": "/".join(cube.namespace),
        "kind": f"{cube.kind.value}, {cube.state.value}, trust {cube.governance.trust.name.lower()}",
        "times": "; ".join(f"{mention.text} = {mention.when.iso()}" for mention in cube.times),
        "names": ", ".join(cube.entities),
        "tags": ", ".join(cube.tags),
        "metadata": str(cube.metadata or ""),
        "learnt": f"{cube.created_at:%Y-%m-%d %H:%M:%S}, changed {cube.updated_at:%Y-%m-%d %H:%M:%S} UTC",
        "written by": ", ".join(filter(None, (cube.provenance.actor, cube.provenance.model))),
        "rests on": counted(len(cube.provenance.derived_from), "memory", "memories")
        * bool(cube.provenance.derived_from),
        "sensitive": ", ".join(cube.governance.sensitivity),
        "expires": f"{ends:%Y-%m-%d %H:%M} UTC" if (ends := cube.governance.expires_at) else "",
        "licence": cube.governance.licence or "",
        "watermark": cube.governance.watermark or "",
        "recalled": counted(cube.usage.count, "time"),
        "id": cube.id,
        "version": cube.version,
        "conflicts": ", ".join(cube.conflicts),
    }
    show_fields(shown)


def annotated_lines(cube: MemCube) -> str:
    """The text as a terminal may show it, with the dates that its words mean."""
    return printable(annotated(cube)).strip()


def show_fields(fields: dict[str, str]) -> None:
    """Print names and values below one another; what is empty is left out."""
    from rich.text import Text

    console = screen()
    shown = {name: printable(value) for name, value in fields.items() if value}
    width = max(map(len, shown), default=0) + 2
    for name, value in shown.items():
        paragraph(console, value, lead=Text(f"{name:<{width}}", "cyan"))


def history(
    ctx: typer.Context,
    cube_id: CubeId,
    vault: Vault = None,
    namespace: Namespace = None,
    as_json: Json = False,
) -> None:
    """Show everything that happened to one memory, oldest first; of an erased one, only that it was there."""
    call = Call.of(ctx, vault=vault, namespace=namespace, as_json=as_json)
    with call.memory() as memos:
        if call.owner is not None:
            call.mine(memos, cube_id)
        changes = memos.history(cube_id)
    call.answer({"changes": changes}, lambda: _show_changes(changes))


def _show_changes(changes: list[Change]) -> None:
    from rich.text import Text

    console = screen()
    for change in changes:
        what = change.kind.value if change.state is None else change.state.value
        why = f" ({printable(change.reason)})" if change.reason else ""
        head = Text.assemble((f"{change.at:%Y-%m-%d %H:%M:%S}", "cyan"), "  ", (what, "bold"), why)
        paragraph(console, head)
        if change.content is not None:
            paragraph(console, printable(change.content.text).strip(), indent=3)
        paragraph(console, f"version {change.version}", indent=3, style="dim")


def stats(ctx: typer.Context, vault: Vault = None, as_json: Json = False) -> None:
    """Count what the vault holds, all namespaces together."""
    call = Call.of(ctx, vault=vault, as_json=as_json)
    with call.memory() as memos:
        held = memos.stats()
    call.answer(asdict(held), lambda: show_fields(described(held)))


def described(stats: VaultStats) -> dict[str, str]:
    """Counts and sizes in words."""

    def each(counts: dict[str, int]) -> str:
        return ", ".join(f"{count:,} {name}" for name, count in sorted(counts.items()))

    return {
        "memories": f"{stats.cubes:,}",
        "by kind": each(dict(stats.by_kind)),
        "by state": each(dict(stats.by_state)),
        "by namespace": each(dict(stats.by_namespace)),
        "operations": f"{stats.operations:,}",
        "without vectors": f"{stats.unembedded:,}",
        "in conflict": f"{stats.conflicts:,}",
        "size": f"{stats.size / 1e6:.1f} MB",
        "blobs": f"{stats.blobs:,}, {stats.blob_size / 1e6:.1f} MB",
    }


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("list", epilog=examples("memos list --limit 5", "memos list --state archived --json"))(list_)
    app.command(epilog=examples("memos get 0199a0e2-...", "memos get 0199a0e2-... --known-at 2025-03-31"))(get)
    app.command(epilog=examples("memos history 0199a0e2-..."))(history)
    app.command(epilog=examples("memos stats --json"))(stats)
