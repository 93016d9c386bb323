"""Conversations with a message a line: the format of ours, described in docs/IMPORT.md."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from memos_core.cube.canonical import parse_object
from memos_core.cube.message import Message
from memos_core.errors import InvalidInput, TooLarge
from memos_core.infrastructure.exchange.importers.source import Item, Said, decoded, located, opened, source_name

MAX_LINE = 8 * 1024 * 1024  # bytes


def read(path: Path) -> Iterator[Item]:
    """Read a message a line; blank lines are passed over.

    Raises
    ------
    InvalidInput
        If a line is no message.
    """
    source = source_name(path)
    for number, line in numbered_lines(path):
        where = f"{path.name}, line {number}"
        with located(where):
            record = parse_object(line.encode("utf-8"))
            session = record.pop("session", source)
            if not isinstance(session, str) or not session.strip():
                raise InvalidInput(detail='"session" must be a text that is not empty.')
            message = Message(**{"id": f"{source}:{number}", **record})
        yield Said(where, session, message)


def numbered_lines(path: Path) -> Iterator[tuple[int, str]]:
    with opened(path) as stream:
        number = 0
        while data := stream.readline(MAX_LINE + 1):
            number += 1
            if len(data) > MAX_LINE:
                raise TooLarge(what=f"{path.name}, line {number}", size=len(data), limit=MAX_LINE, unit="bytes or more")
            text = decoded(data, path, line=number)
            if text.strip():
                yield number, text
