"""`scheduler`: what should happen to memories, why, and doing it."""

from __future__ import annotations

import math
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from memos_core.cli.living import duration
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
    limit: Annotated[
        list[str],
        typer.Option(metavar="NAME=VALUE", help="Any limit of docs/SCHEDULER.md, e.g. calls=0, idle=2h; repeat it."),
    ] = [],  # noqa: B006
    vault: Vault = None,
    as_json: Json = False,
) -> None:
    """Show what the scheduler would do with memories, and why; with --run, do it. It looks at all namespaces."""
    call = Call.of(ctx, vault=vault, as_json=as_json)
    limits = limits_of([f"decisions={decisions}", f"seconds={seconds}", *limit])
    if watch is not None and as_json:
        raise InvalidInput(detail="--watch goes on for ever, and --json answers with one document: leave one out.")
    with call.memory() as memos:
        found = memos.tick(dry_run=not (run or watch), limits=limits)
        call.answer({"decisions": found}, lambda: _show(found, was_run=run or watch is not None))
        while watch is not None:
            time.sleep(watch)
            if found := memos.tick(limits=limits):
                _show(found, was_run=True)


def limits_of(given: Sequence[str]) -> Limits:
    """Read limits as they are written on a command line: numbers, durations, and names with commas between them.

    Raises
    ------
    InvalidInput
        If there is no such limit, or its value is not understood.

    Examples
    --------
    >>> limits_of(["calls=0", "idle=2h", "held_by=lfu,lru"]).held_by
    ('lfu', 'lru')
    """
    known, found = vars(DEFAULT), {}
    for text in given:
        name, _, value = text.partition("=")
        if name not in known:
            raise InvalidInput(
                detail=f"{text!r}: there is no such limit. Write NAME=VALUE; known are {', '.join(known)}."
            )
        found[name] = _value(name, value, known[name])
    return Limits(**found)


def _value(name: str, text: str, default: object) -> Any:
    if isinstance(default, timedelta):
        return duration(text)
    if isinstance(default, tuple):
        return tuple(filter(None, map(str.strip, text.split(","))))
    try:
        number = int(text) if isinstance(default, int) else float(text)
    except ValueError as error:
        raise InvalidInput(detail=f"{name}={text}: {text!r} is no number.") from error
    if not math.isfinite(number):
        raise InvalidInput(detail=f"{name}={text}: {text!r} is no number.")
    return number


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
    app.command(
        epilog=examples(
            "memos scheduler", "memos scheduler --run --limit calls=0 --limit idle=2h", "memos scheduler --watch 60"
        )
    )(scheduler)
