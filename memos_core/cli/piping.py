"""`pipeline`: memories sent through steps, in one commit."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from memos_core.cli.contrasts import DryRun, Yes, confirm, show_contrasts
from memos_core.cli.options import (
    AsOf,
    Call,
    Conversation,
    Json,
    Kinds,
    KnownAt,
    MinTrust,
    Namespace,
    Vault,
    examples,
    filters,
)
from memos_core.errors import InvalidInput

if TYPE_CHECKING:
    from memos_core.operation.pipeline import Step

#: Steps, as they are written; what stands after the first "=" goes to the step.
STEPS = (
    "redact=REGEX",
    "tag=NAME",
    "untag=NAME",
    "translate=LANGUAGE",
    "summarise[=WORDS]",
    "transfer=NAMESPACE",
    "purge",
)


def pipeline(
    ctx: typer.Context,
    steps: Annotated[list[str], typer.Argument(metavar="STEP", help=f"In this order: {', '.join(STEPS)}.")],
    dry_run: DryRun = False,
    yes: Yes = False,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    kind: Kinds = None,
    min_trust: MinTrust = None,
    session: Conversation = None,
    vault: Vault = None,
    namespace: Namespace = None,
    as_json: Json = False,
) -> None:
    """Send memories through steps, and do what comes out in one commit."""
    call = Call.of(ctx, vault=vault, namespace=namespace, as_json=as_json)
    understood = [step(each) for each in steps]
    narrowed = filters(as_of, known_at, kind, min_trust, session)
    with call.memory() as memos:
        piped = partial(memos.pipeline, understood, namespace=call.namespace, **narrowed)
        if not dry_run and not yes:
            confirm(piped(dry_run=True), yes=False, question="Do this?")
        found = piped(dry_run=dry_run)
    call.answer({"contrasts": found, "done": not dry_run}, lambda: show_contrasts(found, "Nothing changes."))


def step(text: str) -> Step:
    """Read a step as it is written on a command line.

    Raises
    ------
    InvalidInput
        If it is not one of `STEPS`.
    """
    from memos_core.operation import pipeline as steps

    known: dict[str, Callable[[str], Step]] = {
        "redact": steps.redact,
        "tag": lambda name: steps.retag(add=[name]),
        "untag": lambda name: steps.retag(remove=[name]),
        "translate": steps.translate,
        "summarise": lambda words: steps.summarise(words=_number(words)) if words else steps.summarise(),
        "transfer": steps.transfer,
        "purge": lambda _: steps.purge(),
    }
    name, is_given, value = text.partition("=")
    takes = {"purge": {False}, "summarise": {False, True}}.get(name, {True})
    if name not in known or bool(value) not in takes or (is_given and not value):
        raise InvalidInput(detail=f"{text!r} is not a step. They are {', '.join(STEPS)}.")
    return known[name](value)


def _number(text: str) -> int:
    if not text.isdecimal():
        raise InvalidInput(detail=f"{text!r} is not a number of words.")
    return int(text)


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command(
        epilog=examples(
            r"memos pipeline 'redact=\d{4}' tag=reviewed --dry-run",
            "memos pipeline summarise=50 transfer=team -n ana --yes",
        )
    )(pipeline)
