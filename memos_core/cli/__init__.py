"""The ``memos`` command.

Nothing here loads before it is used, so that ``memos --help`` answers at once.
"""

from __future__ import annotations

import io
import sys

from memos_core.cli.moments import moment
from memos_core.cli.place import default_vault, fetched_key, prepare

__all__ = ["default_vault", "fetched_key", "main", "moment", "prepare"]


def main() -> None:
    """Run the command line; the entry point ``memos``."""
    from memos_core.cli.app import app

    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # what an old terminal cannot show is no reason to stop
    app()
