"""How long `import memos_core` takes above a bare interpreter, beside `import pydantic` alone.

Every round starts one fresh interpreter of each kind, in a changing order, so that a busy machine slows all alike.
All run from compiled bytecode, made in a temporary folder before the first round.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time

LIMIT = 150  # milliseconds above a bare interpreter
PROGRAMS = {"bare Python": "pass", "pydantic": "import pydantic.main", "memos_core": "import memos_core"}


def main() -> int:
    """Print the medians; with ``--check`` fail if ours is over the limit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=31, help="fresh interpreters of each kind")
    parser.add_argument("--check", action="store_true", help=f"exit with 1 above {LIMIT} ms")
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):  # one core, so that no start wanders from core to core
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])
    taken = measure(options.rounds)
    bare = statistics.median(taken["bare Python"])
    for name, times in taken.items():
        low, middle, high = statistics.quantiles(times, n=4)
        sys.stdout.write(f"{name:12} {middle:6.1f} ms ({low:.1f} to {high:.1f}), {middle - bare:+6.1f} ms\n")
    ours = statistics.median(taken["memos_core"]) - bare
    sys.stdout.write(f"limit        {LIMIT:+6d} ms above bare Python\n")
    return 1 if options.check and ours > LIMIT else 0


def measure(rounds: int) -> dict[str, list[float]]:
    """Milliseconds of every start, by program."""
    order = list(PROGRAMS)
    taken: dict[str, list[float]] = {name: [] for name in order}
    with tempfile.TemporaryDirectory() as bytecode:
        for name in order:
            start(PROGRAMS[name], bytecode)  # compiles, and warms the disk's cache
        for _ in range(rounds):
            random.shuffle(order)
            for name in order:
                taken[name].append(start(PROGRAMS[name], bytecode))
    return taken


def start(program: str, bytecode: str) -> float:
    """Milliseconds that a fresh interpreter takes for a program."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPYCACHEPREFIX"] = bytecode
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", program], check=True, env=environment)
    return (time.perf_counter() - started) * 1000


if __name__ == "__main__":
    sys.exit(main())
