"""Exporters: memories in forms of others. What these have no place for is lost; packages lose nothing.

An exporter is a function from cubes and a path to the number of memories written. It knows its format and nothing of
vaults.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from memos_core.cube.memcube import MemCube
from memos_core.errors import InvalidInput
from memos_core.infrastructure.exchange.exporters import markdown, mcp_memory, pam

Exporter = Callable[[Iterable[MemCube], Path], int]

#: By the name under which a user asks for them.
FORMS: Mapping[str, Exporter] = {"markdown": markdown.write, "mcp": mcp_memory.write, "pam": pam.write}


def write(cubes: Iterable[MemCube], path: Path, form: str) -> int:
    """Write cubes in a form of others; return how many.

    Raises
    ------
    InvalidInput
        If there is no such form, or something is at the path already.
    """
    if form not in FORMS:
        raise InvalidInput(detail=f"{form!r} is no form; known are {', '.join(FORMS)}.")
    if path.exists():
        raise InvalidInput(detail=f"{path} is there already; write to a new path.")
    try:
        return FORMS[form](cubes, path)
    except OSError as error:
        raise InvalidInput(detail=f"{path} cannot be written: {error.strerror}.") from error
