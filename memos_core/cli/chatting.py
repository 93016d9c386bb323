"""`chat`: talk with a chat model that remembers."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from enum import Enum
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from memos_core.cli.flowing import Flow
from memos_core.cli.models import HELP, WITH, KeyFile, choices, named_model
from memos_core.cli.options import Call, Json, Namespace, Vault, examples, joined
from memos_core.cli.output import INDENT, counted, in_shell, paragraph, screen, show_memory, speaker, write_error
from memos_core.cli.talking import Exchange, Talk
from memos_core.errors import ChatModelError, InvalidInput, MemOSError
from memos_core.infrastructure.clock import SystemClock
from memos_core.interface.context import annotated, printable

if TYPE_CHECKING:
    from memos_core.cube.answer import Hit

SHOWN = 5  # memories that are listed for a question
EXCERPT = 200  # characters of a memory on a line that no terminal cuts
COMMAND = re.compile(r"/([a-z]+)(?: +(\d+))?\s*")
HELP_LINES = {
    "/help": "show this",
    "/memories": "show all memories that the last answer had",
    "/why N": "show memory N of them, and what it was found by",
    "/forget N": "forget memory N: it is archived",
    "/forget": "take back the last question and answer: they are archived",
    "/quit": "end, as Ctrl-D does; Ctrl-C stops an answer",
}


class Memories(str, Enum):
    """How much of what was recalled is shown."""

    FULL = "full"
    BRIEF = "brief"
    NONE = "none"


def chat(
    ctx: typer.Context,
    model: Annotated[
        Optional[str],
        typer.Option("--model", metavar="NAME", envvar="MEMOS_MODEL", help=HELP, rich_help_panel=WITH),
    ] = None,
    api_key_file: KeyFile = None,
    memories: Annotated[
        Memories, typer.Option(help="How much to show of the memories that an answer is given.")
    ] = Memories.BRIEF,
    speaker: Annotated[Optional[str], typer.Option(metavar="NAME", help="Who you are.")] = None,
    session: Annotated[
        Optional[str], typer.Option(metavar="NAME", help="The conversation it belongs to; by default a new one.")
    ] = None,
    max_tokens: Annotated[int, typer.Option(min=1, help="Upper limit of an answer.")] = 1000,
    recall_tokens: Annotated[int, typer.Option(min=1, help="Upper limit of what is recalled for a question.")] = 1500,
    vault: Vault = None,
    namespace: Namespace = None,
    as_json: Json = False,
) -> None:
    """Talk with a chat model that remembers.

    What is remembered of a question is shown to you and to the model; question and answer are remembered in turn.
    Without a terminal every line of stdin is a question. Answers go to stdout, everything else to stderr.
    """
    call = Call.of(ctx, vault=vault, namespace=namespace, as_json=as_json)
    if model is None:
        detail = "Say with --model, or MEMOS_MODEL, which chat model is to answer:"
        raise InvalidInput(detail=f"{detail}\n{choices()}")
    clock, console = SystemClock(), screen(stderr=True)
    with console.status("loading the model"):
        llm = named_model(model, api_key_file)
    named = session or f"chat-{clock.now():%Y-%m-%dT%H:%M:%S}"
    with call.memory(create=True) as memos:
        talk = Talk(
            memos, llm, namespace=call.namespace, session=named, clock=clock, speaker=speaker,
            recall_tokens=recall_tokens, reply_tokens=max_tokens,
        )  # fmt: skip
        seen = Memories.NONE if call.as_json else memories
        Terminal(talk, shown=seen, is_quiet=call.as_json).run()
    document = {"session": named, "model": llm.name, "exchanges": [each.document() for each in talk.exchanges]}
    call.answer(document, lambda: None)


class Terminal:
    """Where a conversation is typed and read.

    Parameters
    ----------
    is_quiet
        Write no answers: they are told at the end.
    """

    def __init__(self, talk: Talk, *, shown: Memories, is_quiet: bool) -> None:
        self._talk = talk
        self._shown = shown
        self._is_quiet = is_quiet
        self._is_watched = sys.stdin.isatty()
        self._console = screen(stderr=True)

    def run(self) -> None:
        """Answer questions until there are no more.

        Raises
        ------
        ChatModelError
            If the model fails, and nobody is there to ask again.
        """
        if self._is_watched:
            self._say(f"{self._talk.model.name} with the memory of {self._talk.namespace!r}. /help lists commands.")
        for line in self._lines():
            if line.strip() == "/quit":
                return
            try:
                if not self._did(line.strip()):
                    self._converse(joined([line], "The question", advice=""))
            except MemOSError as error:
                if not self._is_watched:
                    raise
                write_error(type(error).__name__, in_shell(error), as_json=False)

    def _lines(self) -> Iterator[str]:
        """What is typed, or comes in, but for blank lines."""
        ask = self._prompted if self._is_watched else sys.stdin.readline
        while line := ask():
            if line.strip():
                yield line.rstrip("\n")

    def _prompted(self) -> str:
        with suppress(ImportError):  # Windows has none; where it is loaded, lines can be edited and called back
            import_module("readline")
        if not sys.stdout.isatty() or self._is_quiet:
            self._console.print("> ", style="bold cyan", end="")
            return sys.stdin.readline()
        try:
            is_plain = self._console.no_color or not self._console.is_terminal
            return input("> " if is_plain else "\x01\x1b[1;36m\x02> \x01\x1b[0m\x02") + "\n"
        except EOFError:
            self._console.print()
            return ""

    def _converse(self, question: str) -> None:
        """Recall, answer, remember; whatever ends an answer, what was said is kept."""
        said, stopped, failure = list[str](), False, None
        exchange = self._talk.begin(question)
        flow = Flow(self._write, width=self._width, indent=INDENT)
        try:
            with self._console.status("recalling"):
                exchange = self._talk.recall(exchange)
            self._show_recalled(exchange)
            with self._console.status("thinking") as waiting:
                for piece in self._talk.answer(exchange):
                    waiting.stop()
                    said.append(piece)
                    flow.add(piece)
        except KeyboardInterrupt:
            stopped = True
        except ChatModelError as error:
            stopped, failure = bool(said), error
        if said:
            flow.end()
        self._talk.keep(exchange, "".join(said), stopped=stopped)
        if failure is not None:
            raise failure
        if stopped:
            self._say("Stopped. What was said is remembered." if said else "Stopped. Your question is remembered.")
        elif not said:
            self._say("The model said nothing.")
        if self._is_watched:
            self._console.print()

    def _write(self, text: str) -> None:
        if not self._is_quiet:
            typer.echo(text, nl=False)

    @property
    def _width(self) -> int | None:
        return self._console.width if sys.stdout.isatty() else None

    def _say(self, text: str) -> None:
        paragraph(self._console, text, style="dim")

    # memories

    def _show_recalled(self, exchange: Exchange) -> None:
        hits = exchange.recalled.hits
        if self._shown is Memories.FULL:
            self._show_all(exchange)
        elif self._shown is Memories.BRIEF:
            for number, hit in enumerate(hits[:SHOWN], 1):
                who, text = speaker(hit.cube), " ".join(printable(annotated(hit.cube)).split())
                line = f"{number:<{INDENT}}{hit.cube.said_at:%Y-%m-%d}  {hit.score:.2f}  {who}: {text}"
                room = self._console.width - 1 if self._console.is_terminal else EXCERPT
                self._console.print(shortened(line, room), style="dim", soft_wrap=True)
            if len(hits) > SHOWN:
                self._say(f"   and {counted(len(hits) - SHOWN, 'memory', 'memories')} more: /memories")

    def _show_all(self, exchange: Exchange) -> None:
        for number, hit in enumerate(exchange.recalled.hits, 1):
            show_memory(self._console, hit.cube, rank=number, why=hit.why, is_outdated=bool(hit.outdated_by))
        if not exchange.recalled.hits:
            self._say("Nothing was recalled.")

    # commands

    def _did(self, line: str) -> bool:
        """Do what a command says; false if the line is none."""
        found = COMMAND.fullmatch(line)
        if not found:
            return False
        doing: dict[str, Callable[[int | None], None]] = {
            "help": lambda _: self._help(),
            "memories": lambda _: self._show_all(self._last()),
            "why": self._why,
            "forget": self._forget,
        }
        if found[1] not in doing:
            raise InvalidInput(detail=f"There is no /{found[1]}. There are {', '.join(HELP_LINES)}.")
        doing[found[1]](int(found[2]) if found[2] else None)
        return True

    def _help(self) -> None:
        for command, what in HELP_LINES.items():
            paragraph(self._console, f"{command:<12}{what}", indent=INDENT)

    def _why(self, number: int | None) -> None:
        hit = self._hit(1 if number is None else number)
        show_memory(self._console, hit.cube, rank=number, why=hit.why, is_outdated=bool(hit.outdated_by))
        paragraph(self._console, f"score {hit.score:.2f}", indent=INDENT, style="green")

    def _forget(self, number: int | None) -> None:
        if number is None:
            taken = self._talk.take_back()
            if taken is None:
                raise InvalidInput(detail="Nothing was asked yet.")
            self._say("Taken back: the last question and answer are archived.")
            return
        cube = self._hit(number).cube
        self._talk.memos.forget(cube.id, reason="forgotten in a chat")
        self._say(f"Archived memory {number}. `memos revive {cube.id}` brings it back.")

    def _last(self) -> Exchange:
        if not self._talk.exchanges:
            raise InvalidInput(detail="Nothing was asked yet.")
        return self._talk.exchanges[-1]

    def _hit(self, number: int) -> Hit:
        hits = self._last().recalled.hits
        if not 1 <= number <= len(hits):
            told = counted(len(hits), "memory", "memories")
            raise InvalidInput(detail=f"There is no memory {number}: the last answer had {told}.")
        return hits[number - 1]


def shortened(line: str, room: int) -> str:
    """A line that fits into so many columns."""
    from rich.text import Text

    text = Text(line)
    text.truncate(room, overflow="ellipsis")
    return text.plain


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command(
        epilog=examples(
            "memos chat --model ollama:qwen3:4b",
            "memos chat --model gguf:model.gguf --memories full --speaker Ana",
            'echo "Where does Mira live?" | memos chat --model openai:gpt-4.1-mini --json',
        )
    )(chat)
