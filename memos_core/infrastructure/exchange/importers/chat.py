"""Lists of chat messages in JSON, as the OpenAI API and those that follow it write them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from memos_core.cube.message import Message
from memos_core.errors import InvalidInput
from memos_core.infrastructure.exchange.importers.array import members
from memos_core.infrastructure.exchange.importers.source import Item, PassedOver, Said, located, opened, source_name

DATES = ("at", "timestamp", "created_at", "create_time")
TEXT_PARTS = frozenset({"text", "input_text", "output_text"})


def read(path: Path) -> Iterator[Item]:
    """Read a list of messages; the file is one conversation.

    Messages without text, such as a bare call of a tool, are passed over. Fields that are not ours become metadata.

    Raises
    ------
    InvalidInput
        If a member of the list is no message.
    """
    source = source_name(path)
    with opened(path) as stream:
        for line, record in members(stream, path.name):
            where = f"{path.name}, line {line}"
            with located(where):
                message = _message(record, f"{source}:{line}", source)
            yield Said(where, source, message) if message else PassedOver(where, "a message without text")


def _message(record: object, fallback: str, source: str) -> Message | None:
    if not isinstance(record, Mapping) or "content" not in record:
        raise InvalidInput(detail='A chat message is an object with "role" and "content".')
    fields = {key: value for key, value in record.items() if value is not None and key not in {"role", "content"}}
    text, left_out = _text(record["content"])
    if not text.strip():
        return None
    date = next((key for key in DATES if key in fields), "at")
    number = fields.pop("id", fallback)
    known = {
        "role": record.get("role", "user"),
        "content": text,
        "name": fields.pop("name", None),
        "at": fields.pop(date, None),
        "id": f"{source}#{number}" if isinstance(number, int) else number,
    }
    given = fields.pop("metadata", {})
    if not isinstance(given, Mapping):
        raise InvalidInput(detail='"metadata" must be an object.')
    return Message(**known, metadata={**fields, **given, **({"left_out": left_out} if left_out else {})})


def _text(content: object) -> tuple[str, list[str]]:
    """The text of a message, and the types of those parts of it that are none."""
    if content is None or isinstance(content, str):
        return content or "", []
    if not isinstance(content, list):
        raise InvalidInput(detail=f'"content" must be a text or a list of parts, and is a {type(content).__name__}.')
    parts = [_part(part) for part in content]
    return "\n".join(text for kind, text in parts if kind is None), [kind for kind, _ in parts if kind is not None]


def _part(part: object) -> tuple[str | None, str]:
    """The text of a part, or its type if it is none."""
    if isinstance(part, str):
        return None, part
    if not isinstance(part, Mapping):
        raise InvalidInput(detail=f"A part of a message is a text or an object, and this is a {type(part).__name__}.")
    kind, text = part.get("type", "text"), part.get("text")
    return (None, text) if kind in TEXT_PARTS and isinstance(text, str) else (str(kind), "")
