"""`claims`: who lives where, likes what and is whose sister, and what of it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from memos_core.cli.options import AsOf, Call, Json, KnownAt, Namespace, Vault, examples, filters
from memos_core.cli.output import paragraph, screen
from memos_core.interface.context import printable

if TYPE_CHECKING:
    from memos_core.cube.answer import Belief


def claims(
    ctx: typer.Context,
    everything: Annotated[bool, typer.Option("--all", help="What is over or replaced, too.")] = False,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    vault: Vault = None,
    namespace: Namespace = None,
    as_json: Json = False,
) -> None:
    """Show what is claimed, and what of it holds."""
    call = Call.of(ctx, vault=vault, namespace=namespace, as_json=as_json)
    with call.memory() as memos:
        judged = memos.claims(namespace=call.namespace, **filters(as_of, known_at, None, None, None))
    shown = [belief for belief in judged if everything or belief.holds]
    call.answer({"claims": [_document(belief) for belief in shown]}, lambda: _show(shown))


def _document(belief: Belief) -> dict[str, object]:
    return {
        **belief.claim.model_dump(mode="json"),
        "when": None if belief.when is None else belief.when.model_dump(mode="json"),
        "status": _status(belief),
        "outdated_by": belief.outdated_by,
        "conflicts_with": belief.conflicts_with,
        "cube": belief.cube.id,
        "source": belief.cube.source_ids[0],
    }


def _status(belief: Belief) -> str:
    if belief.conflicts_with:
        return "in conflict"
    return "outdated" if belief.outdated_by else "over" if belief.is_over else "holds"


def _show(shown: list[Belief]) -> None:
    console = screen()
    if not shown:
        paragraph(console, "Nothing is claimed.")
        return
    table = Table("who", "", "what", "since", "", "source", box=None, pad_edge=False)
    for belief in shown:
        claim = belief.claim
        since = "" if belief.when is None else f"{belief.when.start:%Y-%m-%d}"
        predicate = f"not {claim.predicate}" if claim.negated else claim.predicate
        cells = (claim.subject, predicate, claim.object, since, _status(belief), belief.cube.source_ids[0])
        table.add_row(*(printable(cell).replace("[", "\\[") for cell in cells))
    console.print(table)


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command(epilog=examples("memos claims", "memos claims --as-of 2022-01-01 --all --json"))(claims)
