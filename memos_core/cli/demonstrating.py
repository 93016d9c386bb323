"""`demo`: a sample conversation, questions about it, and what comes back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import as_file, files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

import typer

from memos_core.cli.moments import moment
from memos_core.cli.options import Call, Json, examples
from memos_core.cli.output import paragraph, progress, screen, show_memory
from memos_core.cube.answer import Context, Hit

if TYPE_CHECKING:
    from memos_core.system import MemOS
    from memos_core.system.importing import Imported

NAMESPACE = "demo"
SAMPLE = "conversation.jsonl"
SHOWN = 2
QUESTIONS = (
    ("Where does Mira live?", None),
    ("Where does Mira live?", "2025-03-01"),  # before she moved
    ("What happened to Pixel the cat?", None),
    ("When was Jonas's nephew born?", None),
    ("What did Mira sell before she moved?", None),
    ("What was the best day of the hike?", None),
)
LAST = "What does Mira write for the museum?"
BUDGET = 200  # tokens


class Answer(NamedTuple):
    """A question, the day as of which it was asked, and what was recalled for it."""

    question: str
    as_of: str | None
    hits: list[Hit]


def demo(ctx: typer.Context, as_json: Json = False) -> None:
    """Show it working: import a sample conversation into a temporary vault and ask questions."""
    call = Call.of(ctx, as_json=as_json)
    imported, answers, context = _run(quiet=call.as_json)
    document = {"imported": imported, "questions": [answer._asdict() for answer in answers], "context": context}
    call.answer(document, lambda: _show(imported, answers, context))


@contextmanager
def sample() -> Iterator[Path]:
    """The sample conversation: in the wheel beside this module, in a checkout among the examples."""
    packed = files("memos_core.cli") / SAMPLE
    if packed.is_file():
        with as_file(packed) as path:
            yield path
    else:
        yield Path(__file__).parents[2] / "examples" / SAMPLE


def _run(*, quiet: bool) -> tuple[Imported, list[Answer], Context]:
    from memos_core.infrastructure.exchange.importers import read
    from memos_core.system import MemOS
    from memos_core.system.importing import check, take_in

    with TemporaryDirectory(prefix="memos-demo-") as folder, sample() as path:
        total = check(read(path, "jsonl"), namespace=NAMESPACE).taken
        with MemOS.open(Path(folder) / "memory.db") as memos:
            with progress("Remembering", quiet=quiet) as advance:
                items = read(path, "jsonl")
                imported = take_in(memos, items, namespace=NAMESPACE, total=total, progress=advance)
            answers = [_asked(memos, question, as_of) for question, as_of in QUESTIONS]
            return imported, answers, memos.context(LAST, namespace=NAMESPACE, max_tokens=BUDGET)


def _asked(memos: MemOS, question: str, as_of: str | None) -> Answer:
    then = None if as_of is None else moment(as_of)
    return Answer(question, as_of, memos.search(question, namespace=NAMESPACE, limit=SHOWN, as_of=then))


def _show(imported: Imported, answers: list[Answer], context: Context) -> None:
    console = screen()
    paragraph(
        console,
        f"Mira and Jonas wrote {imported.messages} messages to each other in 2025. MemOS has just read them into one "
        "file, with a model that runs on this machine. Nothing left it.",
    )
    for answer in answers:
        console.print()
        then = f" (as of {answer.as_of})" if answer.as_of else ""
        paragraph(console, f"? {answer.question}{then}", style="bold magenta")
        for rank, hit in enumerate(answer.hits, 1):
            show_memory(console, hit.cube, rank=rank, why=hit.why)
    console.print()
    paragraph(console, f"? {LAST}", style="bold magenta")
    paragraph(console, f"The same as text for a model, in at most {BUDGET} tokens:", style="italic")
    paragraph(console, context.text)
    console.print()
    paragraph(console, "Now yours:", style="bold")
    paragraph(console, 'memos add "I moved to Paris last week"\nmemos search where do I live', indent=3)


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command(epilog=examples("memos demo"))(demo)
