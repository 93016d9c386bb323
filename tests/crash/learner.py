"""Trains a tiny model until it is killed: each step waits for a line. Run by the tests; not a test itself."""

from __future__ import annotations

import sys
from datetime import timedelta

import torch

from memos_core import MemOS
from memos_core.ports import Recipe
from memos_core.testing.adapters import tiny_learner
from memos_core.testing.clock import ManualClock
from memos_core.testing.embedders import HashingEmbedder


def main() -> None:
    torch.set_num_threads(1)
    clock = ManualClock()

    def watched(done: int, _most: int, _loss: float) -> None:
        clock.advance(timedelta(minutes=1))  # so that it is kept after every epoch
        sys.stdout.write(f"{done}\n")
        sys.stdout.flush()
        sys.stdin.readline()

    with MemOS.open(sys.argv[1], embedder=HashingEmbedder(), clock=clock) as memos:
        recipe = Recipe(epochs=60, rate=5e-3, replay=0)
        memos.train(namespace="team", base_model=tiny_learner(), recipe=recipe, progress=watched)


main()
