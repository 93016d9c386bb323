"""Claude's data export: conversations, memory and projects, in the folder or zip that was mailed, or a file of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path

from memos_core.cube.message import Document, Message
from memos_core.infrastructure.exchange.importers.records import (
    Record,
    kept,
    mapping,
    moment,
    parts_of,
    records,
    sequence,
    text,
    told,
)
from memos_core.infrastructure.exchange.importers.source import Item, PassedOver, Said, Written

SYSTEM = "claude"
ROLES = {"human": "user", "assistant": "assistant"}


def read(path: Path) -> Iterator[Item]:
    """Read all conversations, what Claude remembers, and the documents of projects.

    Raises
    ------
    InvalidInput
        If a record is not what it should be.
    """
    parts = parts_of(path)
    for part in parts or [path.name]:
        reader = READERS.get(part.rpartition("/")[2])
        if reader is None and parts:
            yield PassedOver(part, "holds no conversations")
            continue
        for where, record in records(path, "conversations", part=part if parts else None):
            with told(where):
                yield from (reader or _conversation)(record, where)


def _conversation(record: Record, where: str) -> Iterator[Item]:
    session = f"{SYSTEM}:{text(record, 'uuid') or where}"
    began = moment(record, "created_at")
    for found in sequence(record.get("chat_messages"), '"chat_messages"'):
        message = mapping(found, f"{where}: a message")
        yield from _message(message, where, session, began, text(record, "name"))


def _message(record: Record, where: str, session: str, began: datetime | None, title: str) -> Iterator[Item]:
    number = text(record, "uuid")
    place = f"{where}, message {number}"
    at = moment(record, "created_at") or began
    for found in sequence(record.get("attachments"), '"attachments"'):
        attachment = mapping(found, f"{place}: an attachment")
        words, name = text(attachment, "extracted_content"), text(attachment, "file_name")
        if words.strip():
            yield Written(f"{place}, {name}", _document(words, name, f"{number}/{name}", at))
    words, left_out = _text(record)
    if not words.strip():
        yield PassedOver(place, "a message without text")
        return
    sender = text(record, "sender") or "human"
    files = [text(mapping(each, f"{place}: a file"), "file_name") for each in sequence(record.get("files"), '"files"')]
    metadata = kept({"title": title, "files": files, "left_out": left_out}, "title", "files", "left_out")
    role = ROLES.get(sender, sender)
    message = Message(content=words, role=role, at=at, id=f"{SYSTEM}:{number}" if number else None, metadata=metadata)
    yield Said(place, session, message)


def _text(record: Record) -> tuple[str, list[str]]:
    """The words of a message without what tools and thinking made, and the types of what was left out."""
    parts = [mapping(part, '"content"') for part in sequence(record.get("content"), '"content"')]
    words = [text(part, "text") for part in parts if part.get("type") == "text"]
    left_out = [str(part.get("type")) for part in parts if part.get("type") != "text"]
    return ("\n".join(words) if words else text(record, "text")), left_out


def _memory(record: Record, where: str) -> Iterator[Item]:
    account = text(record, "account_uuid")
    if words := text(record, "conversations_memory").strip():
        yield Written(where, _document(words, "What Claude remembers", f"memory/{account}", None))
    projects = mapping(record.get("project_memories") or {}, '"project_memories"')
    for name in sorted(projects):
        if words := text(projects, name).strip():
            yield Written(f"{where}, {name}", _document(words, f"Project {name}", f"memory/{name}", None))


def _project(record: Record, where: str) -> Iterator[Item]:
    for found in sequence(record.get("docs"), '"docs"'):
        document = mapping(found, f"{where}: a document")
        name, words = text(document, "filename"), text(document, "content")
        at = moment(document, "created_at") or moment(record, "created_at")
        place = f"{where}, {name}"
        if words.strip():
            title = " / ".join(filter(None, (text(record, "name"), name)))
            yield Written(
                place, _document(words, title, text(document, "uuid") or f"{text(record, 'uuid')}/{name}", at)
            )
        else:
            yield PassedOver(place, "empty")


def _document(words: str, title: str, number: str, at: datetime | None) -> Document:
    return Document(text=words, title=title or None, media_type="text/markdown", id=f"{SYSTEM}:{number}", at=at)


READERS: Mapping[str, Callable[[Record, str], Iterator[Item]]] = {
    "conversations.json": _conversation,
    "memories.json": _memory,
    "projects.json": _project,
}
