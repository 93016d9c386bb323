"""Plain text and Markdown: one file, or all of a folder and the folders in it; among them notes that were exported."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from memos_core.cube.memcube import Kind
from memos_core.cube.message import Document, Message, Note
from memos_core.errors import InvalidInput, TooLarge
from memos_core.infrastructure.exchange.frontmatter import loaded
from memos_core.infrastructure.exchange.importers.records import mapping, moment, texts
from memos_core.infrastructure.exchange.importers.records import text as words
from memos_core.infrastructure.exchange.importers.source import (
    Item,
    Noted,
    PassedOver,
    Said,
    Written,
    decoded,
    located,
    opened,
    source_name,
)

MEDIA_TYPES = {
    ".txt": "text/plain",
    ".text": "text/plain",
    ".md": "text/markdown",
    ".markdown": "text/markdown",
}
MAX_FILE = 4_000_000  # bytes: a document may have a million characters


def read(path: Path) -> Iterator[Item]:
    """Read a file, or a folder in the order of its paths.

    In a folder, files and folders whose names begin with a dot are none of our business; empty files and those that
    are neither text nor Markdown are passed over.

    Raises
    ------
    InvalidInput
        If a file is not UTF-8, is too large or cannot be read.
    """
    if not path.is_dir():
        yield _item(path, path.name)
        return
    for file in _files(path):
        where = file.relative_to(path).as_posix()
        if file.suffix.lower() not in MEDIA_TYPES:
            yield PassedOver(where, "neither text nor Markdown")
            continue
        yield _item(file, where)


def _item(path: Path, where: str) -> Item:
    """A file: a note that was exported, or a document."""
    document = _document(path)
    if not document.text.strip():
        return PassedOver(where, "empty")
    with located(where):
        note = loaded(document.text)
        return Written(where, document) if note is None else _noted(*note, where)


def _noted(fields: dict[str, Any], text: str, where: str) -> Item:
    """What a note says: a message if it has a role, and otherwise a fact or the like."""
    at, until = (moment(fields, name) for name in ("at", "until"))
    about = dict(mapping(fields.get("metadata") or {}, '"metadata"'))
    number, speaker = (words(fields, name) or None for name in ("id", "speaker"))
    role = words(fields, "role")
    if role:
        session = words(fields, "session") or number or where
        return Said(where, session, Message(content=text, role=role, name=speaker, at=at, id=number, metadata=about))
    note = Note(
        text=text,
        kind=fields.get("kind", Kind.FACT),
        at=at,
        until=until,
        id=number,
        uri=words(fields, "uri") or None,
        speaker=speaker,
        tags=texts(fields, "tags"),
        entities=texts(fields, "entities"),
        metadata=about,
    )
    return Noted(where, note)


def _document(path: Path) -> Document:
    with opened(path) as stream:
        status = os.fstat(stream.fileno())
        if status.st_size > MAX_FILE:
            raise TooLarge(what=str(path.name), size=status.st_size, limit=MAX_FILE, unit="bytes")
        data = stream.read()
    return Document(
        text=decoded(data, path),
        title=path.stem,
        media_type=MEDIA_TYPES.get(path.suffix.lower(), "text/plain"),
        id=source_name(path),
        at=datetime.fromtimestamp(status.st_mtime, tz=timezone.utc),
    )


def _files(folder: Path) -> Iterator[Path]:
    """Visible files at any depth, sorted; links to folders are not followed, for they may lead round in circles."""
    for place, folders, names in os.walk(folder, onerror=_refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(place, name) for name in sorted(names) if not name.startswith("."))


def _refuse(error: OSError) -> None:
    raise InvalidInput(detail=f"{error.filename} cannot be read: {error.strerror}.") from error
