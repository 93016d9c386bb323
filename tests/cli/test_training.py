"""`memos mem-train` teaches a model what a namespace says."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from click.testing import Result

from memos_core.testing.adapters import tiny_learner


def test_what_memories_say_is_taught_and_the_old_adapter_archived(run: Callable[..., Result], tmp_path: Path) -> None:
    model = tiny_learner()
    for part in (model.model, model.tokenizer):
        part.save_pretrained(tmp_path / "tiny")
    run("add", "I live in Porto.", "--speaker", "Ana")
    asked = ("mem-train", "--model", str(tmp_path / "tiny"), "--epochs", "1", "--json")
    first, second = (json.loads(run(*asked).stdout)["adapter"] for _ in range(2))
    assert first["metadata"]["adapter"]["facts"] == 1
    shown = json.loads(run("list", "--kind", "adapter", "--json").stdout)
    assert [cube["id"] for cube in shown["cubes"]] == [second["id"]]
