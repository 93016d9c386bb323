"""`log`, `diff`, `snapshot`, `snapshots`, `restore`, `undo` and `fork`: what was, and the way back to it."""

from __future__ import annotations

from datetime import datetime, time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from memos_core.cli.contrasts import DryRun, Yes, confirm, excerpt, show_contrasts
from memos_core.cli.moments import moment
from memos_core.cli.options import Call, Json, Namespace, Vault, examples
from memos_core.cli.output import counted, paragraph, screen
from memos_core.cube.memcube import Origin
from memos_core.errors import InvalidInput
from memos_core.interface.context import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from memos_core.cube.answer import Change, Snapshot

All = Annotated[bool, typer.Option("--all", help="The whole vault, instead of one namespace.")]


def log(
    ctx: typer.Context,
    since: Annotated[Optional[str], typer.Option(metavar="DATE", help="From then on.")] = None,
    until: Annotated[Optional[str], typer.Option(metavar="DATE", help="Until then.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-l", min=1, help="At most so many.")] = 20,
    everything: All = False,
    vault: Vault = None,
    namespace: Namespace = None,
    as_json: Json = False,
) -> None:
    """Show what happened to memories, the latest first."""
    call = Call.of(ctx, vault=vault, namespace=namespace, as_json=as_json)
    start = None if since is None else moment(since, at=time.min)
    end = None if until is None else moment(until)
    with call.memory() as memos:
        changes = memos.log(namespace=_scope(call, everything), since=start, until=end, limit=limit)
    call.answer({"changes": changes}, lambda: _show_log(changes))


def diff(
    ctx: typer.Context,
    before: Annotated[str, typer.Argument(metavar="BEFORE", help="A snapshot, or a date.")],
    after: Annotated[Optional[str], typer.Argument(metavar="AFTER", help="By default the present.")] = None,
    everything: All = False,
    vault: Vault = None,
    namespace: Namespace = None,
    as_json: Json = False,
) -> None:
    """Show how memories differ between two moments."""
    call = Call.of(ctx, vault=vault, namespace=namespace, as_json=as_json)
    with call.memory() as memos:
        later = None if after is None else _moment(after)
        found = memos.compare(_moment(before), later, namespace=_scope(call, everything))
    call.answer({"contrasts": found}, lambda: show_contrasts(found, "Nothing differs."))


def snapshot(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="To find it again.")],
    everything: All = False,
    vault: Vault = None,
    namespace: Namespace = None,
    as_json: Json = False,
) -> None:
    """Give this moment a name, to come back to. Nothing is copied."""
    call = Call.of(ctx, vault=vault, namespace=namespace, as_json=as_json)
    with call.memory() as memos:
        taken = memos.snapshot(name, namespace=_scope(call, everything))
    call.answer({"snapshot": taken}, lambda: _list([taken]))


def snapshots(ctx: typer.Context, vault: Vault = None, namespace: Namespace = None, as_json: Json = False) -> None:
    """Show the snapshots there are; of all namespaces, unless one is named."""
    call = Call.of(ctx, vault=vault, namespace=namespace, as_json=as_json)
    with call.memory() as memos:
        found = memos.snapshots(namespace=call.owner)
    call.answer({"snapshots": found}, lambda: _list(found))


def restore(
    ctx: typer.Context,
    to: Annotated[str, typer.Argument(metavar="WHEN", help="A snapshot, or a date.")],
    cube: Annotated[Optional[str], typer.Option(metavar="ID", help="Only this memory.")] = None,
    everything: All = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    vault: Vault = None,
    namespace: Namespace = None,
    as_json: Json = False,
) -> None:
    """Make memories what they were. Another restore undoes it; what was erased stays erased."""
    call = Call.of(ctx, vault=vault, namespace=namespace, as_json=as_json)
    when = _moment(to)
    with call.memory() as memos:
        scope = call.owner if cube else _scope(call, everything)
        found = memos.restore(when, namespace=scope, cube=cube, dry_run=True)
        if found and not dry_run:
            confirm(found, yes=yes, question="Make these memories what they were?")
            found = memos.restore(when, namespace=scope, cube=cube)
    call.answer(
        {"contrasts": found, "done": not dry_run}, lambda: show_contrasts(found, "Everything is as it was then.")
    )


