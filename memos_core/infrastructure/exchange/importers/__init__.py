"""Importers: files that others wrote, read as messages, documents and notes.

An importer is a function from a path to items, one at a time and in order. It knows its format and nothing of
vaults: whoever calls it decides what becomes of the items.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from os import PathLike, fspath
from pathlib import Path

from memos_core.errors import InvalidInput
from memos_core.infrastructure.exchange.importers import (
    chat,
    chatgpt,
    claude,
    documents,
    jsonl,
    letta,
    mcp_memory,
    mem0,
    pam,
    table,
    textual_memory,
)
from memos_core.infrastructure.exchange.importers.detecting import detect
from memos_core.infrastructure.exchange.importers.source import Item, Noted, PassedOver, Said, Written

__all__ = ["FORMATS", "Importer", "Item", "Noted", "PassedOver", "Said", "Written", "detect", "read"]

Importer = Callable[[Path], Iterator[Item]]

#: By the name under which a user asks for them.
FORMATS: Mapping[str, Importer] = {
    "jsonl": jsonl.read,
    "chat": chat.read,
    "document": documents.read,
    "table": table.read,
    "chatgpt": chatgpt.read,
    "claude": claude.read,
    "mem0": mem0.read,
    "mcp": mcp_memory.read,
    "letta": letta.read,
    "memtensor": textual_memory.read,
    "pam": pam.read,
}


def read(path: str | PathLike[str], form: str | None = None) -> Iterator[Item]:
    """Read a file or folder, item by item.

    Parameters
    ----------
    form
        Name of the format; found out if not given.

    Raises
    ------
    UnknownFormat
        If no importer understands it.
    InvalidInput
        While iterating: names the file and the line of what cannot be accepted.
    """
    file = Path(fspath(path))
    name = form or detect(file)
    if name not in FORMATS:
        raise InvalidInput(detail=f"{name!r} is no format; known are {', '.join(FORMATS)}.")
    return FORMATS[name](file)
