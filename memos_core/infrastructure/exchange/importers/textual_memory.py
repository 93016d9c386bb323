"""MemOS's (MemTensor) dump of a cube: ``textual_memory.json``, a list or a tree, alone or in its folder.

The other files of such a folder are a pickle, which runs code when it is read, an adapter, and a configuration with
keys in it: none of them is opened.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from memos_core.cube.memcube import Kind
from memos_core.cube.message import Note
from memos_core.infrastructure.exchange.importers.records import (
    Record,
    kept,
    mapping,
    moment,
    parts_of,
    records,
    text,
    told,
)
from memos_core.infrastructure.exchange.importers.source import Item, Noted, PassedOver

SYSTEM = "memtensor"
PART = "textual_memory.json"
KINDS = {
    "fact": Kind.FACT,
    "opinion": Kind.PREFERENCE,
    "preference": Kind.PREFERENCE,
    "event": Kind.EVENT,
    "procedure": Kind.PROCEDURE,
}
FIELDS = ("memory_type", "type", "key", "confidence", "source", "sources", "background", "user_id", "updated_at")
GONE = frozenset({"deleted", "archived"})


def read(path: Path) -> Iterator[Item]:
    """Read all memories that count; the edges of a tree say how it was stored, and are left.

    Raises
    ------
    InvalidInput
        If a record is no memory.
    """
    parts = parts_of(path)
    inside = next((part for part in parts if part.rpartition("/")[2] == PART), None)
    for part in parts:
        if part != inside:
            yield PassedOver(part, "not read: a pickle runs code" if part.endswith(".pickle") else "not read")
    for where, record in records(path, "nodes", "memories", part=inside):
        with told(where):
            yield _memory(record, where)


def _memory(record: Record, where: str) -> Item:
    words = text(record, "memory")
    about = mapping(record.get("metadata") or {}, '"metadata"')
    status = text(about, "status")
    if not words.strip():
        return PassedOver(where, "a memory without text")
    if status in GONE:
        return PassedOver(where, f"it is {status}")
    tags, entities = about.get("tags"), about.get("entities")
    note = Note(
        text=words,
        kind=KINDS.get(text(about, "type"), Kind.FACT),
        at=moment(about, "memory_time", "created_at"),
        id=f"{SYSTEM}:{record['id']}" if record.get("id") else None,
        tags=tuple(map(str, tags)) if isinstance(tags, list) else (),
        entities=tuple(map(str, entities)) if isinstance(entities, list) else (),
        metadata=kept(about, *FIELDS),
    )
    return Noted(where, note)
