"""Plain text and Markdown: one file, or all of a folder and the folders in it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

from memos_core.cube.message import Document
from memos_core.errors import InvalidInput, TooLarge
from memos_core.infrastructure.exchange.importers.source import (
    Item,
    PassedOver,
    Written,
    decoded,
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
        yield Written(path.name, _document(path))
        return
    for file in _files(path):
        where = file.relative_to(path).as_posix()
        if file.suffix.lower() not in MEDIA_TYPES:
            yield PassedOver(where, "neither text nor Markdown")
            continue
        document = _document(file)
        yield Written(where, document) if document.text.strip() else PassedOver(where, "empty")


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
