"""What becomes of memories, shown before and after it is done."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from memos_core.cli.output import counted, paragraph, screen
from memos_core.errors import InvalidInput
from memos_core.interface.context import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from memos_core.cube.answer import Contrast
    from memos_core.cube.memcube import Content

EXCERPT = 60  # characters of a memory in a line

DryRun = Annotated[bool, typer.Option("--dry-run", help="Only show what would be done.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do it without asking.")]


def confirm(found: Sequence[Contrast], *, yes: bool, question: str) -> None:
    """Ask whether to do what is shown, unless it was said already.

    Raises
    ------
    InvalidInput
        If nobody is there to be asked.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise InvalidInput(detail="Nobody is there to be asked. Look at it with --dry-run, and add --yes to do it.")
    show_contrasts(found, "", stderr=True)
    typer.confirm(question, abort=True, err=True)


def show_contrasts(found: Sequence[Contrast], nothing: str, *, stderr: bool = False) -> None:
    """Print what becomes of memories; of none, a sentence."""
    from rich.text import Text

    console = screen(stderr=stderr)
    for each in found:
        mark, style, said = _described(each)
        paragraph(console, said, lead=Text(f"{mark:<9}", style))
        paragraph(console, each.cube_id, indent=9, style="dim")
    paragraph(console, f"{counted(len(found), 'memory', 'memories')}." if found else nothing)


def _described(each: Contrast) -> tuple[str, str, str]:
    """What becomes of a memory: a word, its colour and a line."""
    if each.before is None or each.after is None:
        said = each.after or each.before
        return ("new", "green", excerpt(said)) if each.before is None else ("gone", "red", excerpt(each.before))
    fields = {difference.field for difference in each.differences}
    if each.kept:
        return "kept", "yellow", f"{excerpt(each.before)} ({each.kept})"
    states = [difference for difference in each.differences if difference.field == "state"]
    moved = f" ({states[0].before} -> {states[0].after})" if states else ""
    if "payload" in fields:
        return "text", "cyan", f"{excerpt(each.before)} -> {excerpt(each.after)}{moved}"
    others = ", ".join(sorted(fields - {"state"}))
    return (
        "state" if not others else "fields",
        "cyan",
        f"{excerpt(each.after)}{moved}{f' [{others}]' if others else ''}",
    )


def excerpt(content: Content | None) -> str:
    """The beginning of a memory, in one line."""
    text = " ".join(printable("" if content is None else content.text).split())
    return text if len(text) <= EXCERPT else f"{text[: EXCERPT - 4].rstrip()} ..."
