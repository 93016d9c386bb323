"""What callers hand in."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field, field_validator

from memos_core.cube.frozen import Frozen
from memos_core.errors import NaiveDatetime


class Message(Frozen):
    """A chat message.

    Attributes
    ----------
    role
        ``"user"``, ``"assistant"``, ``"tool"`` or ``"system"``.
    name
        Who speaks, when the role does not tell.
    at
        When it was said; aware. Now, if not given.
    id
        As the caller's own system names it. Adding the same id to a namespace again updates the memory.
    """

    content: str
    role: str = "user"
    name: str | None = None
    at: datetime | None = None
    id: str | None = None
    metadata: dict[str, Any] = Field(default_factory=dict)

    @field_validator("at")
    @classmethod
    def _aware(cls, at: datetime | None) -> datetime | None:
        return aware(at, "Message.at")


class Document(Frozen):
    """A text or Markdown document; it becomes one cube per passage.

    Attributes
    ----------
    media_type
        ``"text/plain"`` or ``"text/markdown"``: decides where it is cut.
    at
        When it was written; aware.
    """

    text: str
    title: str | None = None
    media_type: str = "text/plain"
    uri: str | None = None
    id: str | None = None
    at: datetime | None = None
    metadata: dict[str, Any] = Field(default_factory=dict)

    @field_validator("at")
    @classmethod
    def _aware(cls, at: datetime | None) -> datetime | None:
        return aware(at, "Document.at")


def aware(moment: datetime | None, field: str) -> datetime | None:
    """Pass an aware datetime through.

    Raises
    ------
    NaiveDatetime
        If it has no time zone.
    """
    if moment is not None and moment.utcoffset() is None:
        raise NaiveDatetime(field=field)
    return moment
