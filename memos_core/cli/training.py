"""`mem-train`: what memories say becomes what a model knows."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from memos_core.cli.living import duration
from memos_core.cli.options import Call, Json, Namespace, Vault, examples
from memos_core.cli.output import counted, paragraph, progress, screen
from memos_core.cube.memcube import Kind
from memos_core.errors import InvalidInput
from memos_core.ports import Recipe

if TYPE_CHECKING:
    from memos_core.cube.memcube import MemCube
    from memos_core.system import MemOS


def mem_train(
    ctx: typer.Context,
    model: Annotated[
        Path, typer.Option(metavar="PATH", help="A folder with a model of transformers, or a .gguf file.")
    ],
    recalled: Annotated[int, typer.Option(min=0, help="Only what was recalled so often.")] = 0,
    settled: Annotated[
        Optional[str], typer.Option(metavar="DURATION", help="Only what has not changed for so long, e.g. 30d.")
    ] = None,
    epochs: Annotated[int, typer.Option(min=1, help="At most so many times through all of it.")] = Recipe().epochs,
    vault: Vault = None,
    namespace: Namespace = None,
    as_json: Json = False,
) -> None:
    """Teach a model what memories say: look after them, train an adapter on what is stable, and archive the old one.

    Needs the extra: pip install 'memcubes[hf]'.
    """
    call = Call.of(ctx, vault=vault, namespace=namespace, as_json=as_json)
    least = timedelta(0) if settled is None else duration(settled)
    with call.memory() as memos:
        memos.tick()
        stable = _stable(memos, call.namespace, recalled=recalled, settled=least)
        if not stable:
            raise InvalidInput(detail="Nothing here is stable enough: lower --recalled or --settled.")
        old = memos.list(namespace=call.namespace, kinds=[Kind.ADAPTER])
        with progress("Training", quiet=call.as_json) as advance:
            adapter = memos.train(
                namespace=call.namespace,
                base_model=model,
                cubes=stable,
                recipe=Recipe(epochs=epochs),
                progress=lambda done, most, _loss: advance(done, most),
            )
        for each in old:
            if each.metadata["adapter"]["base_model"] == adapter.metadata["adapter"]["base_model"]:
                memos.forget(each.id, reason=f"{adapter.id} takes its place")
        call.answer({"adapter": adapter}, lambda: _show(adapter))


def _stable(memos: MemOS, namespace: str, *, recalled: int, settled: timedelta) -> list[str]:
    """Ids of memories with claims that hold, recalled often enough and unchanged for long enough."""
    held = {belief.cube.id: belief.cube for belief in memos.claims(namespace=namespace) if belief.holds}
    last = memos.clock.now() - settled
    return [cube.id for cube in held.values() if cube.usage.count >= recalled and cube.updated_at <= last]


def _show(adapter: MemCube) -> None:
    console, report = screen(), adapter.metadata["adapter"]
    before, after = report["perplexity"]
    right = ", ".join(f"{share:.0%}" for share in report["answered"])
    paragraph(console, f"Trained on {counted(report['facts'], 'fact')} in {report['steps']} steps: {adapter.id}")
    paragraph(console, f"Answered in wordings it was not taught in: {right}.")
    paragraph(console, f"Perplexity on other text: {before:.1f} before, {after:.1f} after.")
    paragraph(console, f"Other answers unchanged: {report['controls_kept']} of {report['controls']}.")


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command(
        "mem-train",
        epilog=examples(
            "memos mem-train --model models/smollm2-135m",
            "memos mem-train --model models/smollm2-135m --recalled 5 --settled 30d",
        ),
    )(mem_train)
