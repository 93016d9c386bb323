"""A JSON array read member by member, so that a file of any length fits into memory."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from typing import Any, BinaryIO

from memos_core.errors import InvalidInput, InvalidText, TooLarge

CHUNK = 1024 * 1024  # bytes
MAX_MEMBER = 8 * 1024 * 1024  # characters
BLANK = " \t\r\n"
ENDS = {*BLANK, *",]"}  # what can come right after a value


def members(stream: BinaryIO, name: str, *, most: int | None = None) -> Iterator[tuple[int, Any]]:
    """Members of the array that a stream holds, each with the line it begins on.

    Parameters
    ----------
    name
        Of the file, for errors.
    most
        Characters of one member; by default as many as a message may have.

    Raises
    ------
    InvalidInput
        If the stream holds anything but one JSON array in UTF-8. What came before the fault has been yielded.
    """
    window = _Window(name, stream, most or MAX_MEMBER)
    window.take("[")
    mark = window.peek()
    if mark == "]":
        window.take("]")
    while mark != "]":
        window.peek()
        yield window.line, window.value()
        mark = window.take(",]")
    if window.peek():
        raise window.fault("something follows the end of the list")


class _Window:
    """The part of a file that is being read; it moves on with what is taken."""

    def __init__(self, name: str, stream: BinaryIO, most: int) -> None:
        self._name = name
        self._most = most
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self._json = json.JSONDecoder()
        self._text = ""
        self._start = 0  # of what has not been taken yet
        self.line = 1

    def peek(self) -> str:
        """The next character that is not blank; an empty text at the end."""
        while True:
            rest = self._text[self._start :].lstrip(BLANK)
            self._move(len(self._text) - self._start - len(rest))
            if rest or not self._fill():
                return rest[:1]

    def take(self, expected: str) -> str:
        """Move past one of the expected characters."""
        found = self.peek()
        if not found or found not in expected:
            wanted = " or ".join(repr(character) for character in expected)
            raise self.fault(f"{wanted} is expected, and {repr(found) if found else 'the end of the file'} found")
        self._move(1)
        return found

    def value(self) -> Any:
        """Move past a JSON value."""
        while True:
            try:
                value, end = self._json.raw_decode(self._text, self._start)
            except (ValueError, RecursionError) as error:
                if not self._fill():
                    raise self.fault(str(error)) from error
                continue
            if self._text[end : end + 1] not in ENDS and self._fill():
                continue  # the rest of a number may follow: "0" of "0.5"
            self._move(end - self._start)
            return value

    def fault(self, what: str) -> InvalidInput:
        """An error that names the line reached."""
        return InvalidInput(detail=f"{self._name}, line {self.line}: this is not a list in JSON ({what}).")

    def _move(self, characters: int) -> None:
        self.line += self._text.count("\n", self._start, self._start + characters)
        self._start += characters

    def _fill(self) -> bool:
        if len(self._text) - self._start > self._most:
            where = f"{self._name}, line {self.line}: a message"
            raise TooLarge(what=where, size=len(self._text) - self._start, limit=self._most, unit="characters or more")
        # As much again as there is, so that a long member is not parsed from its start once for each small piece.
        data = self._stream.read(max(CHUNK, len(self._text) - self._start))
        try:
            more = self._decoder.decode(data, final=not data)
        except UnicodeDecodeError as error:
            detail = f"{self._name}, after line {self.line}: this is not UTF-8 ({error.reason}). Convert the file."
            raise InvalidText(detail=detail) from error
        self._text = self._text[self._start :] + more
        self._start = 0
        return bool(data)
