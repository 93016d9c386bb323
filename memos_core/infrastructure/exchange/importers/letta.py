"""Letta's agent file (``.af``): what the agent knows and what was said. Its tools are code, and stay behind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from memos_core.cube.memcube import Kind
from memos_core.cube.message import Message, Note
from memos_core.infrastructure.exchange.importers.records import (
    Record,
    kept,
    mapping,
    moment,
    sequence,
    text,
    told,
    whole,
)
from memos_core.infrastructure.exchange.importers.source import Item, Noted, PassedOver, Said

SYSTEM = "letta"
ROLES = frozenset({"user", "assistant"})  # the rest is made up of what is here anyway, or of calls of tools
LEFT = ("tools", "sources", "files", "groups", "mcp_servers")  # lists of an agent file that hold no memory


def read(path: Path) -> Iterator[Item]:
    """Read memory blocks and messages of an agent file; the older form has one agent and no list of agents.

    Raises
    ------
    InvalidInput
        If it is none.
    """
    held = whole(path)
    name = text(held, "name") or path.stem
    yield from _blocks(held.get("blocks") or held.get("core_memory"), path.name, name)
    agents = sequence(held.get("agents"), '"agents"') or ([held] if "messages" in held else [])
    for number, found in enumerate(agents, 1):
        agent = mapping(found, f"{path.name}, agent {number}")
        called = text(agent, "name") or name
        yield from _blocks(agent.get("memory_blocks"), path.name, called)
        yield from _messages(agent, f"{path.name}, agent {called}", f"{SYSTEM}:{called}")
    for left in LEFT:
        for each in sequence(held.get(left), f'"{left}"'):
            known = mapping(each, f"{path.name}: {left}")
            yield PassedOver(f"{path.name}, {text(known, 'name') or left}", f"of {left}, which are not memories")


def _blocks(found: object, file: str, agent: str) -> Iterator[Item]:
    for number, each in enumerate(sequence(found, '"blocks"'), 1):
        where = f"{file}, block {number}"
        with told(where):
            block = mapping(each, where)
            label, words = text(block, "label"), text(block, "value")
            if not words.strip():
                yield PassedOver(where, f"the block {label} is empty")
                continue
            note = Note(
                text=words,
                kind=Kind.PROFILE,
                id=f"{SYSTEM}:{agent}/{label or number}",
                tags=tuple(filter(None, (label,))),
                metadata=kept(block, "description"),
            )
            yield Noted(where, note)


def _messages(agent: Record, where: str, session: str) -> Iterator[Item]:
    for number, each in enumerate(sequence(agent.get("messages"), '"messages"'), 1):
        place = f"{where}, message {number}"
        with told(place):
            record = mapping(each, place)
            role = text(record, "role")
            words = _text(record.get("content") or record.get("text"), place)
            if role not in ROLES:
                yield PassedOver(place, f"said by {role or 'nobody'}")
            elif not words.strip():
                yield PassedOver(place, "a message without text")
            else:
                message = Message(
                    content=words,
                    role=role,
                    name=text(record, "name") or None,
                    at=moment(record, "created_at", "date"),
                    id=f"{session}/{text(record, 'id') or number}",
                )
                yield Said(place, session, message)


def _text(content: object, place: str) -> str:
    if isinstance(content, str) or content is None:
        return content or ""
    parts = [mapping(part, place) for part in sequence(content, "A message's content")]
    return "\n".join(text(part, "text") for part in parts if part.get("type", "text") == "text")