def undo(
    ctx: typer.Context,
    source_id: Annotated[Optional[str], typer.Option("--source", metavar="ID", help="A message or document.")] = None,
    session: Annotated[Optional[str], typer.Option(metavar="NAME", help="A conversation.")] = None,
    actor: Annotated[Optional[str], typer.Option(metavar="NAME", help="Who wrote it.")] = None,
    origin: Annotated[Optional[Origin], typer.Option(help="What kind of source.")] = None,
    everything: All = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    vault: Vault = None,
    namespace: Namespace = None,
    as_json: Json = False,
) -> None:
    """Undo all that came from a source, and what rests on it."""
    call = Call.of(ctx, vault=vault, namespace=namespace, as_json=as_json)
    scope = _scope(call, everything)
    with call.memory() as memos:
        undone = partial(memos.undo, namespace=scope, source_id=source_id, session=session, actor=actor, origin=origin)
        found = undone(dry_run=True)
        if found and not dry_run:
            confirm(found, yes=yes, question="Undo this?")
            found = undone()
    call.answer({"contrasts": found, "done": not dry_run}, lambda: show_contrasts(found, "Nothing is from there."))


def fork(
    ctx: typer.Context,
    path: Annotated[Path, typer.Argument(metavar="PATH", help="Where nothing is yet.", show_default=False)],
    to: Annotated[Optional[str], typer.Option(metavar="WHEN", help="A snapshot, or a date. Default: now.")] = None,
    everything: All = False,
    vault: Vault = None,
    namespace: Namespace = None,
    as_json: Json = False,
) -> None:
    """Write a vault of its own that goes on from a moment."""
    call = Call.of(ctx, vault=vault, namespace=namespace, as_json=as_json)
    with call.memory() as memos:
        count = memos.fork(path, to=None if to is None else _moment(to), namespace=_scope(call, everything))
    said = f"Written: {path}, with {counted(count, 'operation')}."
    call.answer({"path": path, "operations": count}, lambda: paragraph(screen(), said))


def _scope(call: Call, everything: bool) -> str | None:
    if everything and call.owner is not None:
        raise InvalidInput(detail="--all means the whole vault, and --namespace a part of it: give one of them.")
    return None if everything else call.namespace


def _moment(text: str) -> str | datetime:
    """A date, and failing that the name of a snapshot."""
    try:
        return moment(text)
    except InvalidInput:
        return text


def _list(found: Sequence[Snapshot]) -> None:
    for each in found:
        where = "/".join(each.namespace) or "the whole vault"
        paragraph(screen(), f"{each.at:%Y-%m-%d %H:%M:%S}  {printable(each.name)}, of {where}")
    if not found:
        paragraph(screen(), "There is none. `memos snapshot NAME` takes one.")


def _show_log(changes: Sequence[Change]) -> None:
    from rich.text import Text

    console = screen()
    for change in changes:
        done = ("changed" if change.parents else "written") if change.content else change.trigger or change.kind.value
        line = Text.assemble((f"{change.at:%Y-%m-%d %H:%M:%S}", "cyan"), "  ", (f"{done:<9}", "bold"))
        paragraph(console, line + (excerpt(change.content) if change.content else printable(change.reason or "")))
        paragraph(console, change.cube_id, indent=21, style="dim")
    if not changes:
        paragraph(console, "Nothing has happened.")


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command(epilog=examples("memos log", "memos log --since 2026-01-01 --all"))(log)
    app.command(epilog=examples("memos diff before-import", "memos diff 2026-01-01 2026-02-01"))(diff)
    app.command(epilog=examples("memos snapshot before-import", "memos snapshot monday --all"))(snapshot)
    app.command(epilog=examples("memos snapshots"))(snapshots)
    app.command(epilog=examples("memos restore before-import --dry-run", "memos restore 2026-01-31 --yes"))(restore)
    app.command(epilog=examples("memos undo --source report.pdf --dry-run", "memos undo --origin tool --yes"))(undo)
    app.command(epilog=examples("memos fork try.db", "memos fork old.db --to before-import"))(fork)
