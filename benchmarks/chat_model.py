"""What a chat model makes of the four tasks: answers in the form asked for, what is right of them, and seconds.

Asks any OpenAI-compatible server (``--base-url --model``), or starts llama.cpp's own for a GGUF file (``--gguf``, with
``pip install xllamacpp``). The sentences are this file's own; few, so the figures are rough.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from memos_core.errors import ChatModelError
from memos_core.infrastructure.models.chat import HTTPChatModel
from memos_core.ports import ChatModel
from memos_core.prompting.budget import Budget
from memos_core.prompting.claims import StatedClaim, read_claims
from memos_core.prompting.rerank import rerank
from memos_core.prompting.rewrite import rewrite
from memos_core.prompting.summarise import summarise

SATURDAY = date(2024, 3, 2)
QUESTIONS = (
    "Where did Ines go on holiday?",
    "What does Tomas do for a living?",
    "When is the next choir rehearsal?",
    "Which medicine must grandmother not take?",
    "How many hens does the neighbour keep?",
)
#: A question, texts, and the number of the text that answers it, from 0.
RANKINGS = (
    (QUESTIONS[0], ("I need a holiday.", "Ines came back from Crete, all tanned.", "Ines works a lot."), 1),
    (QUESTIONS[1], ("Tomas likes long walks.", "What a day!", "Tomas repairs clocks in a shop downtown."), 2),
    (QUESTIONS[2], ("Rehearsal is on Thursday at seven.", "The choir sang well.", "I lost my voice."), 0),
    (QUESTIONS[3], ("Grandmother is 91.", "The chemist is closed.", "She gets a rash from penicillin."), 2),
    (QUESTIONS[4], ("The fox took a hen.", "Next door they have nine hens now.", "Eggs are dear."), 1),
)
SUMMARIES = (
    ("Ines flew to Crete on 3 June.", "She stayed 12 days.", "She wants to go again next year."),
    ("Tomas sold his car.", "He bought a cargo bike for 2400 euros.", "He carries clocks on it."),
    ("The choir has 30 members.", "Two left in May.", "The concert is on 14 December in the old chapel."),
)


class Expected(NamedTuple):
    """Words of a claim's subject, and of its predicate or object; whether the message denies it, and dates it."""

    subject: str
    thing: str
    negated: bool = False
    dated: bool = False

    def meets(self, claim: StatedClaim) -> bool:
        """Say whether a claim is this one. A claim that the message does not date must have no date."""
        return (
            self.subject in claim.subject
            and self.thing in f"{claim.predicate} {claim.object}"
            and claim.negated == self.negated
            and self.dated == bool(claim.since or claim.until)
        )


MESSAGES = (
    ("I moved to Ghent last week.", (Expected("Ines", "Ghent", dated=True),)),
    (
        "My brother Tomas repairs clocks, and he owns a cargo bike.",
        (Expected("Tomas", "clock"), Expected("Tomas", "cargo bike")),
    ),
    ("I don't eat meat.", (Expected("Ines", "meat", negated=True),)),
    ("Grandmother is allergic to penicillin.", (Expected("Grandmother", "penicillin"),)),
    ("I'm getting married on 14 June!", (Expected("Ines", "married", dated=True),)),
    ("Are you coming on Thursday?", ()),
    ("Ha, thanks, sleep well!", ()),
)


class Outcome(NamedTuple):
    """One ask: whether the first answer had the form, whether any had, whether it was right, how long it took."""

    at_once: bool
    in_the_end: bool
    right: bool
    seconds: float
    tokens: int


def attempt(ask: Callable[[Budget], bool]) -> Outcome:
    """Ask, and see."""
    budget = Budget(calls=2, tokens=100_000)
    started = time.perf_counter()
    try:
        right, in_form = ask(budget), True
    except ChatModelError as error:
        Console(stderr=True).print(f"[dim]{error}", highlight=False, markup=True)
        right = in_form = False
    seconds = time.perf_counter() - started
    return Outcome(in_form and budget.calls_spent == 1, in_form, right, seconds, budget.tokens_spent)


def reads(model: ChatModel, message: str, expected: Sequence[Expected], budget: Budget) -> bool:
    """Say whether the claims read are those expected, no more and no fewer."""
    claims = read_claims(model, message, speaker="Ines", said_at=SATURDAY, budget=budget)
    return len(claims) == len(expected) and all(any(each.meets(claim) for claim in claims) for each in expected)


def tasks(model: ChatModel) -> dict[str, list[Callable[[Budget], bool]]]:
    """Every ask by its task; each says whether the answer was right, as far as that can be told.

    Of a rewriting, that there is one; of a summary, that it fits and has no number of its own.
    """
    return {
        "rewrite": [
            lambda budget, question=question: len(rewrite(model, question, budget=budget)) > 1 for question in QUESTIONS
        ],
        "rerank": [
            lambda budget, case=case: rerank(model, case[0], case[1], budget=budget)[0] == case[2] for case in RANKINGS
        ],
        "summarise": [
            lambda budget, texts=texts: bool(summarise(model, texts, words=25, budget=budget)) for texts in SUMMARIES
        ],
        "read_claims": [lambda budget, case=case: reads(model, case[0], case[1], budget) for case in MESSAGES],
    }


@contextmanager
def served(gguf: Path) -> Iterator[str]:
    """A llama.cpp server for a model file, in this process, for as long as the block lasts."""
    import xllamacpp

    settings = xllamacpp.CommonParams()
    settings.model.path = str(gguf)
    settings.port, settings.n_ctx, settings.n_parallel, settings.verbosity = 0, 8192, 1, 0
    server = xllamacpp.Server(settings)
    yield f"{server.listening_address}/v1"
    del server


def measure(model: ChatModel) -> Table:
    """Run all tasks; a row for each."""
    table = Table(title=model.name)
    for heading in ("task", "asks", "form at once", "form in the end", "right", "s (median)", "tokens (median)"):
        table.add_column(heading, justify="left" if heading == "task" else "right")
    for task, asks in tasks(model).items():
        done = [attempt(ask) for ask in asks]
        table.add_row(
            task,
            str(len(done)),
            *(f"{sum(outcome[at] for outcome in done) / len(done):.0%}" for at in range(3)),
            f"{statistics.median(outcome.seconds for outcome in done):.1f}",
            f"{statistics.median(outcome.tokens for outcome in done):.0f}",
        )
    return table


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base-url", help="of an OpenAI-compatible server, with its version")
    parser.add_argument("--model", default="model", help="name of the model there")
    parser.add_argument("--api-key", type=Path, help="file with the key")
    parser.add_argument("--gguf", type=Path, help="model file to start llama.cpp's server for")
    options = parser.parse_args()
    if bool(options.base_url) == bool(options.gguf):
        parser.error("pass either --base-url or --gguf")
    key = options.api_key.read_text("utf-8") if options.api_key else None
    console = Console(width=110)
    if options.base_url:
        console.print(measure(HTTPChatModel(options.base_url, options.model, api_key=key, timeout=300)))
        return
    with served(options.gguf) as address:
        console.print(measure(HTTPChatModel(address, options.gguf.stem, timeout=300)))


if __name__ == "__main__":
    main()
