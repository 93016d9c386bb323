"""Parameters that several tools take."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Annotated, Literal, Optional

from pydantic import Field

from memos_core.cli.moments import moment
from memos_core.errors import InvalidInput

MemoryId = Annotated[
    str, Field(min_length=1, max_length=64, description="Id of a memory, or its beginning, as other tools show it.")
]
Date = Annotated[
    Optional[str],
    Field(max_length=40, description="ISO date or time, e.g. 2025-03-04; a date alone means its end, in UTC."),
]
Since = Annotated[
    Optional[str], Field(max_length=40, description="ISO date or time from which it holds. Default: now.")
]
Cursor = Annotated[
    Optional[str], Field(max_length=64, description="next_cursor of the answer before, with the same other arguments.")
]
KindName = Literal[
    "episode", "document", "fact", "preference", "event", "profile", "procedure", "summary", "tool_trace"
]
Kinds = Annotated[
    Optional[list[KindName]], Field(min_length=1, max_length=9, description="Only of these kinds; by default all.")
]
DetailField = Field(
    description="concise: text, time, speaker, trust. full: also source, names, claims, metadata, state, score."
)
MAX_OFFSET = 10_000


def instant(text: str | None) -> datetime | None:
    """The moment that a date means, which is its end."""
    return None if text is None else moment(text)


def begin(cursor: str | None, *asked: object) -> int:
    """Where the page of a cursor begins; a cursor is good for what it was given for, and nothing else.

    Raises
    ------
    InvalidInput
        If it is none, or of another call.
    """
    if cursor is None:
        return 0
    number, _, _ = cursor.partition("-")
    if not (number.isascii() and number.isdigit()) or int(number) > MAX_OFFSET or onward(int(number), *asked) != cursor:
        detail = (
            "This cursor is not of such a call. Give next_cursor as it came, with the same other arguments, or none."
        )
        raise InvalidInput(detail=detail)
    return int(number)


def onward(offset: int, *asked: object) -> str:
    """The cursor of the page that begins there."""
    return f"{offset}-{hashlib.sha256(repr(asked).encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"
