"""Tables of notes: CSV with a line of names, and JSON objects a line with a ``text`` each."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from memos_core.cube.canonical import parse_object
from memos_core.cube.memcube import Kind
from memos_core.cube.message import Note
from memos_core.errors import InvalidInput
from memos_core.infrastructure.exchange.importers.jsonl import numbered_lines
from memos_core.infrastructure.exchange.importers.records import Record, moment, text, told
from memos_core.infrastructure.exchange.importers.source import Item, Noted, PassedOver, opened, source_name

WORDS = ("text", "content", "memory", "note")
TIMES = ("at", "created_at", "timestamp", "date", "time")
SPEAKERS = ("speaker", "name", "author")
MAX_CELL = 8 * 1024 * 1024  # characters


def read(path: Path) -> Iterator[Item]:
    """Read a table; columns that have no meaning here become metadata.

    Raises
    ------
    InvalidInput
        If a line is no record, or no column holds the text.
    """
    source = source_name(path)
    lines = _objects(path) if path.suffix.lower() in {".jsonl", ".ndjson"} else _rows(path)
    for where, number, record in lines:
        with told(where):
            note = _note(record, f"{source}:{number}")
        yield Noted(where, note) if note else PassedOver(where, "a line without text")


def _note(record: Record, fallback: str) -> Note | None:
    words = text(record, *WORDS)
    if not words.strip():
        return None
    fields = {name: value for name, value in record.items() if value not in (None, "")}
    taken = {next((name for name in names if name in fields), None) for names in (WORDS, TIMES, SPEAKERS)}
    taken |= {"id", "kind", "tags", "metadata"}
    given = fields.get("metadata", {})
    if not isinstance(given, dict):
        raise InvalidInput(detail='"metadata" must be an object.')
    rest = {name: value for name, value in fields.items() if name not in taken}
    return Note(
        text=words,
        kind=_kind(text(fields, "kind")),
        at=moment(fields, *TIMES),
        id=str(fields.get("id", fallback)),
        speaker=text(fields, *SPEAKERS) or None,
        tags=_tags(fields.get("tags")),
        metadata={**given, **rest},
    )


def _kind(name: str) -> Kind:
    try:
        return Kind(name.strip().lower()) if name.strip() else Kind.FACT
    except ValueError as error:
        known = ", ".join(kind.value for kind in Kind)
        raise InvalidInput(detail=f'"kind" is {name!r}; known are {known}.') from error


def _tags(given: object) -> tuple[str, ...]:
    found = given if isinstance(given, list) else str(given or "").split(";")
    return tuple(dict.fromkeys(tag for each in found if (tag := str(each).strip())))


def _objects(path: Path) -> Iterator[tuple[str, int, Record]]:
    for number, line in numbered_lines(path):
        where = f"{path.name}, line {number}"
        with told(where):
            record = parse_object(line.encode("utf-8"))
        yield where, number, record


def _rows(path: Path) -> Iterator[tuple[str, int, Record]]:
    csv.field_size_limit(MAX_CELL)
    with opened(path) as stream, io.TextIOWrapper(stream, encoding="utf-8-sig", newline="") as lines:
        delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
        reader = csv.DictReader(lines, delimiter=delimiter, strict=True)
        try:
            names = [name.strip().lower() for name in reader.fieldnames or ()]
            if not set(names) & set(WORDS) or len(set(names)) != len(names):
                wanted = ", ".join(WORDS)
                raise InvalidInput(detail=f"{path.name}: the first line must name the columns, one of them {wanted}.")
            reader.fieldnames = names
            for row in reader:
                where = f"{path.name}, line {reader.line_num}"
                if None in row:
                    raise InvalidInput(detail=f"{where}: there are more cells than columns.")
                yield where, reader.line_num, row
        except (csv.Error, UnicodeDecodeError) as error:
            raise InvalidInput(detail=f"{path.name}, line {reader.line_num}: this is no CSV ({error}).") from error
