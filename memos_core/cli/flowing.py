"""Text on a terminal that comes piece by piece."""

from __future__ import annotations

import re
from collections.abc import Callable

from memos_core.prompting.asking import visible

#: Characters of scripts that put no blanks between words; a line may end after any of them.
WIDE = "\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uff60"
PARTS = re.compile(rf"\n|[^\S\n]+|[{WIDE}]|[^\s{WIDE}]+")
WIDE_ONE = re.compile(f"[{WIDE}]")


class Flow:
    """Writes pieces of text as they come, wrapped at words and indented; what would do something there is taken out.

    Parameters
    ----------
    width
        Of the terminal; ``None`` writes lines as they are, as for a file.
    """

    def __init__(self, write: Callable[[str], object], *, width: int | None, indent: int = 0) -> None:
        self._write = write
        self._room = None if width is None else max(20, width - indent)
        self._margin = " " * indent
        self._column = 0
        self._gap = self._word = ""

    def add(self, piece: str) -> None:
        """Write a piece. Its last word waits until it is whole."""
        text = visible(piece)
        if self._room is None:
            self._write(text)
            return
        for part in PARTS.findall(text):
            if part == "\n":
                self._put_word()
                self._break()
            elif part.isspace():
                self._put_word()
                self._gap += part
            elif WIDE_ONE.fullmatch(part):
                self._put_word()
                self._word = part
                self._put_word()
            else:
                self._word += part

    def end(self) -> None:
        """Write what is left, and end the line."""
        self._put_word()
        self._write("\n")
        self._column = 0

    def _put_word(self) -> None:
        from rich.cells import cell_len

        if not self._word:
            return
        size = cell_len(self._gap + self._word)
        if self._column and self._room is not None and self._column + size > self._room:
            self._break()
            size = cell_len(self._word)
        self._write((self._margin if self._column == 0 else "") + self._gap + self._word)
        self._column += size
        self._gap = self._word = ""

    def _break(self) -> None:
        self._write("\n")
        self._column, self._gap = 0, ""
