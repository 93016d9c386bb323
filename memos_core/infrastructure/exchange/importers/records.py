"""Records of foreign files: JSON read strictly, with errors that say where."""

from __future__ import annotations

import json
import math
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, BinaryIO

from pydantic import TypeAdapter

from memos_core.errors import InvalidInput, TooLarge
from memos_core.infrastructure.exchange.importers.array import members
from memos_core.infrastructure.exchange.importers.source import located, opened

MAX_WHOLE = 64 * 1024 * 1024  # bytes of a file that must be read at once
MAX_LONG = 64 * 1024 * 1024  # characters of one record in a list: a conversation of years
MAX_UNPACKED = 8 * 1024**3  # bytes read from a zip, whatever it says of itself
START = 64 * 1024  # bytes that tell a format
MILLISECONDS = 1e11  # numbers from here on are no seconds: that would be the year 5138

Record = Mapping[str, Any]

_DATETIME = TypeAdapter(datetime)


def records(path: Path, *names: str, part: str | None = None) -> Iterator[tuple[str, Record]]:
    """Records of a file that is a list, or an object that holds the list under one of these names.

    Parameters
    ----------
    part
        The file in a folder or zip.

    Raises
    ------
    InvalidInput
        If it holds neither, or a member of the list is no object.
    """
    name = part or path.name
    with stream_of(path, part) as stream:
        start = stream.read(1024).removeprefix(b"\xef\xbb\xbf").lstrip()
    if start[:1] == b"[":
        with stream_of(path, part) as stream:
            for line, record in members(stream, name, most=MAX_LONG):
                yield f"{name}, line {line}", mapping(record, f"{name}, line {line}")
        return
    held = whole(path, part)
    found = next((held[key] for key in names if isinstance(held.get(key), list)), None)
    if found is None:
        wanted = " or ".join(f'"{key}"' for key in names)
        raise InvalidInput(detail=f"{name}: this is neither a list nor an object with {wanted}.")
    for number, record in enumerate(found, 1):
        where = f"{name}, record {number}"
        yield where, mapping(record, where)


