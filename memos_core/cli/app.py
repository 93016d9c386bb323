"""The application: its commands, what all of them take, and how errors end."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Optional

import typer
from typer.core import TyperGroup

from memos_core.cli import asking, demonstrating, doctor, forgetting, reading, serving, upkeep, writing
from memos_core.cli.options import DEFAULT_NAMESPACE, Call
from memos_core.cli.output import write_error
from memos_core.errors import MemOSError


class Commands(TyperGroup):
    """The commands; an error of ours ends with its message and exit code 1, not with a traceback."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except MemOSError as error:
            write_error(error, as_json=bool(ctx.obj and ctx.obj.as_json))
            raise typer.Exit(1) from error


app = typer.Typer(
    name="memos",
    cls=Commands,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done; 1 an error, with its message on stderr; 2 a command line that is not understood.",
)

for module in (demonstrating, writing, asking, reading, forgetting, upkeep, doctor, serving):
    module.register(app)


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
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """A memory for AI agents: one file, no key, no server. Try `memos demo` first.

    The options here can also be given after the command.
    """
    del version  # has done its work when this is reached
    ctx.obj = Call(vault, namespace, as_json)
