"""What a person sees, and what a program reads."""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from memos_core.errors import CubeNotFound, EmbedderMismatch, MemOSError, MemOSWarning
from memos_core.interface.context import annotated, printable

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from memos_core.cube.memcube import MemCube

EXCERPT = 400  # characters of a memory in a list
INDENT = 3
#: Messages that advise a call from Python say here which command it is.
ADVICE = {
    CubeNotFound: "There is no memory {cube_id!r}. `memos list` shows what there is.",
    EmbedderMismatch: (
        "This vault holds vectors of {expected}, and the command line makes those of {actual}. "
        "Go on using it from Python, or run `memos reembed`."
    ),
}


def screen(*, stderr: bool = False) -> Console:
    """A console that shows text as it is: nothing in it is markup."""
    from rich.console import Console

    return Console(stderr=stderr, markup=False, highlight=False, emoji=False)


def write_json(document: object, *, stderr: bool = False) -> None:
    """Write one JSON document."""
    from pydantic_core import to_jsonable_python

    stream = sys.stderr if stderr else sys.stdout
    is_unicode = (stream.encoding or "").lower().startswith("utf")
    typer.echo(json.dumps(to_jsonable_python(document), indent=2, ensure_ascii=not is_unicode), err=stderr)


def in_shell(error: MemOSError) -> str:
    """The message of an error for somebody at the command line."""
    said = ADVICE.get(type(error))
    return str(error) if said is None else said.format(**error.facts)


def write_error(kind: str, message: str, *, as_json: bool) -> None:
    """Say on stderr what is wrong."""
    if as_json:
        write_json({"error": {"type": kind, "message": message}}, stderr=True)
    else:
        typer.secho("Error: ", fg=typer.colors.RED, bold=True, err=True, nl=False)
        typer.echo(printable(message), err=True)


@contextmanager
def told_warnings(*, as_json: bool) -> Iterator[None]:
    """Say on stderr, once each, what is warned of."""
    told: set[str] = set()

    def tell(message: Warning | str, *_: object, **__: object) -> None:
        text = str(message)
        if text in told:
            return
        told.add(text)
        if as_json:
            write_json({"warning": text}, stderr=True)
            return
        typer.secho("Warning: ", fg=typer.colors.YELLOW, bold=True, err=True, nl=False)
        typer.echo(printable(text), err=True)

    with warnings.catch_warnings():
        warnings.simplefilter("always", MemOSWarning)
        warnings.showwarning = tell
        yield


def counted(count: int, one: str, many: str = "") -> str:
    """A number of things, in words: ``1 memory``, ``1,234 memories``."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def paragraph(
    console: Console, text: str | Text, *, indent: int = 0, style: str = "", lead: Text | None = None
) -> None:
    """Print text, wrapped to a terminal and indented; elsewhere its lines stay whole.

    Parameters
    ----------
    lead
        Stands before the first line, instead of the indent; the other lines are indented by its length.
    """
    from rich.text import Text

    indent = indent if lead is None else len(lead)
    whole = text if isinstance(text, Text) else Text(text, style=style)
    lines = whole.wrap(console, max(20, console.width - indent)) if console.is_terminal else whole.split("\n")
    for number, line in enumerate(lines):
        line.rstrip()
        before = lead if lead is not None and number == 0 else Text(" " * indent)
        console.print(before + line, soft_wrap=True)


def show_memory(
    console: Console,
    cube: MemCube,
    *,
    rank: int | None = None,
    why: Mapping[str, float] | None = None,
    is_outdated: bool = False,
) -> None:
    """Print a memory in a few lines: when and who, the text, where it is from."""
    from rich.text import Text

    lead = " " * INDENT if rank is None else f"{rank:<{INDENT}}"
    when = f"{cube.said_at:%Y-%m-%d %H:%M}"
    paragraph(console, Text.assemble((lead, "bold"), (when, "cyan"), "  ", (speaker(cube), "bold")))
    text = printable(annotated(cube)).strip()
    cut = len(text) > EXCERPT
    paragraph(console, text[:EXCERPT].rstrip() + " ..." if cut else text, indent=INDENT)
    paragraph(console, " · ".join([*origin(cube), cube.id]), indent=INDENT, style="dim")
    if cube.is_stale:
        paragraph(console, "stale: something that it rests on no longer holds", indent=INDENT, style="yellow")
    if is_outdated:
        paragraph(console, "outdated: a later memory says otherwise", indent=INDENT, style="yellow")
    if why is not None:
        paragraph(console, f"why: {shares(why)}", indent=INDENT, style="green")


def speaker(cube: MemCube) -> str:
    """Who said it, and failing that what it is."""
    return printable(cube.provenance.speaker or cube.metadata.get("title") or cube.provenance.role or cube.kind.value)


def origin(cube: MemCube) -> list[str]:
    """Where it comes from: conversation and id there, as far as it has them."""
    known = dict.fromkeys([cube.provenance.session, cube.provenance.source_id])
    return [printable(name) for name in known if name]


def shares(why: Mapping[str, float]) -> str:
    """The part of each signal in a score, the greatest first."""
    total = sum(why.values()) or 1.0
    ordered = sorted(why.items(), key=lambda item: -item[1])
    return ", ".join(f"{name} {share / total:.0%}" for name, share in ordered if round(100 * share / total))


@contextmanager
def progress(label: str, *, quiet: bool = False) -> Iterator[Callable[[int, int], None]]:
    """A bar on stderr while something takes long, if a person is looking; call it with what is done, and in all."""
    console = screen(stderr=True)
    if quiet or not console.is_terminal:
        yield lambda _done, _total: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bars:
        task = bars.add_task(label, total=None)
        yield lambda done, total: bars.update(task, completed=done, total=total)
