"""The application: its commands, what all of them take, and how errors end."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path
from typing import Annotated, Any, Optional

import typer
from typer.core import TyperGroup

from memos_core.cli import (
    asking,
    benching,
    chatting,
    claiming,
    demonstrating,
    doctor,
    forgetting,
    governing,
    living,
    piping,
    reading,
    reasoning,
    scheduling,
    serving,
    settling,
    sharing,
    storing,
    training,
    travelling,
    upkeep,
    writing,
)
from memos_core.cli.options import DEFAULT_NAMESPACE, Call
from memos_core.cli.output import in_shell, told_warnings, write_error
from memos_core.errors import MemOSError

# Click's; new releases of typer bring a click of their own, so it cannot be imported from there.
UsageError: type[Any] = typer.BadParameter.__mro__[1]


class Commands(TyperGroup):
    """The commands; an error ends with its message and an exit code, not with a traceback."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read what stands before the command."""
        with _told(as_json=_asks_for_json(args)):
            return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was asked for."""
        as_json = ctx.params.get("as_json") or _asks_for_json(ctx.args)
        with _told(as_json=as_json), told_warnings(as_json=as_json):
            return super().invoke(ctx)


def _asks_for_json(arguments: Sequence[str]) -> bool:
    # Also of a command line that cannot be read to its end, for that is an error to be told.
    return "--json" in takewhile(lambda argument: argument != "--", arguments)


@contextmanager
def _told(*, as_json: bool) -> Iterator[None]:
    try:
        yield
    except MemOSError as error:
        write_error(type(error).__name__, in_shell(error), as_json=as_json)
        raise typer.Exit(1) from error
    except OSError as error:
        if error.errno == errno.EPIPE:  # whoever read the answer has read enough
            raise
        write_error("OSError", f"{error}.", as_json=as_json)
        raise typer.Exit(1) from error
    except UsageError as error:
        if not as_json:
            raise
        write_error("UsageError", error.format_message(), as_json=True)
        raise typer.Exit(2) from error


app = typer.Typer(
    name="memos",
    cls=Commands,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done; 1 an error, with its message on stderr; 2 a command line that is not understood.",
)

MODULES = {
    "Remember and recall": (demonstrating, writing, asking, chatting, reading),
    "Keep it true": (claiming, settling, reasoning, forgetting, living, piping),
    "Go back": (travelling,),
    "Share it": (sharing, storing, governing, serving),
    "Look after it": (scheduling, training, upkeep, doctor, benching),
}

for panel, modules in MODULES.items():
    for module in modules:
        module.register(app)
    entries: list[Any] = [*app.registered_commands, *app.registered_groups]
    for entry in entries:
        entry.rich_help_panel = entry.rich_help_panel if isinstance(entry.rich_help_panel, str) else panel


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"memos {version('memcubes')}")
        raise typer.Exit


@app.callback()
def root(
    ctx: typer.Context,
    vault: Annotated[
        Optional[Path],
        typer.Option(metavar="PATH", envvar="MEMOS_VAULT", help="The vault file. By default one among your user data."),
    ] = None,
    namespace: Annotated[
        Optional[str],
        typer.Option(
            "--namespace",
            "-n",
            metavar="NAME",
            envvar="MEMOS_NAMESPACE",
            help=f"Whose memory, e.g. acme/alice. By default '{DEFAULT_NAMESPACE}'.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Answer with one JSON document.")] = False,
    key_from: Annotated[
        Optional[str],
        typer.Option(
            metavar="PLACE",
            envvar="MEMOS_KEY_FROM",
            help="Where the key of an encrypted vault is: file:PATH, keyring:NAME or prompt.",
        ),
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """A memory for AI agents: one file, no key, no server. Try `memos demo` first.

    The options here, but for --key-from, can also be given after the command.
    """
    del version  # has done its work when this is reached
    ctx.obj = Call(vault, namespace, as_json, key_from)
