"""What callers hand in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from memos_core.cube.claim import Claim
from memos_core.cube.frozen import Frozen, problems
from memos_core.cube.memcube import Kind
from memos_core.errors import InvalidInput, NaiveDatetime, TooLarge

MAX_NAME = 4096  # characters


class Given(Frozen):
    """A value that a caller makes: what is wrong with it, a misspelt field too, is told as an :class:`InvalidInput`."""

    model_config = ConfigDict(extra="forbid")

    def __init__(self, **fields: Any) -> None:
        try:
            super().__init__(**fields)
        except ValidationError as error:
            for problem in error.errors():
                cause = problem.get("ctx", {}).get("error")
                if isinstance(cause, InvalidInput):
                    raise cause from error
            raise InvalidInput(detail=f"This is no {type(self).__name__}: {problems(error)}") from error


class Message(Given):
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

    @field_validator("role", "name", "id")
    @classmethod
    def _short(cls, given: str | None, field: ValidationInfo) -> str | None:
        return name(given, f"Message.{field.field_name}")


class Document(Given):
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

    @field_validator("title", "uri", "id")
    @classmethod
    def _short(cls, given: str | None, field: ValidationInfo) -> str | None:
        return name(given, f"Document.{field.field_name}")


class Note(Given):
    """Something known, as another system noted it: one cube, in the words of the note.

    Attributes
    ----------
    kind
        What it is, such as ``Kind.FACT``.
    at, until
        From when to when it held, or when it happened; aware. Without ``at`` nothing is known of that.
    id
        As its own system names it. Adding the same id to a namespace again updates the memory.
    uri
        Where to find it there.
    speaker
        Whose words they are.
    entities
        Names in it; those that the text is seen to name are added.
    claims
        What it says; if not given, what the text is seen to say.
    derived_from
        Versions of the memories that it was read out of. It goes with the first of them that is forgotten, replaced
        or erased; that something has changed since they were said is for its own claims to tell.
    """

    text: str
    kind: Kind = Kind.FACT
    at: datetime | None = None
    until: datetime | None = None
    id: str | None = None
    uri: str | None = None
    speaker: str | None = None
    tags: tuple[str, ...] = ()
    entities: tuple[str, ...] = ()
    claims: tuple[Claim, ...] | None = None
    derived_from: tuple[str, ...] = ()
    metadata: dict[str, Any] = Field(default_factory=dict)

    @field_validator("at", "until")
    @classmethod
    def _aware(cls, at: datetime | None, field: ValidationInfo) -> datetime | None:
        return aware(at, f"Note.{field.field_name}")

    @field_validator("until")
    @classmethod
    def _after(cls, until: datetime | None, field: ValidationInfo) -> datetime | None:
        start = field.data.get("at")
        if until is not None and (start is None or until < start):
            raise InvalidInput(detail=f"A Note that holds until {until} must say since when; at is {start}.")
        return until

    @field_validator("id", "uri", "speaker")
    @classmethod
    def _short(cls, given: str | None, field: ValidationInfo) -> str | None:
        return name(given, f"Note.{field.field_name}")


def messages(given: str | Message | Note | Sequence[object]) -> list[Message]:
    """Read a text, a message, or a sequence of messages or of mappings with their fields.

    Raises
    ------
    InvalidInput
        For anything else.

    Examples
    --------
    >>> messages([{"role": "user", "content": "Hello"}])[0].content
    'Hello'
    """
    if isinstance(given, str):
        return [Message(content=given)]
    if isinstance(given, Message):
        return [given]
    if not isinstance(given, Sequence) or isinstance(given, (bytes, bytearray)):
        raise InvalidInput(detail=f"A text, messages or a document can be added, and this is a {type(given).__name__}.")
    return [_message(item) for item in given]


def _message(item: object) -> Message:
    if isinstance(item, Message):
        return item
    if isinstance(item, Mapping):
        return Message(**item)
    raise InvalidInput(detail=f"{item!r} is neither a Message nor a mapping with its fields.")


def aware(moment: datetime | None, field: str) -> datetime | None:
    """Pass an aware datetime through.

    Raises
    ------
    NaiveDatetime
        If it has no time zone.
    InvalidInput
        If it is no datetime.
    """
    if moment is not None and not isinstance(moment, datetime):
        raise InvalidInput(detail=f"{field} must be an aware datetime, and is {moment!r}.")
    if moment is not None and moment.utcoffset() is None:
        raise NaiveDatetime(field=field)
    return moment


def name(given: str | None, field: str) -> str | None:
    """Pass a name through.

    Raises
    ------
    InvalidInput
        If it is no text.
    TooLarge
        If it has more than 4,096 characters.
    """
    if given is not None and not isinstance(given, str):
        raise InvalidInput(detail=f"{field} must be a text, and is {given!r}.")
    if given is not None and len(given) > MAX_NAME:
        raise TooLarge(what=field, size=len(given), limit=MAX_NAME, unit="characters")
    return given


def names(given: str | Iterable[str], field: str) -> tuple[str, ...]:
    """Read a name or several; a single one is not taken for its letters.

    Raises
    ------
    InvalidInput
        If anything in it is no text.
    TooLarge
        If one has more than 4,096 characters.
    """
    if not isinstance(given, Iterable):
        raise InvalidInput(detail=f"{field} must be texts, and is {given!r}.")
    found = (given,) if isinstance(given, str) else tuple(given)
    for each in found:
        if name(each, f"One of {field}") is None:
            raise InvalidInput(detail=f"One of {field} is None.")
    return found
