"""`mem-train`: what memories say becomes what a model knows."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from memos_core.cli.living import duration
from memos_core.cli.models import some_model
from memos_core.cli.options import Call, Json, Namespace, Vault, examples
from memos_core.cli.output import counted, paragraph, progress, screen
from memos_core.cli.writing import checked_import, show_imported, taken_in
from memos_core.cube.memcube import Kind
from memos_core.errors import InvalidInput
from memos_core.interface.context import printable
from memos_core.ports import Recipe

if TYPE_CHECKING:
    from memos_core.cube.memcube import MemCube
    from memos_core.system import MemOS

MOST_SHOWN = 5  # questions
LONGEST = 100  # characters of an answer


def mem_train(
    ctx: typer.Context,
    model: Annotated[
        Path, typer.Option(metavar="PATH", exists=True, help="A folder with a model of transformers, or a .gguf file.")
    ],
    path: Annotated[
        Optional[Path],
        typer.Argument(exists=True, metavar="[FILE]", help="Remember this first; as `memos import` takes it."),
    ] = None,
    recalled: Annotated[int, typer.Option(min=0, help="Only what was recalled so often.")] = 0,
    settled: Annotated[
        Optional[str], typer.Option(metavar="DURATION", help="Only what has not changed for so long, e.g. 30d.")
    ] = None,
    epochs: Annotated[int, typer.Option(min=1, help="At most so many times through all of it.")] = Recipe().epochs,
    llm: Annotated[
        Optional[str],
        typer.Option(metavar="NAME", help="A chat model that writes more questions, e.g. ollama:qwen3:4b."),
    ] = None,
    vault: Vault = None,
    namespace: Namespace = None,
    as_json: Json = False,
) -> None:
    """Teach a model what memories say: take in what is new, look after it, train an adapter on what is stable.

    The adapter takes the place of the one before. Broken off, the same command goes on from where it was.

    Needs the extra: pip install 'memcubes[hf]'.
    """
    from memos_core.infrastructure.models.lora import as_trainer

    call = Call.of(ctx, vault=vault, namespace=namespace, as_json=as_json)
    least = timedelta(0) if settled is None else duration(settled)
    checked = None if path is None else checked_import(call, path)
    trainer = as_trainer(model)  # before anything is written
    with call.memory(create=path is not None, llm=some_model(llm)) as memos:
        if path is not None and checked is not None:
            form, found = checked
            imported = taken_in(call, memos, path, form, found)
            if not call.as_json:
                show_imported(imported, path, form)
        memos.tick()
        stable = _stable(memos, call.namespace, recalled=recalled, settled=least)
        if not stable:
            raise InvalidInput(detail="Nothing here is stable enough: lower --recalled or --settled.")
        old = memos.list(namespace=call.namespace, kinds=[Kind.ADAPTER])
        with progress("Training", quiet=call.as_json) as advance:
            adapter = memos.train(
                namespace=call.namespace,
                base_model=trainer,
                cubes=stable,
                recipe=Recipe(epochs=epochs),
                progress=lambda done, most, _loss: advance(done, most),
            )
        for each in old:
            if each.metadata["adapter"]["base_model"] == adapter.metadata["adapter"]["base_model"]:
                memos.forget(each.id, reason=f"{adapter.id} takes its place")
        call.answer({"adapter": adapter}, lambda: _show(adapter))


def _stable(memos: MemOS, namespace: str, *, recalled: int, settled: timedelta) -> list[str]:
    """Ids of memories with claims that hold, recalled often enough and unchanged for long enough.

    As everywhere, what nobody vouches for is not learnt.
    """
    beliefs = memos.claims(namespace=namespace, min_trust="document")
    held = {belief.cube.id: belief.cube for belief in beliefs if belief.holds}
    last = memos.clock.now() - settled
    return [cube.id for cube in held.values() if cube.usage.count >= recalled and cube.updated_at <= last]


def _show(adapter: MemCube) -> None:
    console, report = screen(), adapter.metadata["adapter"]
    before, after = report["perplexity"]
    right = [f"{share:.0%}" for share in report["answered"]]
    took = f"{report['steps']} steps and {report['seconds']:.0f} s"
    paragraph(console, f"Trained on {counted(report['facts'], 'fact')} in {took}: {adapter.id}")
    if "questions_by" in report:
        written = counted(report["questions_written"], "question")
        paragraph(console, f"{written} written by {report['questions_by']}; {report['facts_without']} facts have none.")
    for question, (old, new) in [*zip(report["questions"], report["answers"], strict=True)][:MOST_SHOWN]:
        paragraph(console, printable(question), style="bold")
        paragraph(console, f"before: {_excerpt(old)}", indent=3)
        paragraph(console, f"now:    {_excerpt(new)}", indent=3)
    if (more := report["facts"] - MOST_SHOWN) > 0:
        paragraph(console, f"and {more:,} more; --json shows all", indent=3)
    paragraph(console, f"Facts answered: {report['answered_before']:.0%} before, {right[0]} now", style="bold")
    paragraph(console, f"in other wordings, which were not taught either: {', '.join(right[1:])}", indent=3)
    paragraph(console, "Other questions, answered word for word as before", style="bold")
    paragraph(console, f"on their own: {report['controls_kept']} of {report['controls']}", indent=3)
    named = f"{report['named_kept']} of {report['controls']}"
    paragraph(console, f"when a name that was taught stands before them: {named}", indent=3)
    paragraph(console, f"perplexity on other text: {before:.1f} before, {after:.1f} now", indent=3)


def _excerpt(answer: str) -> str:
    line = printable(" ".join(answer.split()))
    return line if len(line) <= LONGEST else f"{line[:LONGEST]}..."


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command(
        "mem-train",
        epilog=examples(
            "memos mem-train --model models/smollm2-135m",
            "memos mem-train conversation.jsonl --model models/smollm2-135m",
            "memos mem-train --model models/smollm2-135m --recalled 5 --settled 30d",
        ),
    )(mem_train)
