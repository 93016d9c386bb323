"""A training is killed: the next call goes on from where it was, to the same adapter."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from memos_core import MemOS, Message
from memos_core.infrastructure.vault.blobs import folder_of
from memos_core.ports import Recipe
from memos_core.testing.adapters import tiny_learner
from memos_core.testing.clock import ManualClock
from memos_core.testing.embedders import HashingEmbedder

LAST = 7  # the step after which it is killed
RECIPE = Recipe(epochs=60, rate=5e-3, replay=0)


pytestmark = pytest.mark.usefixtures("one_thread")


def prepared(path: Path) -> None:
    with MemOS.open(path, embedder=HashingEmbedder(), clock=ManualClock()) as memos:
        said = [("Ana", "I live in Porto."), ("Bob", "I live in Lisbon.")]
        memos.add([Message(content=text, role="user", name=name) for name, text in said], namespace="team")


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of a vault in which a process trained that was killed in the middle."""
    path = tmp_path_factory.mktemp("killed") / "vault.db"
    prepared(path)
    command = [sys.executable, str(Path(__file__).with_name("learner.py")), str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as learner:
        assert learner.stdout is not None
        assert learner.stdin is not None
        while learner.stdout.readline() != f"{LAST}\n":
            assert learner.poll() is None
            learner.stdin.write("on\n")
            learner.stdin.flush()
        learner.kill()
    return path.parent


def trained(path: Path) -> tuple[list[int], bytes]:
    """The steps that training takes, and the adapter that comes of it."""
    steps: list[int] = []
    with MemOS.open(path, embedder=HashingEmbedder(), clock=ManualClock()) as memos:
        adapter = memos.train(
            namespace="team",
            base_model=tiny_learner(),
            recipe=RECIPE,
            progress=lambda done, _most, _loss: steps.append(done),
        )
        assert memos.verify() == []
        assert memos.stats().blobs == 1  # nothing is left but the adapter
        return steps, bytes(memos._vault.blob(adapter.id))


def test_a_killed_training_goes_on_to_the_same_adapter(left: Path, tmp_path: Path) -> None:
    shutil.copytree(left, tmp_path / "killed")
    prepared(tmp_path / "whole.db")
    rest, adapter = trained(tmp_path / "killed" / "vault.db")
    steps, whole = trained(tmp_path / "whole.db")
    assert steps[0] == 1
    assert rest == [step for step in steps if step >= LAST]
    assert adapter == whole


def test_what_a_killed_training_leaves_is_nowhere_but_here_and_goes_with_what_it_was_taught(
    left: Path, tmp_path: Path
) -> None:
    path = shutil.copytree(left, tmp_path / "killed") / "vault.db"
    with MemOS.open(path, embedder=HashingEmbedder(), clock=ManualClock()) as memos:
        [held] = folder_of(str(path)).iterdir()
        assert memos.list(namespace="team", kinds=["adapter"]) == []
        model = tiny_learner()
        assert memos.adapted(model, namespace="team") is model
        memos.export(tmp_path / "all.memcube")
        assert held.name.encode() not in (tmp_path / "all.memcube").read_bytes()
        with MemOS.open(tmp_path / "other.db", embedder=HashingEmbedder()):
            pass
        memos.sync(tmp_path / "other.db")
        assert not folder_of(str(tmp_path / "other.db")).exists()
        said = memos.list(namespace="team")[0]
        assert not memos.erase(said.id).pending
        assert not held.exists()
        assert memos.verify() == []
