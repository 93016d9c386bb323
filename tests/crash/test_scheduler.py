"""A worker of the scheduler is killed in the middle of a round: another one finishes it, and nothing is done twice."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections import Counter
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from memos_core import MemOS, Message
from memos_core.cube.memcube import State
from memos_core.operation.scheduler.decisions import Limits
from memos_core.testing.clock import ManualClock
from memos_core.testing.embedders import HashingEmbedder

ENDING = 120
LIMITS = Limits(episode=4)


def prepared(path: Path) -> tuple[list[str], int]:
    """A vault with much to do: ids of memories that have run out, and the number of operations."""
    clock = ManualClock(datetime.now(timezone.utc) - timedelta(days=3))
    with MemOS.open(path, embedder=HashingEmbedder(), clock=clock) as memos:
        texts = [Message(content=f"Note {number} is about foxes.", role="user") for number in range(ENDING)]
        ids = list(memos.add(texts, namespace="a").ids)
        with memos.transaction():
            for each in ids:
                memos.set_lifespan(each, ttl=timedelta(hours=1))
        talk = [Message(content=f"We saw {number} owls at the lighthouse.", role="user") for number in range(6)]
        said = memos.add(talk, namespace="a", session="owls").ids
        memos.derive("Ana likes the white owl", because=said[0])
        memos.derive("Ana likes the white owl.", because=said[0])
        return ids, memos.stats().operations


def killed(path: Path, *, after: int, before: int) -> None:
    """Let a worker begin, and kill it when it has written so many operations."""
    worker = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("worker.py")), str(path)], stdout=subprocess.PIPE, text=True
    )
    assert worker.stdout is not None
    assert worker.stdout.readline() == "ready\n"
    with MemOS.open(path, embedder=HashingEmbedder()) as memos:
        while memos.stats().operations < before + after and worker.poll() is None:
            pass
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    worker.stdout.close()


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="the system has no SIGKILL")
@pytest.mark.parametrize("after", [0, 1, 7, 60, ENDING + 1])
def test_a_killed_worker_leaves_nothing_half_done_and_nothing_lost(tmp_path: Path, after: int) -> None:
    path = tmp_path / "vault.db"
    ids, before = prepared(path)
    killed(path, after=after, before=before)
    later = ManualClock(datetime.now(timezone.utc) + timedelta(minutes=6))
    with MemOS.open(path, embedder=HashingEmbedder(), clock=later) as memos:
        assert memos.verify() == []
        held = memos.stats().operations - before
        left = {job.cubes[-1] for job in memos._whole.jobs() if job.action == "expire"}
        expired = {each for each in ids if memos.get(each).state is State.EXPIRED}
        assert left.isdisjoint(expired)
        assert held == 0 or left | expired == set(ids)
        memos.tick(limits=LIMITS)
        assert all(memos.get(each).state is State.EXPIRED for each in ids)
        assert len(memos.list(namespace="a", kinds=["summary"])) == 1
        assert len(memos.list(namespace="a", kinds=["fact"])) == 1
        triggers = Counter((each.cube_id, each.trigger) for each in memos.log(limit=9_999) if each.trigger)
        assert set(triggers.values()) == {1}
        assert memos._whole.jobs() == []
        assert memos.verify() == []
        assert memos.tick(limits=LIMITS) == []
