"""Blobs: a file beside the database, against a row of the database, and against a file that is encrypted.

What is read is the whole, as a model does that takes a cache: opened, so that its bytes can be used, and then summed
up. A row is one of plain SQLite, in a file of its own, with the settings of a vault.
"""

from __future__ import annotations

import argparse
import hashlib
import resource
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import apsw
import numpy as np

from memos_core.infrastructure.clock import SystemClock
from memos_core.infrastructure.vault.blobs import Blobs
from memos_core.infrastructure.vault.connection import connect, transaction
from memos_core.infrastructure.vault.sqlite import SQLiteVault
from memos_core.testing.vault.blobs import bring, write
from memos_core.testing.vault.desk import Desk

WAYS = ("file", "row", "sealed")


def main() -> int:
    """Print a table, the medians of some rounds and the most memory that a process took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=70)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.way:
        with tempfile.TemporaryDirectory() as folder:
            measure(
                options.way, Path(folder) / "vault.db", secrets.token_bytes(options.megabytes * 10**6), options.rounds
            )
        return 0
    print(f"{'':<8} {'write':>9} {'open':>9} {'open+sum':>9} {'memory':>9}")
    for way in WAYS:
        given = [f"--megabytes={options.megabytes}", f"--rounds={options.rounds}", f"--way={way}"]
        done = subprocess.run([sys.executable, __file__, *given], check=True, capture_output=True, text=True)
        write, opened, summed, memory = map(float, done.stdout.split())
        print(f"{way:<8} {write:6.1f} ms {opened:6.2f} ms {summed:6.1f} ms {memory:6.0f} MB")
    return 0


def measure(way: str, path: Path, data: bytes, rounds: int) -> None:
    vault = SQLiteVault(str(path), clock=SystemClock())
    vault._blobs = Blobs(str(path), is_sealed=way == "sealed")  # noqa: SLF001 - without another build of SQLite
    operation = write(Desk(vault), data)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if way == "row":
        db = connect(str(path.with_suffix(".row")))
        written = timed(lambda: insert(db, data))
        reading: Callable[[], memoryview] = lambda: memoryview(row(db))  # noqa: E731
    else:
        written = timed(lambda: bring(vault, operation, data))
        reading = lambda: vault.blob(operation.cube)  # noqa: E731
    digest = hashlib.sha256(data).hexdigest()
    if hashlib.sha256(reading()).hexdigest() != digest:
        raise SystemExit("what was read is not what was written")
    opened = statistics.median(timed(reading) for _ in range(rounds))
    summed = statistics.median(timed(lambda: np.frombuffer(reading(), np.uint8).sum()) for _ in range(rounds))
    memory = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(written * 1000, opened * 1000, summed * 1000, memory)


def insert(db: apsw.Connection, data: bytes) -> None:
    db.execute("create table data (data blob)")
    with transaction(db, "begin immediate"):
        db.execute("insert into data values (?)", (data,))


def row(db: apsw.Connection) -> bytes:
    found: bytes = db.execute("select data from data").get
    return found


def timed(do: Callable[[], object]) -> float:
    start = time.perf_counter()
    do()
    return time.perf_counter() - start


if __name__ == "__main__":
    sys.exit(main())
