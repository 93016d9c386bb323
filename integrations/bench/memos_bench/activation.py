"""Time to the first token, with memories that a model has read before and without, from disk to answer."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

from memos_core import Embedder, MemOS
from memos_core.errors import ExtraMissing, InvalidInput

if TYPE_CHECKING:
    from rich.table import Table

    from memos_core.infrastructure.models.kv_transformers import TransformersKV
    from memos_core.infrastructure.models.local import LocalModel

HERE = "bench"
COMPARED = 16  # tokens of the answers that are compared
LENGTHS = (500, 1_000, 1_500, 3_000, 6_000)
#: About so many words each; the question is the last sentence of it.
QUERIES = {"short": 10, "medium": 45, "long": 120}
#: Shapes of the Llama family, for models with random weights: the time does not depend on what the weights are.
SHAPES = {
    "tiny": (48, 96, 3, 6, 2, 8),
    "1b": (2048, 8192, 16, 32, 8, 64),
    "8b": (4096, 14336, 32, 32, 8, 128),
    "14b": (5120, 17408, 40, 40, 8, 128),
    "32b": (5120, 25600, 64, 64, 8, 128),
}
_SUBJECTS = ("Ana", "my sister", "the neighbour", "our teacher", "Bo", "the baker", "my boss", "the doctor")
_VERBS = ("bought", "lost", "repaired", "asked for", "talked about", "gave away", "forgot", "painted")
_THINGS = ("a green bicycle", "the old boat", "two tickets", "a letter", "the garden gate", "a map", "some honey")
_PLACES = ("in Oslo", "at the harbour", "before the meeting", "on a rainy day", "near the station", "after lunch")

Advance = Callable[[int, int], None]


class Wanted(NamedTuple):
    """What is measured.

    Attributes
    ----------
    lengths
        Of the memories, in tokens of the model.
    repeats
        Of each measurement; the median counts.
    dtypes
        In which caches are stored.
    """

    lengths: Sequence[int] = LENGTHS
    queries: Sequence[str] = tuple(QUERIES)
    repeats: int = 3
    dtypes: Sequence[str] = ("float32",)


@dataclass(frozen=True)
class Row:
    """One cell of the table; times in milliseconds.

    Attributes
    ----------
    memory
        Tokens that the cache holds.
    query
        Tokens that are computed in any case.
    full, cached
        Time to the first token without a cache, and with one that is read from disk.
    build
        Of the cache, once: computed and stored.
    size
        Of the cache, in bytes.
    is_same
        Whether the next tokens are those without a cache.
    """

    dtype: str
    name: str
    memory: int
    query: int
    full: float
    cached: float
    build: float
    size: int
    is_same: bool

    @property
    def reduction(self) -> float:
        """By what share of it the time is shorter."""
        return 1 - self.cached / self.full

    @property
    def uses(self) -> float:
        """After how many uses the building is paid for."""
        saved = self.full - self.cached
        return self.build / saved if saved > 0 else float("inf")


def load(path: str | None, *, shape: str | None, device: str, dtype: str, threads: int | None) -> LocalModel:
    """Load a model; or make one of a shape, with random weights.

    Raises
    ------
    InvalidInput
        If there is no such model or shape.
    ExtraMissing
        If torch or transformers is not installed.
    """
    try:
        import torch
    except ImportError as error:
        raise ExtraMissing(what="A model in this process", install="pip install 'memcubes[hf]'") from error
    if threads:
        torch.set_num_threads(threads)
    if shape is not None and path is None:
        return shaped(shape, device=device, dtype=dtype)
    if path is None:
        raise InvalidInput(detail="Name a model's folder or .gguf file, or a shape: --shape 8b.")
    from memos_core.infrastructure.models.local import LocalModel

    return LocalModel.load(path, device=device, dtype=dtype)


def shaped(shape: str, *, device: str, dtype: str) -> LocalModel:
    """A model with random weights, made on the device, and a tokenizer of bytes."""
    import torch

    from memos_core.testing.kv import tiny_model

    if shape not in SHAPES:
        raise InvalidInput(detail=f"There is no shape {shape!r}; known are {', '.join(SHAPES)}.")
    hidden, inner, layers, heads, groups, size = SHAPES[shape]
    with torch.device(device):
        model = tiny_model(
            window=32_768,
            dtype=dtype,
            hidden_size=hidden,
            intermediate_size=inner,
            num_hidden_layers=layers,
            num_attention_heads=heads,
            num_key_value_heads=groups,
            head_dim=size,
            initializer_range=0.02,
        )
    model.name = f"random {shape}"
    return model


def measure(
    model: LocalModel, wanted: Wanted, *, embedder: Embedder, advance: Advance = lambda _done, _total: None
) -> list[Row]:
    """Measure every length, query and type."""
    from memos_core.infrastructure.models.kv_transformers import TransformersKV

    kv = TransformersKV(model)
    _ = kv.fingerprint  # of the weights: once in a process
    rows: list[Row] = []
    total = len(wanted.lengths) * len(wanted.queries) * (1 + len(wanted.dtypes))
    steps = iter(range(1, total + 1))
    for length in wanted.lengths:
        with TemporaryDirectory(prefix="memos-bench-", ignore_cleanup_errors=True) as folder:
            place = Path(folder) / "vault.db"
            with MemOS.open(place, embedder=embedder, backends=[kv]) as memos:
                fill(memos, kv, length)
                cell = _Cell(memos, kv, Path(folder), wanted, lambda: advance(next(steps), total))
                rows += cell.rows()
    return rows


def fill(memos: MemOS, kv: TransformersKV, length: int) -> None:
    """Remember as many short statements as make a prompt's head of so many tokens."""
    chance, told = random.Random(length), 0  # noqa: S311  # to be the same every time
    while told < length:
        text = f"{chance.choice(_SUBJECTS)} {chance.choice(_VERBS)} {chance.choice(_THINGS)} {chance.choice(_PLACES)}."
        more = len(kv.tokenize(text)) + 60  # with its head line
        if told + more > length and told:
            return
        before = told
        memos.add(f"{text} ({told})", namespace=HERE)
        told = len(memos._prompt((HERE,), None, {}, kv).tokens(kv, memos._vault.blob, question="").tokens)  # noqa: SLF001
        if told == before:
            return


