"""The page about this adapter is true: its code runs, in order, and so do the docstrings' examples."""

import doctest
import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "memos_langchain"
MODULES = [f"memos_langchain.{module.stem}" for module in sorted(PACKAGE.glob("[!_]*.py"))]
PAGE = Path(__file__).parents[3] / "docs" / "LANGCHAIN.md"


def test_the_code_of_the_page_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for block in re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL):
        exec(compile(block, PAGE.name, "exec"), names)
    names["memos"].close()  # type: ignore[attr-defined]
    printed = capsys.readouterr().out
    shown = [
        "Lisbon",
        "Basil needs sun",
        "The spare key is under the flower pot / The spare",
        "1 items moved",
        "Bob drinks mate",
    ]
    assert [part for part in shown if part not in printed] == []


@pytest.mark.parametrize("module", MODULES)
def test_the_examples_of_the_docstrings_run(module: str) -> None:
    assert doctest.testmod(importlib.import_module(module)).failed == 0


@pytest.mark.parametrize("missing", ["langchain_core", "langgraph"])
def test_without_the_extra_it_says_what_to_install(missing: str) -> None:
    code = f"import sys; sys.modules[{missing!r}] = None; import memos_langchain"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "pip install 'memcubes[langchain]'" in run.stderr
