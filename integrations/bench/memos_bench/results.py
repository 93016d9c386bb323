"""A folder of results: rows by system, and what was run on what. Several environments can add to one folder."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from memos_bench.measuring import Row, labels
from memos_core.errors import InvalidInput

RUN = "run.json"
ROWS = "rows"


def identity(data: Path, *, conversations: int, embedder: str) -> dict[str, Any]:
    """What results must have in common to stand in one table."""
    digest = hashlib.sha256(data.read_bytes()).hexdigest()
    return {"file": data.name, "sha256": digest, "conversations": conversations, "embedder": embedder}


def circumstances(version: str, moment: str) -> dict[str, Any]:
    """By what, when and on what a system was measured."""
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    return {"version": version, "at": moment, "machine": machine, "commit": _commit()}


class Results:
    """Rows by system, and about each system by what, when and on what it was measured.

    Parameters
    ----------
    identity
        What was measured; what else is loaded must be of the same.
    """

    def __init__(self, identity: Mapping[str, Any]) -> None:
        self.identity = dict(identity)
        self.systems: dict[str, Any] = {}
        self.rows: dict[str, list[Row]] = {}

    def update(self, rows: Sequence[Row], about: Mapping[str, Any]) -> None:
        """Put rows in the place of those of the same systems; ``about`` is by peer."""
        for name, mine in labels(rows).items():
            self.rows[name] = mine
            self.systems[name] = about[mine[0].peer]

    def all(self) -> list[Row]:
        """The rows of all systems."""
        return [row for mine in self.rows.values() for row in mine]

    def save(self, folder: Path) -> None:
        """Write them down: rows first, then what names them."""
        (folder / ROWS).mkdir(parents=True, exist_ok=True)
        files = {name: _file(folder, name) for name in self.rows}
        for name, rows in self.rows.items():
            _write(files[name], "".join(json.dumps(asdict(row)) + "\n" for row in rows))
        _write(folder / RUN, json.dumps({"data": self.identity, "systems": self.systems}, indent=2) + "\n")

    def load(self, folder: Path) -> None:
        """Take what a folder holds, if it holds anything.

        Raises
        ------
        InvalidInput
            If these are results of other data or another embedder, or cannot be read.
        """
        if not (folder / RUN).exists():
            return
        try:
            run = json.loads((folder / RUN).read_text("utf-8"))
            kept, self.systems = run["data"], run["systems"]
            self.rows = {name: _read(_file(folder, name)) for name in self.systems}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InvalidInput(detail=f"{folder} holds results that cannot be read ({error}).") from error
        if kept != self.identity:
            other = ", ".join(f"{key} {kept.get(key)}" for key in self.identity if kept.get(key) != self.identity[key])
            raise InvalidInput(detail=f"{folder} holds results of another run ({other}). Pass another folder.")


def _file(folder: Path, name: str) -> Path:
    return folder / ROWS / f"{re.sub(r'[^a-z0-9]+', '-', name.lower())}.jsonl"


def _read(path: Path) -> list[Row]:
    return [Row(**json.loads(line)) for line in path.read_text("utf-8").splitlines()]


def _write(path: Path, text: str) -> None:
    new = path.with_suffix(".new")
    new.write_text(text, "utf-8")
    new.replace(path)


def _commit() -> str | None:
    """The commit of the checkout that this file is in, if it is in one."""
    try:
        said = subprocess.run(  # noqa: S603 (no argument comes from outside)
            ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty", "--abbrev=12"],  # noqa: S607
            capture_output=True, text=True, check=True, timeout=10,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return said.stdout.strip()
