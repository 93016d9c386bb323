"""The command that says whether answers are the same with and without a cache works, and would say so if they were not."""

from __future__ import annotations

import re
import runpy
import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest

from memos_core import MemOS
from memos_core.testing.kv import tiny_model

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "cache_equality.py"


@pytest.fixture(scope="module")
def script() -> dict[str, Any]:
    return runpy.run_path(str(SCRIPT))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny")
    tiny = tiny_model()
    tiny.model.save_pretrained(folder)
    tiny.tokenizer.save_pretrained(folder)
    return folder


def test_the_command_compares_answers_from_one_cache_and_from_a_tree(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], script: dict[str, Any]
) -> None:
    monkeypatch.setattr(sys, "argv", ["x", str(folder), "--prompts", "3", "--memories", "3", "--tokens", "8"])
    with pytest.raises(SystemExit) as ended:
        script["main"]()
    rows = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert ended.value.code == 0
    assert any(re.fullmatch(r"one cache 1 \d\d% 3 of 3 3 of 3 3 of 3", row) for row in rows), rows
    assert any(re.fullmatch(r"a tree 3 \d\d% 3 of 3 3 of 3 3 of 3", row) for row in rows), rows


def test_no_two_prompts_are_alike(script: dict[str, Any]) -> None:
    cases = script["cases"](Namespace(prompts=50, memories=5))
    assert (len(cases), len(set(cases))) == (50, 50)
    assert {len(each.memories) for each in cases} == {5}


def test_another_answer_is_seen(script: dict[str, Any]) -> None:
    case = script["Case"](("Orla keeps bees.", "Bram has a boat."), "Who keeps bees?")
    found = script["compared"](script["Heard"](tiny_model()), tiny_model(1), case, False, 8)
    assert (found.same, found.twice, found.unchanged, found.caches) == (False, True, True, 2)


def test_a_cache_that_is_written_to_is_seen(script: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    case, kv = script["Case"](("Orla keeps bees.",), "Who keeps bees?"), script["Heard"](tiny_model())
    plain = MemOS.generate

    def generate(self: MemOS, *args: Any, **named: Any) -> Any:
        found = plain(self, *args, **named)
        self.erase(list(found.caches))
        return found

    monkeypatch.setattr(MemOS, "generate", generate)
    found = script["compared"](kv, tiny_model(), case, True, 8)
    assert (found.same, found.unchanged) == (True, False)
