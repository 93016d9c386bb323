"""The examples say what they are to show: agents, langmem and deep agents over one memory."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[3] / "examples"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # the packages' own, of one another
@pytest.mark.parametrize(
    ("example", "needs", "said"),
    [
        ("langchain_agent", "langchain", ["My sister Clara moved to Lisbon", "and says: Lisbon: Clara lives there."]),
        ("langchain_tools", "langchain", ["| Ana is allergic to nuts.", "tool: Nothing is remembered about that."]),
        ("langgraph_store", "langgraph", ["tool: tonkotsu ramen", "tastes/ana: apple pie"]),
        ("langchain_langmem", "langmem", ['"value":{"content":"Ana is allergic to nuts"}', "1 version"]),
        ("langchain_deepagents", "deepagents", ["Found by meaning: /about.md", "Versions kept: 2"]),
    ],
)
def test_an_example_shows_what_it_is_for(
    example: str, needs: str, said: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip(needs)
    monkeypatch.setattr(sys, "argv", [example])
    runpy.run_path(str(EXAMPLES / f"{example}.py"), run_name="__main__")
    printed = capsys.readouterr().out
    assert [part for part in said if part not in printed] == []
