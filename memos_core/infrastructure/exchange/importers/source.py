"""What importers yield, and how they name and open the files that it comes from."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple, Union

from memos_core.cube.canonical import sha256
from memos_core.cube.message import Document, Message, Note
from memos_core.errors import InvalidInput, InvalidText


class Said(NamedTuple):
    """A message.

    Attributes
    ----------
    where
        File and line, for people.
    session
        The conversation it belongs to.
    """

    where: str
    session: str
    message: Message


class Written(NamedTuple):
    """A document; ``where`` is its file, for people."""

    where: str
    document: Document


class Noted(NamedTuple):
    """A fact, preference or the like; ``where`` is its file and record, for people."""

    where: str
    note: Note


class PassedOver(NamedTuple):
    """Something with nothing to remember in it, and why."""

    where: str
    why: str


Item = Union[Said, Written, Noted, PassedOver]


def source_name(path: Path) -> str:
    """An id for a file: its name, and a digest of its folder, so that two of one name are told apart.

    The folder's own name stays out, for memories travel and it may be private.
    """
    folder = str(path.resolve().parent).encode("utf-8", "surrogateescape")
    return f"{path.name}@{sha256(folder)[:8]}"


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Open a file to read its bytes.

    Raises
    ------
    InvalidInput
        If it cannot be read, or only once.
    """
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise InvalidInput(
            detail=f"{path} is no file that can be read twice. Save what comes from there, and import that."
        )
    try:
        with path.open("rb") as stream:
            yield stream
    except OSError as error:
        raise InvalidInput(detail=f"{path} cannot be read: {error.strerror}.") from error


@contextmanager
def located(where: str) -> Iterator[None]:
    """Say in an error where the bad record is.

    Raises
    ------
    InvalidInput
        In place of the one raised inside.
    """
    try:
        yield
    except InvalidInput as error:
        raise InvalidInput(detail=f"{where}: {error}") from error


def decoded(data: bytes, path: Path, *, line: int = 1) -> str:
    """Text of bytes in UTF-8; a mark at the start of the file is no part of it.

    Parameters
    ----------
    line
        On which the bytes begin, counted from 1.

    Raises
    ------
    InvalidText
        If they are not UTF-8.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        at = line + data.count(b"\n", 0, error.start)
        detail = f"{path.name}, line {at}: this is not UTF-8 ({error.reason}). Convert the file to UTF-8 and try again."
        raise InvalidText(detail=detail) from error
    return text.removeprefix("\ufeff") if line == 1 else text