def question(words: int) -> str:
    """A prompt of about so many words."""
    told = "I was thinking about what happened in the last weeks with everybody and where all the things went. "
    before = (told * words).split()[: max(0, words - 10)]
    return " ".join([*before, "Who bought a green bicycle, and where was that?"])


class _Cell:
    """All measurements with memories of one length."""

    def __init__(
        self, memos: MemOS, kv: TransformersKV, folder: Path, wanted: Wanted, advance: Callable[[], None]
    ) -> None:
        self._memos = memos
        self._kv = kv
        self._folder = folder
        self._wanted = wanted
        self._advance = advance

    def rows(self) -> list[Row]:
        """One for each query and type."""
        full, said = {}, {}
        for name in self._wanted.queries:
            full[name], _ = self._time(name)
            said[name] = self._said(name)
            self._advance()
        found = []
        for dtype in self._wanted.dtypes:
            build, cache = self._build(dtype)
            for name in self._wanted.queries:
                cached, (held, query) = self._time(name)
                size = cache.blob.size if cache.blob else 0
                is_same = self._said(name) == said[name]
                found.append(Row(dtype, name, held, query, full[name], cached, build, size, is_same))
                self._advance()
            self._memos.erase(cache.id)
        return found

    def _build(self, dtype: str) -> tuple[float, Any]:
        start = time.perf_counter()
        cache = self._memos.activate(namespace=HERE, dtype=dtype)
        return (time.perf_counter() - start) * 1e3, cache

    def _time(self, name: str) -> tuple[float, tuple[int, int]]:
        """Milliseconds to the first token, of a call with everything in it; and tokens cached and computed."""
        times, counts = [], (0, 0)
        for _ in range(self._wanted.repeats):
            self._forget_pages()
            start = time.perf_counter()
            found = self._memos.generate(question(QUERIES[name]), namespace=HERE, max_tokens=1)
            times.append((time.perf_counter() - start) * 1e3)
            counts = (found.cached, found.computed)
        return median(times), counts

    def _said(self, name: str) -> str:
        return self._memos.generate(question(QUERIES[name]), namespace=HERE, max_tokens=COMPARED).text

    def _forget_pages(self) -> None:
        """Let the system forget what it holds of the files, so that the disk is read."""
        if hasattr(os, "posix_fadvise"):
            for path in self._folder.rglob("*"):
                if path.is_file() and not path.name.startswith("vault.db"):
                    handle = os.open(path, os.O_RDONLY)
                    os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
                    os.close(handle)


def document(model: LocalModel, rows: Sequence[Row]) -> dict[str, Any]:
    """Everything, for programs."""
    import torch

    return {
        "model": model.name,
        "device": str(model.device),
        "dtype": str(model.model.dtype).removeprefix("torch."),
        "threads": torch.get_num_threads(),
        "rows": [{**asdict(row), "reduction": row.reduction, "uses": row.uses} for row in rows],
    }


def table(rows: Sequence[Row]) -> Table:
    """The same for people."""
    from rich.table import Table

    found = Table(
        "stored", "memory", "query", "full ms", "cached ms", "lower by", "build ms", "pays after", "MB", "same",
        box=None, header_style="bold", title="time to the first token",
    )  # fmt: skip
    for row in rows:
        found.add_row(
            row.dtype,
            f"{row.memory:,}",
            f"{row.name} {row.query}",
            f"{row.full:,.0f}",
            f"{row.cached:,.0f}",
            f"{100 * row.reduction:.1f} %",
            f"{row.build:,.0f}",
            f"{row.uses:.1f} uses",
            f"{row.size / 1e6:.1f}",
            "yes" if row.is_same else "no",
        )
    return found


def draw(rows: Sequence[Row], folder: Path) -> Path:
    """How much shorter it is, against the length of the memories."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.add_subplot()
    for name in dict.fromkeys((row.dtype, row.name) for row in rows):
        mine = sorted((row for row in rows if (row.dtype, row.name) == name), key=lambda row: row.memory)
        label = f"{name[1]} query, {name[0]}"
        axes.plot([row.memory for row in mine], [100 * row.reduction for row in mine], marker="o", label=label)
    axes.set_xlabel("tokens of memories")
    axes.set_ylabel("time to the first token, % lower")
    axes.grid(alpha=0.3)
    axes.legend()
    path = folder / "activation.png"
    figure.savefig(path, dpi=150)
    return path
