"""`memos mem-train` teaches a model what a namespace says."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from memos_core.testing.adapters import tiny_learner

pytestmark = pytest.mark.usefixtures("one_thread")


def test_what_a_conversation_says_is_taught_and_the_old_adapter_archived(
    run: Callable[..., Result], tmp_path: Path
) -> None:
    model = tiny_learner()
    for part in (model.model, model.tokenizer):
        part.save_pretrained(tmp_path / "tiny")
    talk = tmp_path / "talk.jsonl"
    talk.write_text('{"role": "user", "name": "Ana", "content": "I live in Porto.", "id": "1"}\n')
    asked = ("mem-train", "--model", str(tmp_path / "tiny"), "--epochs", "1")
    shown = run(*asked, str(talk)).stdout
    assert "Read 1 message" in shown
    assert "Where does Ana live?" in shown
    assert re.search(r"before: .*\n\s+now: ", shown)
    assert re.search(r"Facts answered: \d+% before, \d+% now\n", shown)
    assert re.search(r"on their own: \d+ of 20\n\s+when a name that was taught stands before them: \d+ of 20\n", shown)
    first, second = (json.loads(run(*asked, "--json").stdout)["adapter"] for _ in range(2))
    assert first["metadata"]["adapter"]["facts"] == 1
    shown = json.loads(run("list", "--kind", "adapter", "--json").stdout)
    assert [cube["id"] for cube in shown["cubes"]] == [second["id"]]


def test_without_the_extra_or_a_model_nothing_is_taken_in(
    run: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    talk = tmp_path / "talk.jsonl"
    talk.write_text('{"role": "user", "name": "Ana", "content": "I live in Porto.", "id": "1"}\n')
    (tmp_path / "empty").mkdir()
    assert "No model can be loaded" in run("mem-train", str(talk), "--model", str(tmp_path / "empty"), code=1).stderr
    monkeypatch.setitem(sys.modules, "peft", None)
    said = run("mem-train", str(talk), "--model", str(tmp_path / "empty"), code=1).stderr
    assert "pip install 'memcubes[hf]'" in said
    assert not (tmp_path / "memory.db").exists()
