"""How much an installation brings with it: packages and megabytes, beside the limits we set ourselves.

Run it with the Python of the environment to measure. pip and setuptools came with the environment and do not count.
"""

from __future__ import annotations

import argparse
import sys
from importlib.metadata import distributions
from pathlib import Path

MAX_PACKAGES = 30
MAX_MEGABYTES = 300
NOT_OURS = {"pip", "setuptools", "wheel"}


def main() -> int:
    """Print the footprint; with ``--check`` fail if it is over a limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="exit with 1 if a limit is exceeded")
    check = parser.parse_args().check
    installed = [found for found in distributions() if found.metadata["Name"].lower() not in NOT_OURS]
    files = {Path(str(path.locate())) for found in installed for path in found.files or []}
    megabytes = sum(path.stat().st_size for path in files if path.is_file()) / 1e6
    sys.stdout.write(f"packages: {len(installed)} (limit {MAX_PACKAGES})\n")
    sys.stdout.write(f"size: {megabytes:.0f} MB (limit {MAX_MEGABYTES}; without compiled bytecode)\n")
    over = len(installed) > MAX_PACKAGES or megabytes > MAX_MEGABYTES
    return 1 if check and over else 0


if __name__ == "__main__":
    sys.exit(main())
