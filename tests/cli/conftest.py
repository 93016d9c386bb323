"""The command line, run in this process over a vault of its own."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from memos_core.cli.app import app

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command that must end with a code (0), and give its result."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MEMOS_VAULT", str(tmp_path / "memory.db"))
    monkeypatch.delenv("MEMOS_NAMESPACE", raising=False)
    monkeypatch.setenv("COLUMNS", "200")

    def invoke(*arguments: str, code: int = 0, stdin: str | None = None) -> Result:
        result = CliRunner().invoke(app, arguments, input=stdin)
        assert result.exit_code == code, result.output
        return result

    return invoke


@pytest.fixture
def ask(run: Run) -> Callable[..., Any]:
    """Run a command with --json, and give what it answers."""
    return lambda *arguments, **more: json.loads(run(*arguments, "--json", **more).stdout)