def whole(path: Path, part: str | None = None) -> dict[str, Any]:
    """The JSON object that a file is.

    Raises
    ------
    InvalidInput
        If it is anything else, or too long to be read at once.
    """
    name = part or path.name
    with stream_of(path, part) as stream:
        data = stream.read(MAX_WHOLE + 1)
    if len(data) > MAX_WHOLE:
        raise TooLarge(what=name, size=len(data), limit=MAX_WHOLE, unit="bytes or more")
    try:
        held = json.loads(data.removeprefix(b"\xef\xbb\xbf").decode("utf-8"), parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(detail=f"{name}: this is not JSON ({error}).") from error
    return dict(mapping(held, name))


@contextmanager
def stream_of(path: Path, part: str | None = None) -> Iterator[BinaryIO]:
    """The bytes of a file, or of one in a folder or zip, which is read and never unpacked.

    Raises
    ------
    InvalidInput
        If it cannot be read.
    """
    if part is None or path.is_dir():
        with opened(path if part is None else path / part) as stream:
            yield stream
        return
    try:
        with zipfile.ZipFile(path) as archive, archive.open(part) as inside:
            yield _Capped(inside, part)  # type: ignore[misc]  # it reads, which is all that is asked of it
    except (zipfile.BadZipFile, KeyError, RuntimeError, NotImplementedError, OSError, EOFError) as error:
        raise InvalidInput(detail=f"{part} cannot be read from {path.name}: {error}.") from error


def parts_of(path: Path) -> list[str]:
    """Names of the files in a folder or zip; none of a file that is neither.

    Raises
    ------
    InvalidInput
        If it seems to be a zip and cannot be read.
    """
    if path.is_dir():
        return sorted(file.relative_to(path).as_posix() for file in path.rglob("*") if file.is_file())
    if path.suffix.lower() != ".zip":
        return []
    try:
        with zipfile.ZipFile(path) as archive:
            return sorted(name for name in archive.namelist() if not name.endswith("/"))
    except (zipfile.BadZipFile, OSError) as error:
        raise InvalidInput(detail=f"{path} cannot be read: {error}.") from error


def mapping(value: object, where: str) -> Record:
    """A value that must be an object."""
    if not isinstance(value, Mapping):
        raise InvalidInput(detail=f"{where}: an object is expected, and this is a {type(value).__name__}.")
    return value


def sequence(value: object, what: str) -> Sequence[Any]:
    """A value that must be a list; nothing stands for an empty one."""
    if value is None:
        return ()
    if not isinstance(value, list):
        raise InvalidInput(detail=f"{what} must be a list, and is a {type(value).__name__}.")
    return value


def text(record: Record, *names: str) -> str:
    """The text under the first of these names that there is; empty if there is none.

    Raises
    ------
    InvalidInput
        If it is something else.
    """
    for name in names:
        value = record.get(name)
        if value is not None:
            if not isinstance(value, str):
                raise InvalidInput(detail=f'"{name}" must be a text, and is a {type(value).__name__}.')
            return value
    return ""


def texts(record: Record, name: str) -> tuple[str, ...]:
    """A list of texts, or none.

    Raises
    ------
    InvalidInput
        If it is something else.
    """
    found = sequence(record.get(name), f'"{name}"')
    if not all(isinstance(each, str) for each in found):
        raise InvalidInput(detail=f'"{name}" must be a list of texts.')
    return tuple(found)


def moment(record: Record, *names: str) -> datetime | None:
    """The time under the first of these names that there is: ISO 8601, or seconds or milliseconds since 1970.

    One without a zone is taken as UTC, which servers write.

    Raises
    ------
    InvalidInput
        If it is no time.
    """
    for name in names:
        value = record.get(name)
        if value is not None and value != "":
            try:
                return _moment(value)
            except (ValueError, OverflowError, OSError, TypeError) as error:
                raise InvalidInput(detail=f'"{name}" is no time: {value!r}.') from error
    return None


def kept(record: Record, *names: str) -> dict[str, Any]:
    """Those of these fields that say something, as metadata."""
    return {name: record[name] for name in names if record.get(name) not in (None, "", [], {})}


@contextmanager
def told(where: str) -> Iterator[None]:
    """Say of any fault in a record where that is.

    Raises
    ------
    InvalidInput
        In place of what was raised inside.
    """
    with located(where):
        try:
            yield
        except (RecursionError, OverflowError) as error:
            raise InvalidInput(detail=f"It cannot be read: {error}.") from error


def start_of(path: Path, part: str | None = None) -> bytes:
    """The first bytes of a file."""
    with stream_of(path, part) as stream:
        return stream.read(START).removeprefix(b"\xef\xbb\xbf").lstrip()


class _Capped:
    """A stream that ends in an error where it is longer than anything sensible."""

    def __init__(self, inner: Any, name: str) -> None:
        self._inner = inner
        self._name = name
        self._left = MAX_UNPACKED

    def read(self, size: int = -1) -> bytes:
        """Bytes, at most so many."""
        return self._counted(self._inner.read, size)

    def readline(self, size: int = -1) -> bytes:
        """A line, at most so long."""
        return self._counted(self._inner.readline, size)

    def _counted(self, take: Callable[[int], bytes], size: int) -> bytes:
        data = take(min(size, self._left + 1) if size >= 0 else self._left + 1)
        self._left -= len(data)
        if self._left < 0:
            raise TooLarge(what=self._name, size=MAX_UNPACKED + 1, limit=MAX_UNPACKED, unit="bytes or more")
        return data


def _moment(value: object) -> datetime:
    if isinstance(value, bool):
        raise TypeError(value)
    if isinstance(value, (int, float)):
        if not math.isfinite(value):
            raise ValueError(value)
        return datetime.fromtimestamp(value / 1000 if abs(value) >= MILLISECONDS else value, tz=timezone.utc)
    found = _DATETIME.validate_python(value)
    return found if found.tzinfo is not None else found.replace(tzinfo=timezone.utc)


def _refuse(constant: str) -> object:
    raise ValueError(f"{constant} is no number")
