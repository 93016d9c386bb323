"""The one check that every text passes before it becomes a memory, or a question."""

from __future__ import annotations

import re

from memos_core.errors import InvalidText, TooLarge

MAX_CHARACTERS = 1_000_000
_SURROGATE = re.compile("[\ud800-\udfff]")


def checked(text: str, what: str) -> str:
    """Pass a text through as it is.

    Raises
    ------
    InvalidText
        If it is blank, or holds NUL characters or lone surrogates.
    TooLarge
        If it has more than a million characters.
    """
    if not text.strip():
        raise InvalidText(detail=f"{what} has no text. There is nothing to remember in it.")
    return sound(text, what)


def sound(text: str, what: str) -> str:
    """Pass a text through that may be blank.

    Raises
    ------
    InvalidText
        If it is no text, or holds NUL characters or lone surrogates.
    TooLarge
        If it has more than a million characters.
    """
    if not isinstance(text, str):
        raise InvalidText(detail=f"{what} must be a text, and is a {type(text).__name__}.")
    if len(text) > MAX_CHARACTERS:
        raise TooLarge(what=what, size=len(text), limit=MAX_CHARACTERS, unit="characters")
    if "\0" in text:
        raise InvalidText(
            detail=f"{what} has a NUL character at {text.index(chr(0))}. Remove it, or decode the text anew."
        )
    if found := _SURROGATE.search(text):
        raise InvalidText(
            detail=f"{what} has a lone surrogate at {found.start()}. Decode it with errors='replace' and try again."
        )
    return text
