"""`bench`: MemOS measured beside other systems, on conversations of your own."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Collection, Iterable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from memos_core.cli.options import Call, Json, examples
from memos_core.cli.output import paragraph, progress, screen
from memos_core.errors import InvalidInput

if TYPE_CHECKING:
    from rich.console import Console

WIDTH = 100  # columns, where nobody is looking

group = typer.Typer(no_args_is_help=True, help="Measure MemOS beside other memory systems.")


def recall(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Conversations and questions whose evidence is known.")],
    peers: Annotated[
        Optional[list[str]],
        typer.Option(
            "--peers", "-p", metavar="NAMES", help="Released systems beside it, by commas; all: those installed."
        ),
    ] = None,
    ablate: Annotated[bool, typer.Option("--ablate", help="MemOS without each of its signals, and no floors.")] = False,
    first: Annotated[
        Optional[int], typer.Option("--conversations", min=1, metavar="N", help="Only the first so many.")
    ] = None,
    out: Annotated[
        Optional[Path],
        typer.Option("--out", metavar="DIR", help="Keep every question's result there, and draw plots."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Which messages come back for a question: compared with the evidence, judged by no model.

    Beside MemOS stand full text alone, vectors alone and the reciprocal ranks of both, and what you name with --peers.
    All get the same vectors.
    """
    call = Call.of(ctx, as_json=as_json)
    # By name: the core knows no bench, and the bench is an integration that imports the core.
    systems = import_module("memos_bench.peers")
    named = [name.strip() for names in peers or [] for name in names.split(",") if name.strip()]
    chosen, missing = systems.chosen(named)
    for why in missing:
        paragraph(screen(stderr=True), f"Not run: {why}", style="yellow")
    with TemporaryDirectory(prefix="memos-bench-", ignore_cleanup_errors=True) as folder:
        _prepare(chosen, folder)
        with progress("Measuring", quiet=call.as_json) as advance:
            report = import_module("memos_bench").compare(
                file, peers=chosen, embedder=_embedder(), ablate=ablate, first=first, out=out, advance=advance
            )
    call.answer(report.document(), lambda: _show(report))


def activation(
    ctx: typer.Context,
    model: Annotated[
        Optional[str], typer.Argument(metavar="MODEL", help="A folder of transformers, or a .gguf file.")
    ] = None,
    shape: Annotated[
        Optional[str], typer.Option(metavar="NAME", help="Random weights instead: tiny, 1b, 8b, 14b or 32b.")
    ] = None,
    lengths: Annotated[
        str, typer.Option(metavar="TOKENS", help="Of the memories, by commas.")
    ] = "500,1000,1500,3000,6000",
    queries: Annotated[str, typer.Option(metavar="NAMES", help="By commas.")] = "short,medium,long",
    stored: Annotated[
        str, typer.Option(metavar="TYPES", help="In which caches are stored: float32, float16, bfloat16, int8.")
    ] = "float32",
    repeats: Annotated[int, typer.Option(min=1, help="Of each measurement; the median counts.")] = 3,
    threads: Annotated[Optional[int], typer.Option(min=1, help="That torch computes with.")] = None,
    device: Annotated[str, typer.Option(help="cpu, or cuda.")] = "cpu",
    dtype: Annotated[str, typer.Option(help="In which the model computes.")] = "float32",
    out: Annotated[
        Optional[Path], typer.Option("--out", metavar="DIR", help="Keep the rows there, and a plot.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Time to the first token with memories that a model has read before, and without; reading from disk included."""
    call = Call.of(ctx, as_json=as_json)
    bench = import_module("memos_bench.activation")
    wanted = bench.Wanted(
        lengths=_numbers(lengths),
        queries=_known("queries", queries, bench.QUERIES),
        repeats=repeats,
        dtypes=_known("stored", stored, ("float32", "float16", "bfloat16", "int8")),
    )
    loaded = bench.load(model, shape=shape, device=device, dtype=dtype, threads=threads)
    from memos_core.testing.embedders import HashingEmbedder

    with progress("Measuring", quiet=call.as_json) as advance:
        rows = bench.measure(loaded, wanted, embedder=HashingEmbedder(), advance=advance)
    found = bench.document(loaded, rows)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        (out / "activation.json").write_text(json.dumps(found, indent=1), encoding="utf-8")
        if find_spec("matplotlib") is not None:
            bench.draw(rows, out)
    call.answer(found, lambda: _wide(screen()).print(bench.table(rows)))


def _numbers(given: str) -> list[int]:
    try:
        found = [int(each) for each in given.split(",")]
    except ValueError:
        found = []
    if not found or min(found) < 1:
        raise InvalidInput(detail=f"--lengths are numbers of tokens by commas, e.g. 500,1500, and not {given!r}.")
    return found


def _known(what: str, given: str, known: Collection[str]) -> list[str]:
    found = [each.strip() for each in given.split(",")]
    if unknown := [each for each in found if each not in known]:
        raise InvalidInput(detail=f"--{what}: {unknown[0]!r} is unknown; known are {', '.join(known)}.")
    return found


def _embedder() -> object:
    from memos_core.infrastructure.models.minilm import MiniLM

    return MiniLM()


def _prepare(peers: Iterable[Any], folder: str) -> None:
    """Set what peers read when they are imported, unless the user has."""
    for peer in peers:
        for name, value in peer.environment.items():
            os.environ.setdefault(name, value.format(folder=folder))


def _show(report: Any) -> None:
    console = _wide(screen())
    for table in report.tables():
        console.print(table)
    if report.written:
        paragraph(console, f"Written to {report.written[0]}: {', '.join(report.written[1:])}", style="dim")


def _wide(console: Console) -> Console:
    """A console as wide as the tables need, if it is no terminal."""
    if not sys.stdout.isatty():
        console.width = max(console.width, WIDTH)
    return console


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group.command(
        epilog=examples(
            "memos bench recall locomo.json", "memos bench recall chats.jsonl --peers mem0,chroma --out new"
        )
    )(recall)
    group.command(
        epilog=examples("memos bench activation models/smollm2", "memos bench activation --shape 8b --device cuda")
    )(activation)
    app.add_typer(group, name="bench")
