"""What encryption at rest costs: the same writes and searches in a plain and in an encrypted vault, side by side.

It needs the library that encrypts, which ``make encrypted`` fetches: ``PYTHONPATH=.venv/encrypted python
benchmarks/encryption.py``.
"""

from __future__ import annotations

import random
import statistics
import tempfile
import time
from pathlib import Path

from memos_core import MemOS
from memos_core.cube.message import Message
from memos_core.testing.embedders import HashingEmbedder

MEMORIES, ROUNDS = 5_000, 100


def messages() -> list[Message]:
    """Invented messages of a dozen words each."""
    rng = random.Random(1)
    words = [f"word{number}" for number in range(3_000)]
    return [Message(content=" ".join(rng.choices(words, k=12)), id=str(number)) for number in range(MEMORIES)]


def main() -> None:
    """Print seconds of writing, milliseconds of a search, and the ratios."""
    with tempfile.TemporaryDirectory() as folder:
        vaults = {
            name: MemOS.open(Path(folder) / f"{name}.db", embedder=HashingEmbedder(), key=key)
            for name, key in (("plain", None), ("encrypted", "secret"))
        }
        written, found = {}, {}
        for name, memos in vaults.items():
            start = time.perf_counter()
            memos.add(messages(), namespace="ana")
            written[name] = time.perf_counter() - start
        questions = [message.content[:40] for message in messages()[:ROUNDS]]
        times: dict[str, list[float]] = {name: [] for name in vaults}
        for question in questions:
            for name, memos in vaults.items():
                start = time.perf_counter()
                memos.search(question, namespace="ana")
                times[name].append(time.perf_counter() - start)
        for name, memos in vaults.items():
            found[name] = statistics.median(times[name]) * 1000
            memos.close()
        for name in vaults:
            print(f"{name:<10} {MEMORIES:,} memories written in {written[name]:.2f} s, a search {found[name]:.1f} ms")
        print(f"ratio      {written['encrypted'] / written['plain']:.2f}, {found['encrypted'] / found['plain']:.2f}")


if __name__ == "__main__":
    main()
