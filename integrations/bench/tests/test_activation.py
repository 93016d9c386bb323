"""`memos bench activation`, on a model with random weights."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from memos_core.cli.app import app

TINY = ["bench", "activation", "--shape", "tiny", "--repeats", "1", "--queries", "short"]


def test_it_measures_with_and_without_a_cache(tmp_path: Path) -> None:
    options = ["--lengths", "400", "--stored", "float32,int8", "--out", str(tmp_path), "--json"]
    result = CliRunner().invoke(app, [*TINY, *options])
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert [row["dtype"] for row in found["rows"]] == ["float32", "int8"]
    first, second = found["rows"]
    assert first["memory"] == second["memory"] > 3 * first["query"] > 0
    assert first["is_same"]
    assert second["size"] < first["size"] / 2
    assert json.loads((tmp_path / "activation.json").read_text()) == found
    assert (tmp_path / "activation.png").stat().st_size > 1000


@pytest.mark.parametrize(
    "wrong", [["--lengths", "many"], ["--stored", "pickle"], ["--queries", "huge"], ["--shape", "400b"]]
)
def test_what_it_does_not_know_is_an_error(wrong: list[str]) -> None:
    result = CliRunner().invoke(app, [*TINY, *wrong])
    assert result.exit_code != 0
    assert "known are" in " ".join(result.output.split()) or "by commas" in result.output
