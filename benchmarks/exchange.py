"""Export and import of many memories: how long, beside copying as many bytes, and in how much memory.

Each step runs in a process of its own, so that its greatest memory can be measured. The embedder is the one of the
tests: what is measured is the exchange, and not a model.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PAGE = 1000
LIMIT = 300  # MB


def main() -> int:
    """Print a table; fail if a step takes more memory than the limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cubes", type=int, default=100_000)
    parser.add_argument("--step", choices=["make", "export", "import"], help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        run(options.step, options.folder, options.cubes)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        return measure(Path(folder), options.cubes)


def measure(folder: Path, cubes: int) -> int:
    worst = 0
    for step in ("make", "export", "import"):
        command = [sys.executable, __file__, "--step", step, "--folder", str(folder), "--cubes", str(cubes)]
        seconds, most = map(float, subprocess.run(command, check=True, capture_output=True, text=True).stdout.split())
        if step != "make":
            print(f"{step:<8} {seconds:8.1f} s {cubes / seconds:10,.0f} memories/s {most:8.0f} MB at most")
            worst = max(worst, most)
    package = folder / "p.memcube"
    start = time.perf_counter()
    shutil.copy(package, folder / "copy")
    print(f"copying  {time.perf_counter() - start:8.1f} s for its {package.stat().st_size / 1e6:,.0f} MB")
    return int(worst > LIMIT)


def run(step: str, folder: Path, cubes: int) -> None:
    from memos_core import MemOS, Message
    from memos_core.testing.embedders import HashingEmbedder

    start = time.perf_counter()
    with MemOS.open(folder / f"{'a' if step != 'import' else 'b'}.db", embedder=HashingEmbedder()) as memos:
        if step == "make":
            for first in range(0, cubes, PAGE):
                numbers = range(first, min(first + PAGE, cubes))
                said = [
                    Message(content=f"On day {n} the lamp number {n * 7 % 1000} was red.", id=str(n)) for n in numbers
                ]
                memos.add(said, namespace="a", session=f"s{first}")
        elif step == "export":
            memos.export(folder / "p.memcube")
        else:
            memos.load(folder / "p.memcube")
    print(time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


if __name__ == "__main__":
    sys.exit(main())
