"""`memos bench recall`, from a file to tables, rows and plots."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import Result
from rich.console import Console
from rich.measure import Measurement
from typer.testing import CliRunner

from memos_bench.measuring import Ceiling
from memos_bench.report import compare
from memos_bench.tables import tables
from memos_core.cli.app import app
from memos_core.errors import InvalidInput
from memos_core.testing.embedders import HashingEmbedder

Run = Callable[..., Result]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setattr("memos_core.cli.benching._embedder", HashingEmbedder)

    def invoke(*arguments: str, code: int = 0) -> Result:
        result = CliRunner().invoke(app, ["bench", "recall", *arguments])
        assert result.exit_code == code, result.output
        return result

    return invoke


def test_the_tables_say_what_there_is(run: Run, lines: Path) -> None:
    shown = run(str(lines)).stdout
    assert all(name in shown for name in ("MemOS", "FTS5", "vectors", "reciprocal ranks of both", "R@10", "(apart)"))
    assert "3 questions" in shown


def test_no_row_is_broken_at_a_hundred_columns(lines: Path, embedder: HashingEmbedder) -> None:
    rows = compare(lines, peers=[], embedder=embedder).rows
    names = ("MemOS", "mcp-memory-service hybrid", "LangGraph, JSON embedded")
    abilities = (
        "contradiction_resolution",
        "information_extraction",
        "instruction_following",
        "multi_session_reasoning",
    )
    wide = [
        replace(
            row, system=system, category=category, others=1, tokens=12345, milliseconds=432.1, adding=432.1,
            recall=dict.fromkeys(row.recall, float(system == "MemOS")),
        )
        for row in rows for system in names for category in (*abilities, "summarization")
    ]  # fmt: skip
    console = Console(width=100)
    for table in tables(wide, Ceiling(1, 123456)):
        assert Measurement.get(console, console.options.update(width=1000), table).minimum <= 100
        console.begin_capture()
        console.print(table)
        shown = console.end_capture()
        assert "\u2026" not in shown
        assert all(sum(line.startswith(name) for line in shown.splitlines()) == 1 for name in names)


def test_the_document_holds_every_system_and_category(run: Run, lines: Path) -> None:
    document = json.loads(run(str(lines), "--json").stdout)
    ours = document["systems"]["MemOS"]
    assert ours["all"]["questions"] == 3
    assert set(ours["by_category"]) == {"names", "several", "adversarial"}
    assert document["full_context"]["recall"] == 1


def test_without_a_signal_there_is_a_row_for_each(run: Run, lines: Path) -> None:
    systems = json.loads(run(str(lines), "--ablate", "--json").stdout)["systems"]
    assert {"MemOS", "without text", "without vectors", "without time"} <= set(systems)
    assert "FTS5" not in systems


def test_the_folder_gets_rows_plots_and_no_text_of_the_conversation(run: Run, lines: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(str(lines), "--out", str(out))
    rows = [json.loads(line) for line in (out / "rows" / "memos.jsonl").read_text("utf-8").splitlines()]
    assert [(row["conversation"], row["question"]) for row in rows] == [("a", 1), ("a", 2), ("a", 3), ("b", 1)]
    assert all(
        (out / name).read_bytes().startswith(b"\x89PNG") for name in ("recall-by-depth.png", "recall-by-tokens.png")
    )
    assert not any("goat" in path.read_text("utf-8") for path in [*out.glob("rows/*"), out / "run.json"])


def test_a_second_run_adds_its_systems_to_the_folder(run: Run, lines: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(str(lines), "--out", str(out))
    systems = json.loads(run(str(lines), "--out", str(out), "--ablate", "--json").stdout)["systems"]
    assert {"FTS5", "without text"} <= set(systems)


def test_results_of_other_data_are_not_mixed_in(run: Run, lines: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(str(lines), "--out", str(out))
    before = (out / "run.json").read_bytes()
    told = run(str(lines), "--out", str(out), "--conversations", "1", code=1)
    assert "another run (conversations 2)" in told.output
    assert (out / "run.json").read_bytes() == before


def test_a_folder_with_broken_rows_is_told_of(lines: Path, tmp_path: Path, embedder: HashingEmbedder) -> None:
    out = tmp_path / "out"
    compare(lines, peers=[], embedder=embedder, out=out)
    (out / "rows" / "memos.jsonl").write_text("{", "utf-8")
    with pytest.raises(InvalidInput, match="cannot be read"):
        compare(lines, peers=[], embedder=embedder, out=out)


def test_an_unknown_peer_is_refused_before_anything_is_read(run: Run) -> None:
    assert "There is no peer 'mem9'" in run("nothing.json", "--peers", "mem9", code=1).output
