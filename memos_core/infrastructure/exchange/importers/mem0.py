"""mem0's export: what ``get_all()`` returns, as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from memos_core.cube.message import Note
from memos_core.infrastructure.exchange.importers.records import kept, mapping, moment, records, text, told
from memos_core.infrastructure.exchange.importers.source import Item, Noted, PassedOver

SYSTEM = "mem0"
OWNERS = ("user_id", "agent_id", "run_id", "app_id", "actor_id")
FIELDS = (*OWNERS, "role", "hash", "updated_at", "score", "expiration_date")


def read(path: Path) -> Iterator[Item]:
    """Read all memories.

    Raises
    ------
    InvalidInput
        If a record is no memory.
    """
    for where, record in records(path, "results", "memories"):
        with told(where):
            words = text(record, "memory", "data", "text")
            if not words.strip():
                yield PassedOver(where, "a memory without text")
                continue
            given = dict(mapping(record.get("metadata") or {}, '"metadata"'))
            tags = record.get("categories")
            number = record.get("id")
            note = Note(
                text=words,
                at=moment(record, "created_at"),
                id=None if number is None else f"{SYSTEM}:{number}",
                tags=tuple(map(str, tags)) if isinstance(tags, list) else (),
                metadata={**given, **kept(record, *FIELDS)},
            )
            yield Noted(where, note)
