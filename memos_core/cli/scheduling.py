"""`scheduler`: what should happen to memories, why, and doing it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from memos_core.cli.options import Call, Json, Vault, examples
from memos_core.cli.output import counted, paragraph, screen
from memos_core.errors import InvalidInput
from memos_core.interface.context import printable
from memos_core.operation.scheduler.decisions import Done, Limits

if TYPE_CHECKING:
    from collections.abc import Sequence

DEFAULT = Limits()


def scheduler(
    ctx: typer.Context,
    run: Annotated[bool, typer.Option("--run", help="Do it, once.")] = False,
    watch: Annotated[
        Optional[float], typer.Option(metavar="SECONDS", min=1, help="Do it again and again, until Ctrl-C.")
    ] = None,
    decisions: Annotated[int, typer.Option(min=0, help="At most so many a round.")] = DEFAULT.decisions,
    seconds: Annotated[float, typer.Option(min=0, help="Begin nothing after so long.")] = DEFAULT.seconds,
    vault: Vault = None,
    as_json: Json = False,
) -> None:
    """Show what the scheduler would do with memories, and why; with --run, do it. It looks at all namespaces."""
    call = Call.of(ctx, vault=vault, as_json=as_json)
    limits = Limits(decisions=decisions, seconds=seconds)
    if watch is not None and as_json:
        raise InvalidInput(detail="--watch goes on for ever, and --json answers with one document: leave one out.")
    with call.memory() as memos:
        found = memos.tick(dry_run=not (run or watch), limits=limits)
        call.answer({"decisions": found}, lambda: _show(found, was_run=run or watch is not None))
        while watch is not None:
            time.sleep(watch)
            if found := memos.tick(limits=limits):
                _show(found, was_run=True)


def _show(found: Sequence[Done], *, was_run: bool) -> None:
    from rich.table import Table

    console = screen()
    table = Table("what", "with", "why", *(["outcome"] if was_run else []), box=None, header_style="bold")
    for each in found:
        decision = each.decision
        more = f" and {len(decision.cubes) - 1} more" if len(decision.cubes) > 1 else ""
        what = f"{decision.cubes[-1]}{more}" if decision.cubes else decision.subject
        row = [decision.action.value, printable(what), printable(decision.reason)]
        table.add_row(*row, *([printable(each.outcome)] if was_run else []))
    if not found:
        paragraph(console, "There is nothing to do.")
        return
    console.print(table)
    if not was_run:
        paragraph(console, f"{counted(len(found), 'decision')}, and nothing done. `memos scheduler --run` does it.")


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command(epilog=examples("memos scheduler", "memos scheduler --run", "memos scheduler --watch 60"))(scheduler)
