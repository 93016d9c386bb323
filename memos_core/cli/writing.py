"""`add` and `import`: what goes in."""

from __future__ import annotations

import sys
from datetime import datetime, time
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from memos_core.cli.models import Model, some_model
from memos_core.cli.options import Call, Json, Namespace, Vault, examples, joined
from memos_core.cli.output import counted, paragraph, progress, screen, show_memory
from memos_core.cube.answer import Added
from memos_core.cube.memcube import State
from memos_core.errors import InvalidInput
from memos_core.interface.context import printable

if TYPE_CHECKING:
    from memos_core.system import MemOS
    from memos_core.system.importing import Imported

MAX_NAMED = 5  # passed-over items that are told by name


class Role(str, Enum):
    """Who speaks, in a chat."""

    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"
    SYSTEM = "system"


def _stdin() -> str:
    from memos_core.infrastructure.exchange.importers.source import decoded

    return decoded(sys.stdin.buffer.read(), Path("stdin"))


def _said_at(text: str) -> datetime:
    from memos_core.cli.moments import moment

    try:
        return moment(text, at=time.min)
    except InvalidInput as error:
        raise typer.BadParameter(str(error)) from error


def add(
    ctx: typer.Context,
    text: Annotated[list[str], typer.Argument(metavar="TEXT", help="What to remember; '-' reads it from stdin.")],
    at: Annotated[
        Optional[datetime],
        typer.Option(
            parser=_said_at, metavar="DATE", help="When it was said: 'yesterday' counts from here. Now, if not given."
        ),
    ] = None,
    speaker: Annotated[Optional[str], typer.Option(metavar="NAME", help="Who said it.")] = None,
    role: Annotated[Role, typer.Option(help="In what part.")] = Role.USER,
    source_id: Annotated[
        Optional[str],
        typer.Option("--id", metavar="ID", help="Its id elsewhere; adding the same id again updates the memory."),
    ] = None,
    session: Annotated[Optional[str], typer.Option(metavar="NAME", help="The conversation it belongs to.")] = None,
    model: Model = None,
    vault: Vault = None,
    namespace: Namespace = None,
    as_json: Json = False,
) -> None:
    """Remember a text; with a chat model, claims are read of it that no rule knows."""
    from memos_core.cube.message import Message
    from memos_core.interface.reader.text import checked

    call = Call.of(ctx, vault=vault, namespace=namespace, as_json=as_json)
    given = [_stdin()] if text == ["-"] else text
    content = joined(given, "The text", advice="There is nothing to remember in it.")
    message = Message(content=checked(content, "The text"), role=role.value, name=speaker, at=at, id=source_id)
    with call.memory(create=True, llm=some_model(model)) as memos:
        added = memos.add([message], namespace=call.namespace, session=session)
    call.answer(added, lambda: _show(added))


def _show(added: Added) -> None:
    console = screen()
    paragraph(console, "Remembered:" if added.written else "Known already:", style="bold")
    for cube in (*added.written, *added.unchanged):
        show_memory(console, cube)
    if any(cube.state is State.ARCHIVED for cube in added.unchanged):
        paragraph(console, "It was forgotten and stays archived. Add it under another --id to have it recalled.")
    if any(cube.parents for cube in added.written):
        paragraph(console, "It replaces what was there under this id; `memos history` shows both.")
    elif added.superseded:
        paragraph(console, "It replaces what an older memory claims; `memos claims --all` shows both.", style="yellow")
    if added.conflicts:
        paragraph(console, "It contradicts another memory; `memos claims` shows both.", style="yellow")


def import_(
    ctx: typer.Context,
    path: Annotated[Path, typer.Argument(exists=True, metavar="PATH", help="A file, or a folder of texts.")],
    form: Annotated[
        Optional[str],
        typer.Option("--format", metavar="NAME", help="As docs/IMPORT.md lists them; found out if not given."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be taken in, and store nothing.")] = False,
    vault: Vault = None,
    namespace: Namespace = None,
    as_json: Json = False,
) -> None:
    """Remember what another system exported (ChatGPT, Claude, mem0, ...), conversations, or texts.

    Everything in it is checked before anything is stored. Running it twice stores nothing twice.
    """
    call = Call.of(ctx, vault=vault, namespace=namespace, as_json=as_json)
    name, result = checked_import(call, path, form)
    if not dry_run:
        with call.memory(create=True) as memos:
            result = taken_in(call, memos, path, name, result)
    told = {"path": path, "format": name, "dry_run": dry_run, **result.model_dump()}
    call.answer(told, lambda: show_imported(result, path, name, dry_run=dry_run))


def checked_import(call: Call, path: Path, form: str | None = None) -> tuple[str, Imported]:
    """The form of what another system wrote, and what would be taken in; all of it is checked, and nothing stored."""
    from memos_core.infrastructure.exchange.importers import detect, read
    from memos_core.system.importing import check

    name = form or detect(path)
    with progress("Checking", quiet=call.as_json):
        return name, check(read(path, name), namespace=call.namespace)


def taken_in(call: Call, memos: MemOS, path: Path, form: str, checked: Imported) -> Imported:
    """Take in what was checked."""
    from memos_core.infrastructure.exchange.importers import read
    from memos_core.system.importing import take_in

    with progress("Remembering", quiet=call.as_json) as advance:
        items = read(path, form)
        return take_in(memos, items, namespace=call.namespace, total=checked.taken, progress=advance)


def show_imported(result: Imported, path: Path, form: str, *, dry_run: bool = False) -> None:
    console = screen()
    kinds = ((result.messages, "message"), (result.documents, "document"), (result.notes, "note"))
    read_in = " and ".join(counted(count, name) for count, name in kinds if count) or "nothing"
    replaced = f" ({result.superseded:,} in place of an older version)" if result.superseded else ""
    paragraph(console, f"{'Would read' if dry_run else 'Read'} {read_in} from {printable(str(path))} ({form}).")
    if not dry_run:
        written = counted(result.written, "memory", "memories")
        paragraph(console, f"{written} written{replaced}, {result.unchanged:,} there already.")
    if result.erased:
        left_out = counted(result.erased, "memory was", "memories were")
        paragraph(console, f"{left_out} left out: what was erased here stays erased.", style="yellow")
    shown = result.passed_over if dry_run else result.passed_over[:MAX_NAMED]
    if shown:
        paragraph(console, f"Passed over ({len(result.passed_over):,}):", style="yellow")
    for where, why in shown:
        paragraph(console, f"{printable(where)}: {why}", indent=3)
    if more := len(result.passed_over) - len(shown):
        paragraph(console, f"and {more:,} more; --dry-run shows all", indent=3)


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command(
        epilog=examples(
            'memos add "I moved to Paris last week" --speaker Ana',
            "pbpaste | memos add - --at 2025-03-04 --namespace acme/alice",
        )
    )(add)
    app.command(
        "import",
        epilog=examples(
            "memos import conversation.jsonl",
            "memos import chatgpt-export.zip --dry-run",
            "memos import notes/ --namespace acme/alice",
            "memos import README --format document",
        ),
    )(import_)
