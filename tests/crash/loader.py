"""Loads a package into a vault until it is killed. Run by the tests; not a test itself."""

from __future__ import annotations

import sys

from memos_core import MemOS
from memos_core.testing.embedders import HashingEmbedder


def main() -> None:
    with MemOS.open(sys.argv[1], embedder=HashingEmbedder()) as memos:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        memos.load(sys.argv[2])


main()
