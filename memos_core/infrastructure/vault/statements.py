"""Named SQL statements, kept in ``.sql`` files beside this module."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.resources import files
from types import MappingProxyType
from typing import Any

import apsw

_NAME = re.compile(r"^-- name: (\w[\w ]*)\n", re.MULTILINE)


def load(file: str) -> Mapping[str, str]:
    """Read a file of statements, each under a line ``-- name: <name>``, in the order of the file.

    Raises
    ------
    ValueError
        If a name occurs twice.
    """
    text = (files(__package__) / "sql" / f"{file}.sql").read_text(encoding="utf-8")
    _, *found = _NAME.split(text)
    names = found[::2]
    if len(set(names)) != len(names):
        raise ValueError(f"{file}.sql names a statement twice")
    return MappingProxyType(dict(zip(names, (body.strip() for body in found[1::2]), strict=True)))


def query(db: apsw.Connection, statement: str, values: apsw.Bindings | None = None) -> list[tuple[Any, ...]]:
    """Run a statement and return all of its rows; what the columns hold, the schema says."""
    return db.execute(statement, values).fetchall()
