"""WordPiece as BERT's uncased models use it: normalise, split into words, match the longest pieces.

Written here because the usual library brings thirteen packages of networking with it
(``docs/decisions/0003-dependencies.md``); tests compare the two over generated Unicode text.

References
----------
Wu et al., Google's Neural Machine Translation System, arXiv 1609.08144; Devlin et al., BERT, arXiv 1810.04805.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

MAX_WORD = 100  # characters; a longer word is one unknown token
CACHED_WORDS = 50_000

_ASCII_TOKEN = re.compile(r"[A-Za-z0-9]+|[!-/:-@\[-`{-~]")
_ASCII_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_CJK = (
    (0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F), (0x2B740, 0x2B81F),
    (0x2B920, 0x2CEAF), (0xF900, 0xFAFF), (0x2F800, 0x2FA1F),
)  # fmt: skip


class Token(NamedTuple):
    """A piece: its id, and the stretch of characters of the original text that it stands for."""

    id: int
    start: int
    end: int


class WordPiece:
    """A tokenizer over a vocabulary.

    Parameters
    ----------
    vocabulary
        Pieces in the order of their ids; pieces within a word start with ``##``.
    """

    def __init__(self, vocabulary: Sequence[str]) -> None:
        self._ids = {piece: index for index, piece in enumerate(vocabulary)}
        self._unknown = self._ids["[UNK]"]
        self._longest = max(map(len, vocabulary))
        self._pieces = lru_cache(CACHED_WORDS)(self._match)
        self.start, self.end = self._ids["[CLS]"], self._ids["[SEP]"]

    def tokenize(self, text: str) -> list[Token]:
        """Cut a text into tokens, without the special ones around it."""
        tokens: list[Token] = []
        words = _ascii_words(text) if text.isascii() and not _ASCII_CONTROL.search(text) else _words(text)
        for word, offsets in words:
            at = 0
            for piece, length in self._pieces(word):
                tokens.append(Token(piece, offsets[at], offsets[at + length - 1] + 1))
                at += length
        return tokens

    def _match(self, word: str) -> tuple[tuple[int, int], ...]:
        """Longest pieces first, as pairs of id and length; one unknown token if any part has none."""
        unknown = ((self._unknown, len(word)),)
        if len(word) > MAX_WORD:
            return unknown
        found, start = [], 0
        while start < len(word):
            for end in range(min(len(word), start + self._longest), start, -1):
                piece = self._ids.get(word[start:end] if start == 0 else "##" + word[start:end])
                if piece is not None:
                    found.append((piece, end - start))
                    start = end
                    break
            else:
                return unknown
        return tuple(found)


def _ascii_words(text: str) -> Iterator[tuple[str, Sequence[int]]]:
    for match in _ASCII_TOKEN.finditer(text):
        yield match.group().lower(), range(match.start(), match.end())


def _words(text: str) -> Iterator[tuple[str, Sequence[int]]]:
    """Words of any text; for every character of a word the offset of the one it came from."""
    word: list[str] = []
    offsets: list[int] = []
    for char, offset in _normalised(text):
        alone = _is_punctuation(char) or _is_cjk(char)
        if (alone or char == " ") and word:
            yield "".join(word), offsets
            word, offsets = [], []
        if alone:
            yield char, [offset]
        elif char != " ":
            word.append(char)
            offsets.append(offset)
    if word:
        yield "".join(word), offsets


def _normalised(text: str) -> Iterable[tuple[str, int]]:
    """Characters without controls and accents, in lower case, every white space as a blank."""
    for offset, char in enumerate(text):
        if char in "\t\n\r" or unicodedata.category(char)[0] == "Z":
            yield " ", offset
        elif char != "\ufffd" and unicodedata.category(char)[0] != "C":
            for part in unicodedata.normalize("NFD", char):
                if unicodedata.category(part) != "Mn":
                    for lower in part.lower():
                        yield lower, offset


@lru_cache(4096)
def _is_punctuation(char: str) -> bool:
    return bool(re.match(r"[!-/:-@\[-`{-~]", char)) or unicodedata.category(char)[0] == "P"


def _is_cjk(char: str) -> bool:
    return char > "\u33ff" and any(low <= ord(char) <= high for low, high in _CJK)
