"""Portable AI Memory 1.0 (portable-ai-memory.org): ``memory-store.json``, and a file for each conversation."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import rfc8785

from memos_core.cube.memcube import Kind, MemCube, State
from memos_core.infrastructure.exchange.importers.pam import FIELD, SCHEMA, STORE, SYSTEM, TALK, said

VERSION = "1.0"
PLATFORM = "memos"
OWNER = "user"
TYPES = {
    Kind.FACT: "fact",
    Kind.PREFERENCE: "preference",
    Kind.PROFILE: "identity",
    Kind.PROCEDURE: "instruction",
}
SAID = frozenset({Kind.EPISODE, Kind.TOOL_TRACE})
ROLES = frozenset({"user", "assistant", "system", "tool"})

_TAG = re.compile(r"[a-z0-9][a-z0-9_-]*")


def write(cubes: Iterable[MemCube], path: Path) -> int:
    """Write a memory store: what came from one goes back as it was, and conversations get a file each."""
    memories: list[dict[str, Any]] = []
    relations: list[dict[str, Any]] = []
    talks: dict[str, list[MemCube]] = defaultdict(list)
    for cube in cubes:
        if not cube.text or cube.kind is Kind.LINK:
            continue
        if cube.kind in SAID:
            talks[cube.provenance.session or cube.id].append(cube)
        else:
            memories.append(_memory(cube))
            relations += _known(cube).get("relations", [])
    (path / "conversations").mkdir(parents=True)
    index = [_talk(path, number, name, talks[name]) for number, name in enumerate(sorted(talks), 1)]
    store = {
        "schema": SCHEMA,
        "schema_version": VERSION,
        "owner": {"id": OWNER},
        "memories": memories,
        "relations": relations,
        "conversations_index": index,
        "integrity": {
            "canonicalization": "RFC8785",
            "checksum": _checksum(memories),
            "total_memories": len(memories),
        },
    }
    _save(path / STORE, store)
    return len(memories) + sum(map(len, talks.values()))


def content_hash(text: str) -> str:
    """The digest by which equal memories of different systems are found: section 6 of the specification."""
    plain = re.sub(r"\s+", " ", unicodedata.normalize("NFC", text.strip().lower()))
    return f"sha256:{hashlib.sha256(plain.encode()).hexdigest()}"


def _memory(cube: MemCube) -> dict[str, Any]:
    known = _known(cube)
    source = cube.provenance.source_id or cube.id
    kind = TYPES.get(cube.kind, "custom")
    occurred = cube.occurred
    temporal = {
        "created_at": _iso(cube.said_at),
        "valid_from": None if occurred is None else _iso(occurred.start),
        "valid_until": None if occurred is None or occurred.end is None else _iso(occurred.end),
    }
    made: dict[str, Any] = {
        "id": source.removeprefix(f"{SYSTEM}:"),
        "type": kind,
        "custom_type": cube.kind.value if kind == "custom" else None,
        "status": "archived" if cube.state in {State.ARCHIVED, State.MERGED, State.EXPIRED} else "active",
        "content": cube.text,
        "content_hash": content_hash(cube.text),
        "tags": [tag for tag in cube.tags if _TAG.fullmatch(tag)],
        "temporal": temporal,
        "provenance": {"platform": PLATFORM},
    }
    if known:
        made |= {name: value for name, value in known.items() if name != "relations"}
        made["custom_type"] = known.get("custom_type")
    return dict(said(made))


def _talk(path: Path, number: int, name: str, cubes: Sequence[MemCube]) -> dict[str, Any]:
    """Write a conversation, and return how the store lists it."""
    ordered = sorted(cubes, key=lambda cube: (cube.provenance.position or 0, cube.said_at, cube.id))
    ref = f"conversations/{number:06d}.json"
    session = name.removeprefix(f"{SYSTEM}:")
    began = {"created_at": _iso(min(cube.said_at for cube in ordered))}
    messages = [
        {
            "id": (cube.provenance.source_id or cube.id).removeprefix(f"{name}/"),
            "role": cube.provenance.role if cube.provenance.role in ROLES else "user",
            "content": {"type": "text", "text": cube.text},
            "created_at": _iso(cube.said_at),
        }
        for cube in ordered
    ]
    title = next((cube.metadata["title"] for cube in ordered if isinstance(cube.metadata.get("title"), str)), None)
    about = said({"id": session, "title": title, "temporal": began})
    _save(
        path / ref,
        {"schema": TALK, "schema_version": VERSION, **about, "provider": {"name": PLATFORM}, "messages": messages},
    )
    storage = {"type": "file", "ref": ref, "format": "json"}
    return {**about, "platform": PLATFORM, "message_count": len(messages), "storage": storage}


def _known(cube: MemCube) -> Mapping[str, Any]:
    """What a memory store said of a memory that came from it."""
    known = cube.metadata.get(FIELD)
    return known if isinstance(known, dict) else {}


def _checksum(memories: Sequence[Mapping[str, Any]]) -> str:
    """Section 17 of the specification: of the memories by id, in RFC 8785."""
    ordered = sorted(memories, key=lambda memory: str(memory["id"]))
    return f"sha256:{hashlib.sha256(rfc8785.dumps(ordered)).hexdigest()}"


def _iso(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def _save(path: Path, held: Mapping[str, Any]) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as stream:
        json.dump(held, stream, ensure_ascii=False, indent=2)
        stream.write("\n")
