"""Whoever loads a package is killed at any moment: of the package all is there, or nothing; never a part."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from memos_core import MemOS, Message
from memos_core.testing.embedders import HashingEmbedder

MESSAGES = 800
KILLS, MOST_KILLS = 10, 30


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="the system has no SIGKILL")
def test_a_killed_import_leaves_before_or_after(tmp_path: Path) -> None:
    package, path = tmp_path / "p.memcube", tmp_path / "vault.db"
    with MemOS.open(":memory:", embedder=HashingEmbedder()) as memos:
        memos.add([Message(content=f"Owl number {number} is white.") for number in range(MESSAGES)], namespace="a")
        memos.export(package)
    with MemOS.open(path, embedder=HashingEmbedder()) as memos:
        memos.add("The fox is red.", namespace="a")
    chance, found, longest = random.Random(1), set(), 0.1
    for kill in range(MOST_KILLS):
        command = [sys.executable, str(Path(__file__).with_name("loader.py")), str(path), str(package)]
        loader = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert loader.stdout is not None
        assert loader.stdout.readline() == "ready\n"
        time.sleep(chance.random() * longest)
        longest *= 1.3  # so that the last ones come late enough to find it done, however slow the machine is
        loader.send_signal(signal.SIGKILL)
        loader.wait()
        loader.stdout.close()
        with MemOS.open(path, embedder=HashingEmbedder()) as memos:
            held = memos.stats().operations
            assert held in {1, 1 + MESSAGES}
            assert memos.verify() == []
            found.add(held)
        if kill >= KILLS and len(found) == 2:
            break
    assert found == {1, 1 + MESSAGES}
    with MemOS.open(path, embedder=HashingEmbedder()) as memos:
        memos.load(package)  # and what the killed ones have not embedded is made up for
        assert memos.stats().unembedded == 0
