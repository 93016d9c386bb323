"""Which format a file or folder is in, as far as its first bytes and its names say."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

from memos_core.errors import UnknownFormat
from memos_core.infrastructure.exchange.importers import documents, textual_memory
from memos_core.infrastructure.exchange.importers.records import parts_of, start_of

SUFFIXES = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "table",
    ".tsv": "table",
    ".af": "letta",
    ".json": "chat",
    **dict.fromkeys(documents.MEDIA_TYPES, "document"),
}
#: What a list in JSON is, by the first of these that is a name in it. Inside a text a quotation mark stands behind a
#: backslash, so that no text is taken for one.
LISTS = (
    (rb'"mapping"\s*:', "chatgpt"),
    (rb'"chat_messages"\s*:|"conversations_memory"\s*:|"prompt_template"\s*:', "claude"),
    (rb'"memory_type"\s*:', "memtensor"),
    (rb'"memory"\s*:', "mem0"),
    (rb'"role"\s*:|"content"\s*:', "chat"),
)
#: The same of an object.
OBJECTS = (
    (rb'"schema"\s*:\s*"portable-ai-memory', "pam"),
    (rb'"agent_type"\s*:|"core_memory"\s*:', "letta"),
    (rb'"nodes"\s*:', "memtensor"),
    (rb'"conversations_memory"\s*:', "claude"),
    (rb'"results"\s*:|"memories"\s*:', "mem0"),
)
#: What a folder or zip is, by the name of a file in it.
PARTS = ((r"textual_memory\.json", "memtensor"), (r"memory-store\.json", "pam"))
_KNOWN = (
    f"Known are {', '.join(SUFFIXES)}, folders and zips of exports. If it is one of these under another "
    "name, say which: --format, of those that docs/IMPORT.md lists."
)
TALKS = re.compile(r"conversations(-\d+)?\.json")


def detect(path: Path) -> str:
    """Name the format of a file or folder.

    Raises
    ------
    UnknownFormat
        If no importer understands it.
    InvalidInput
        If it cannot be read.
    """
    if path.is_dir() or path.suffix.lower() == ".zip":
        return _of_parts(path)
    start = start_of(path)
    name = SUFFIXES.get(path.suffix.lower())
    if path.name == textual_memory.PART:
        return "memtensor"
    if name == "jsonl":
        return _of_line(start)
    if name == "chat":
        name = _of(start, LISTS if start[:1] == b"[" else OBJECTS) or ("chat" if start[:1] == b"[" else None)
    if name is None:
        raise UnknownFormat(path=path, detail=_KNOWN)
    return name


def _of_parts(path: Path) -> str:
    parts = {part.rpartition("/")[2]: part for part in parts_of(path)}
    for pattern, name in PARTS:
        if any(re.fullmatch(pattern, each) for each in parts):
            return name
    talks = [part for each, part in parts.items() if TALKS.fullmatch(each)]
    if talks:
        found = _of(start_of(path, talks[0]), LISTS)
        if found in {"chatgpt", "claude"}:
            return found
    if path.is_dir():
        return "document"
    raise UnknownFormat(path=path, detail="It holds no conversations.json, memory-store.json or textual_memory.json.")


def _of_line(start: bytes) -> str:
    try:
        record = json.loads(start.partition(b"\n")[0])
    except (ValueError, RecursionError):
        return "jsonl"  # which says what is wrong with it
    if not isinstance(record, Mapping):
        return "jsonl"
    if record.get("type") in {"entity", "relation"} and "content" not in record:
        return "mcp"
    return "table" if "content" not in record and ("text" in record or "memory" in record) else "jsonl"


def _of(start: bytes, known: tuple[tuple[bytes, str], ...]) -> str | None:
    return next((name for pattern, name in known if re.search(pattern, start)), None)
