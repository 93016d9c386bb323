"""A writer is killed at any moment: what it was told is stored is there, and all of a batch or nothing."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from memos_core.infrastructure.vault.blobs import folder_of
from memos_core.infrastructure.vault.sqlite import SQLiteVault
from memos_core.testing.clock import ManualClock

CYCLES = 100
CYCLES_OF_A_FILE = 5
CONTROL_CYCLES = 40
IDS = {
    "puts": "select seq from put where length > 0",
    "full text": "select id from text_index_docsize",
    "parts": "select put from part",
    "vectors": "select part.put from vector_1 join part on part.id = vector_1.rowid",
}


class Writer:
    """A process that forks children which write, and that tells what they do."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("writer.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
        )

    def killed(self, path: Path, *, seed: int, after: int, mode: str) -> tuple[list[list[str]], list[list[str]]]:
        """Let a child write and kill it after so many acknowledgements: batches stored, and batches tried."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([str(path), seed, mode]) + "\n")
        self._process.stdin.flush()
        child = stored = 0
        tried: list[list[str]] = []
        while not (line := self._line()).get("dead"):
            child = line.get("child", child)
            tried += [line["tried"]] if "tried" in line else []
            stored += "stored" in line
            if stored >= after and child:
                os.kill(child, signal.SIGKILL)
                after = sys.maxsize
        return tried[:stored], tried

    def _line(self) -> dict[str, object]:
        assert self._process.stdout is not None
        line: dict[str, object] = json.loads(self._process.stdout.readline())
        return line

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


@pytest.fixture
def writer() -> Iterator[Writer]:
    running = Writer()
    yield running
    running.close()


def losses(path: Path, stored: list[list[str]], tried: list[list[str]]) -> list[str]:
    """What is wrong with a vault after a kill."""
    vault = SQLiteVault(str(path), clock=ManualClock())
    held = {operation.id for _, operation in vault.log(limit=10**9)}
    found = [f"batch {number} was stored and is gone" for number, ids in enumerate(stored) if not held.issuperset(ids)]
    found += [
        f"batch {number} is there in part" for number, ids in enumerate(tried) if 0 < len(held & {*ids}) < len(ids)
    ]
    with vault._pool.read() as db:
        sets = {name: {row for (row,) in db.execute(statement)} for name, statement in IDS.items()}
    found += [f"{name} differ from puts" for name, ids in sets.items() if ids != sets["puts"]]
    found += [str(damage) for damage in vault.verify()]
    found += [f"{missing} was never there" for missing in vault.missing_blobs()]
    with vault._pool.read() as db:
        here = {held.name for held in vault._blobs.all(db)}
    folder = folder_of(str(path))
    if here != ({file.name for file in folder.iterdir()} if folder.exists() else set()):
        found.append("there are files that nothing refers to")
    vault.close()
    return found


@pytest.mark.slow
@pytest.mark.parametrize(("mode", "cycles"), [("honest", CYCLES), ("grouped", CYCLES), ("blobs", CYCLES // 4)])
def test_what_is_acknowledged_survives_a_kill(writer: Writer, tmp_path: Path, mode: str, cycles: int) -> None:
    """In the mode "grouped", each batch is one transaction of several commits."""
    chance = random.Random(1)
    stored: list[list[str]] = []
    tried: list[list[str]] = []
    acknowledged = 0
    for cycle in range(cycles):
        if cycle % CYCLES_OF_A_FILE == 0:
            stored, tried = [], []
        path = tmp_path / f"{cycle // CYCLES_OF_A_FILE}.db"
        new = writer.killed(path, seed=cycle, after=chance.randrange(1, 12), mode=mode)
        acknowledged += len(new[0])
        stored, tried = stored + new[0], tried + new[1]
        assert losses(path, stored, tried) == [], f"cycle {cycle}"
    assert acknowledged > cycles


@pytest.mark.slow
def test_writer_that_acknowledges_too_early_is_found_out(writer: Writer, tmp_path: Path) -> None:
    """The control: without it, nobody knows that the test above can fail."""
    found = (
        losses(tmp_path / f"{cycle}.db", *writer.killed(tmp_path / f"{cycle}.db", seed=cycle, after=2, mode="boast"))
        for cycle in range(CONTROL_CYCLES)
    )
    assert any("is gone" in problem for problems in found for problem in problems)
