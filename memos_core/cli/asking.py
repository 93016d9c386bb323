"""`search` and `context`: what comes back."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from memos_core.cli.models import Model, some_model
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
    Words,
    examples,
    filters,
    joined,
)
from memos_core.cli.output import counted, paragraph, screen, show_memory
from memos_core.cube.answer import Context, Hit

BLANK = "Ask for something, or see everything with `memos list`."


def search(
    ctx: typer.Context,
    query: Words,
    limit: Annotated[int, typer.Option("--limit", "-l", min=1, max=1000, help="At most so many.")] = 10,
    why: Annotated[bool, typer.Option("--why", help="Show what each was found by, and by how much.")] = False,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    kind: Kinds = None,
    min_trust: MinTrust = None,
    session: Conversation = None,
    model: Model = None,
    vault: Vault = None,
    namespace: Namespace = None,
    as_json: Json = False,
) -> None:
    """Find the memories that answer a question, best first; better with a chat model, which words it anew and sorts."""
    call = Call.of(ctx, vault=vault, namespace=namespace, as_json=as_json)
    asked = joined(query, "The question", advice=BLANK)
    narrowed = filters(as_of, known_at, kind, min_trust, session)
    with call.memory(llm=some_model(model)) as memos:
        hits = memos.search(asked, namespace=call.namespace, limit=limit, **narrowed)
    call.answer({"query": asked, "hits": hits}, lambda: show_hits(hits, why=why))


def show_hits(hits: list[Hit], *, why: bool) -> None:
    """Print hits, best first."""
    console = screen()
    for rank, hit in enumerate(hits, 1):
        show_memory(console, hit.cube, rank=rank, why=hit.why if why else None, is_outdated=bool(hit.outdated_by))
    if not hits:
        paragraph(console, "Nothing was found.")


def context(
    ctx: typer.Context,
    query: Words,
    max_tokens: Annotated[int, typer.Option(min=1, help="Upper limit of the text.")] = 1500,
    limit: Annotated[int, typer.Option("--limit", "-l", min=1, max=1000, help="At most so many memories.")] = 50,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    kind: Kinds = None,
    min_trust: MinTrust = None,
    session: Conversation = None,
    conversation: Annotated[
        Optional[str], typer.Option(metavar="NAME", help="Put the working memory of this conversation first.")
    ] = None,
    vault: Vault = None,
    namespace: Namespace = None,
    as_json: Json = False,
) -> None:
    """Find memories and write them down for a model: dated, sourced, fenced."""
    call = Call.of(ctx, vault=vault, namespace=namespace, as_json=as_json)
    asked = joined(query, "The question", advice=BLANK)
    narrowed = filters(as_of, known_at, kind, min_trust, session)
    with call.memory() as memos:
        found = memos.context(
            asked,
            namespace=call.namespace,
            max_tokens=max_tokens,
            limit=limit,
            conversation=conversation,
            **narrowed,
        )
    call.answer(found, lambda: _show(found))


def _show(found: Context) -> None:
    typer.echo(found.text)
    held = f"{counted(len(found.hits), 'memory', 'memories')} in {counted(found.tokens, 'token')}"
    summary = f"{held}; {found.left_out:,} did not fit." if found.left_out else f"{held}."
    paragraph(screen(stderr=True), summary, style="dim")


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command(
        epilog=examples(
            "memos search where does Mira live --why",
            'memos search "what was planned" --as-of 2025-03-31 --limit 3 --json',
        )
    )(search)
    app.command(
        epilog=examples('memos context "where does Mira live?" --max-tokens 500 | llm "Where does Mira live?"')
    )(context)
