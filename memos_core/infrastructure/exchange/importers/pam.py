"""Portable AI Memory 1.0 (portable-ai-memory.org): ``memory-store.json``, and conversations beside it."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from memos_core.cube.memcube import Kind
from memos_core.cube.message import Message, Note
from memos_core.errors import InvalidInput
from memos_core.infrastructure.exchange.importers.records import (
    Record,
    kept,
    mapping,
    moment,
    parts_of,
    sequence,
    text,
    texts,
    told,
    whole,
)
from memos_core.infrastructure.exchange.importers.source import Item, Noted, PassedOver, Said

SYSTEM = "pam"
SCHEMA, TALK = "portable-ai-memory", "portable-ai-memory-conversation"
STORE = "memory-store.json"
FIELD = "pam"  # metadata: what else the record said
KINDS = {
    "preference": Kind.PREFERENCE,
    "instruction": Kind.PROCEDURE,
    "skill": Kind.PROFILE,
    "identity": Kind.PROFILE,
    "relationship": Kind.FACT,
    "project": Kind.FACT,
}
FIELDS = ("type", "custom_type", "summary", "confidence", "temporal", "provenance", "access", "metadata")


def read(path: Path) -> Iterator[Item]:
    """Read the memories that are active, and the conversations that are there.

    Raises
    ------
    InvalidInput
        If it is no memory store of version 1, or a record in it is none.
    """
    parts = parts_of(path)
    inside = next((part for part in parts if posixpath.basename(part) == STORE), None)
    held = whole(path, inside)
    if held.get("schema") == TALK:
        yield from _conversation(held, path.name)
        return
    if held.get("schema") != SCHEMA or not str(held.get("schema_version", "")).startswith("1."):
        raise InvalidInput(detail=f'{inside or path.name}: "schema" must be "{SCHEMA}", of version 1.')
    related = _relations(held)
    for number, each in enumerate(sequence(held.get("memories"), '"memories"'), 1):
        where = f"{inside or path.name}, memory {number}"
        with told(where):
            record = mapping(each, where)
            yield _memory(record, where, related.get(text(record, "id"), []))
    for part in parts:
        if part == inside:
            continue
        talk = whole(path, part) if part.endswith(".json") else {}
        if talk.get("schema") == TALK:
            yield from _conversation(talk, part)
        else:
            yield PassedOver(part, "neither memories nor a conversation")


def said(value: Any) -> Any:
    """A value without fields that are null: the validator of the format takes its checksum of what says something."""
    if isinstance(value, dict):
        return {name: said(each) for name, each in value.items() if each is not None}
    return [said(each) for each in value] if isinstance(value, list) else value


def _relations(held: Record) -> dict[str, list[Record]]:
    """Relations, by the memory that they begin at: they go with it."""
    found: dict[str, list[Record]] = {}
    for each in sequence(held.get("relations"), '"relations"'):
        relation = mapping(each, "A relation")
        found.setdefault(text(relation, "from"), []).append(relation)
    return found


def _memory(record: Record, where: str, relations: list[Record]) -> Item:
    words, status = text(record, "content"), text(record, "status") or "active"
    if not words.strip():
        return PassedOver(where, "a memory without text")
    if status != "active":
        return PassedOver(where, f"it is {status}")
    times = mapping(record.get("temporal") or {}, '"temporal"')
    began = moment(times, "valid_from", "created_at")
    ended = moment(times, "valid_until")
    number = text(record, "id")
    kind = text(record, "custom_type") if record.get("type") == "custom" else text(record, "type")
    note = Note(
        text=words,
        kind=Kind(kind)
        if kind in {each.value for each in Kind} - {Kind.LINK.value, Kind.ACTIVATION.value}
        else KINDS.get(kind, Kind.FACT),
        at=began,
        until=ended if began is not None and ended is not None and ended >= began else None,
        id=f"{SYSTEM}:{number}" if number else None,
        tags=texts(record, "tags"),
        metadata={FIELD: said({**kept(record, *FIELDS), **({"relations": relations} if relations else {})})},
    )
    return Noted(where, note)


def _conversation(held: Record, part: str) -> Iterator[Item]:
    session = f"{SYSTEM}:{text(held, 'id') or part}"
    began = moment(mapping(held.get("temporal") or {}, f'{part}: "temporal"'), "created_at")
    for number, each in enumerate(sequence(held.get("messages"), '"messages"'), 1):
        where = f"{part}, message {number}"
        with told(where):
            yield _message(mapping(each, where), where, session, began, kept(held, "title"))


def _message(record: Record, where: str, session: str, began: datetime | None, about: Record) -> Item:
    content = mapping(record.get("content") or {}, '"content"')
    parts = [mapping(part, '"parts"') for part in sequence(content.get("parts"), '"parts"')]
    words = text(content, "text") or "\n".join(filter(None, (text(part, "text") for part in parts)))
    if record.get("is_thought"):
        return PassedOver(where, "a model's reasoning")
    if not words.strip():
        return PassedOver(where, "a message without text")
    number = text(record, "id")
    message = Message(
        content=words,
        role=text(record, "role") or "user",
        at=moment(record, "created_at") or began,
        id=f"{session}/{number}" if number else None,
        metadata=dict(about),
    )
    return Said(where, session, message)
