"""`doctor`: what is installed, what the vault holds, and what is wrong."""

from __future__ import annotations

from dataclasses import asdict

import typer

from memos_core.cli.checks import Check, examine
from memos_core.cli.options import Call, Json, Vault, examples
from memos_core.cli.output import paragraph, progress, screen
from memos_core.interface.context import printable

WIDTH = 14
STYLES = {"ok": "green", "note": "yellow", "wrong": "bold red"}


def doctor(ctx: typer.Context, vault: Vault = None, as_json: Json = False) -> None:
    """Look at the installation, the model and the vault, and say what is wrong and what mends it.

    Ends with exit code 1 if anything is wrong.
    """
    call = Call.of(ctx, vault=vault, as_json=as_json)
    with progress("Looking", quiet=call.as_json):
        checks = list(examine(call.path, call.key()))
    wrong = [check for check in checks if check.status == "wrong"]
    call.answer({"ok": not wrong, "checks": [asdict(check) for check in checks]}, lambda: _show(checks))
    if wrong:
        raise typer.Exit(1)


def _show(checks: list[Check]) -> None:
    from rich.text import Text

    console = screen()
    for check in checks:
        head = Text.assemble((f"{check.status:<6}", STYLES[check.status]), (check.name, "bold"))
        head.pad_right(max(1, WIDTH + 6 - len(head)))
        paragraph(console, printable(check.found), lead=head)
        if check.mend:
            paragraph(console, f"-> {check.mend}", indent=len(head), style=STYLES[check.status])
    wrong = sum(check.status == "wrong" for check in checks)
    verdict = f"{wrong} things are wrong." if wrong > 1 else "One thing is wrong." if wrong else "All is well."
    paragraph(console, verdict, style="bold")


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command(epilog=examples("memos doctor", "memos doctor --vault memory.db --json"))(doctor)
