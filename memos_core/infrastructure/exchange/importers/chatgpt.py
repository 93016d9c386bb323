"""ChatGPT's data export: ``conversations.json``, alone, in its folder or in the zip that was mailed.

A conversation is a tree, since answers can be asked for again and questions changed; what is taken is the branch that
the user left it at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from memos_core.cube.memcube import Kind
from memos_core.cube.message import Message, Note
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
from memos_core.infrastructure.exchange.importers.source import Item, Noted, PassedOver, Said

SYSTEM = "chatgpt"
PART = re.compile(r"(.*/)?conversations(-\d+)?\.json")
REASONING = frozenset({"thoughts", "reasoning_recap"})
ABOUT = {"user_profile": Kind.PROFILE, "user_instructions": Kind.PROCEDURE}  # fields of custom instructions


def read(path: Path) -> Iterator[Item]:
    """Read all conversations.

    Raises
    ------
    InvalidInput
        If a conversation is none.
    """
    every = parts_of(path)
    yield from (PassedOver(part, "holds no conversations") for part in every if not PART.fullmatch(part))
    parts: list[str | None] = [part for part in every if PART.fullmatch(part)]
    for part in parts or [None]:
        for where, record in records(path, "conversations", part=part):
            with told(where):
                yield from _conversation(record, where)


def _conversation(record: Record, where: str) -> Iterator[Item]:
    name = text(record, "conversation_id", "id") or where
    session = f"{SYSTEM}:{name}"
    nodes = mapping(record.get("mapping") or {}, '"mapping"')
    branch = _branch(nodes, record.get("current_node"))
    began = moment(record, "create_time")
    for node in branch:
        found = nodes[node].get("message")
        if found:
            yield from _message(mapping(found, '"message"'), where, session, began, kept(record, "title"))
    left = sum(
        1 for name, node in nodes.items() if name not in branch and isinstance(node, dict) and node.get("message")
    )
    if left:
        yield PassedOver(where, f"{left} messages of branches that were left")


def _branch(nodes: Record, leaf: object) -> dict[str, None]:
    """Names of nodes from the root to a leaf; without a leaf, to the one that was written last."""
    at = leaf if isinstance(leaf, str) and leaf in nodes else _last(nodes)
    path: list[str] = []
    seen: set[str] = set()
    while isinstance(at, str) and at in nodes and at not in seen:
        seen.add(at)
        path.append(at)
        at = mapping(nodes[at], f"node {at}").get("parent")
    return dict.fromkeys(reversed(path))


def _last(nodes: Record) -> str | None:
    def written(name: str) -> float:
        message = mapping(nodes[name], f"node {name}").get("message")
        made = message.get("create_time") if isinstance(message, dict) else None
        return float(made) if isinstance(made, (int, float)) else 0.0

    return max(nodes, key=written, default=None)


def _message(record: Record, where: str, session: str, began: datetime | None, about: dict[str, Any]) -> Iterator[Item]:
    number = text(record, "id")
    place = f"{where}, message {number}"
    content = mapping(record.get("content") or {}, f'{place}: "content"')
    kind = text(content, "content_type") or "text"
    metadata = mapping(record.get("metadata") or {}, f'{place}: "metadata"')
    author = mapping(record.get("author") or {}, f'{place}: "author"')
    if kind == "user_editable_context":
        yield from _about(content, place)
        return
    if metadata.get("is_visually_hidden_from_conversation"):
        yield PassedOver(place, "hidden from the user, too")
        return
    if kind in REASONING:
        yield PassedOver(place, "a model's reasoning")
        return
    said, left_out = _text(content)
    if not said.strip():
        yield PassedOver(place, "a message without text")
        return
    known = {**about, **kept(metadata, "model_slug"), **({"left_out": left_out} if left_out else {})}
    message = Message(
        content=said,
        role=text(author, "role") or "user",
        name=text(author, "name") or None,
        at=moment(record, "create_time") or began,
        id=f"{SYSTEM}:{number}" if number else None,
        metadata=known,
    )
    yield Said(place, session, message)


def _about(content: Record, place: str) -> Iterator[Item]:
    """What the user has said of himself once and for all; it stands in every conversation."""
    for field, kind in ABOUT.items():
        if words := text(content, field).strip():
            yield Noted(f"{place}, {field}", Note(text=words, kind=kind, id=f"{SYSTEM}:{field}"))


def _text(content: Record) -> tuple[str, list[str]]:
    """The words of a message, and the types of those parts of it that are none."""
    if "parts" not in content:
        return text(content, "text", "result", "content"), []
    words: list[str] = []
    left_out: list[str] = []
    for part in sequence(content["parts"], '"parts"'):
        if isinstance(part, str):
            words.append(part)
        elif isinstance(part, dict) and isinstance(part.get("text"), str):
            words.append(part["text"])
        elif isinstance(part, dict):
            left_out.append(str(part.get("content_type", "unknown")))
    return "\n".join(words), left_out
