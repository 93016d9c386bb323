"""Runs a round of the scheduler on a vault until it is killed. Run by the tests; not a test itself."""

from __future__ import annotations

import sys

from memos_core import MemOS
from memos_core.operation.scheduler.decisions import Limits
from memos_core.testing.embedders import HashingEmbedder


def main() -> None:
    with MemOS.open(sys.argv[1], embedder=HashingEmbedder()) as memos:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        memos.tick(limits=Limits(episode=4))


main()
