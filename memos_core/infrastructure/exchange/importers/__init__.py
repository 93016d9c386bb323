"""Importers: files that others wrote, read as messages, documents and notes.

An importer is a function from a path to items, one at a time and in order. It knows its format and nothing of
vaults: whoever calls it decides what becomes of the items.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from memos_core.errors import InvalidInput, UnknownFormat
from memos_core.infrastructure.exchange.importers import chat, documents, jsonl
from memos_core.infrastructure.exchange.importers.source import Item, Noted, PassedOver, Said, Written, opened

__all__ = ["FORMATS", "Importer", "Item", "Noted", "PassedOver", "Said", "Written", "detect", "read"]

Importer = Callable[[Path], Iterator[Item]]

#: By the name under which a user asks for them.
FORMATS: Mapping[str, Importer] = {"jsonl": jsonl.read, "chat": chat.read, "document": documents.read}

_SUFFIXES = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "chat",
    **dict.fromkeys(documents.MEDIA_TYPES, "document"),
}
_KNOWN = (
    "Known are .jsonl (a message a line), .json (a list of chat messages), .txt, .md, and a folder of texts. "
    "If it is one of these under another name, say which: jsonl, chat or document."
)


def detect(path: Path) -> str:
    """Name the format of a file or folder.

    Raises
    ------
    UnknownFormat
        If no importer understands it.
    InvalidInput
        If it cannot be read.
    """
    if path.is_dir():
        return "document"
    with opened(path) as stream:
        start = stream.read(1024).removeprefix(b"\xef\xbb\xbf").lstrip()
    name = _SUFFIXES.get(path.suffix.lower())
    if name is None:
        raise UnknownFormat(path=path, detail=_KNOWN)
    if name == "chat" and start[:1] != b"[":
        raise UnknownFormat(path=path, detail="A .json file must hold a list of chat messages, and so begin with '['.")
    return name


def read(path: Path, form: str | None = None) -> Iterator[Item]:
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
    name = form or detect(path)
    if name not in FORMATS:
        raise InvalidInput(detail=f"{name!r} is no format; known are {', '.join(FORMATS)}.")
    return FORMATS[name](path)
