"""A tree of notes that people can read and change: a folder for each namespace, a file for each memory."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from memos_core.cube.memcube import Kind, MemCube
from memos_core.infrastructure.exchange.frontmatter import dumped

SLUG = 48  # characters of a name that come from a text
TAIL = 12  # characters of a name that come from an id


def write(cubes: Iterable[MemCube], path: Path) -> int:
    """Write a tree of notes; what importing it gives back are the texts, kinds, times, tags, ids and metadata."""
    path.mkdir(parents=True)
    count = 0
    for cube in cubes:
        if cube.kind is Kind.LINK or not cube.text:
            continue
        folder = path.joinpath(*map(slug, cube.namespace))
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / _name(cube)).open("w", encoding="utf-8", newline="\n") as stream:
            stream.write(dumped(_fields(cube), cube.text))
        count += 1
    return count


def slug(text: str) -> str:
    """A text as a part of a file name that every system takes."""
    plain = re.sub(r"[^a-z0-9]+", "-", text.casefold()).strip("-")[:SLUG].strip("-")
    return plain or "note"


def _name(cube: MemCube) -> str:
    provenance = cube.provenance
    place = "" if provenance.position is None else f"{provenance.position:06d}-"
    talk = f"{slug(provenance.session or provenance.source_id or '')}-" if place else ""
    return f"{talk}{place}{slug(cube.text)}-{slug(cube.id[-TAIL:])}.md"


def _fields(cube: MemCube) -> dict[str, Any]:
    provenance, occurred = cube.provenance, cube.occurred
    return {
        "id": provenance.source_id or cube.id,
        "kind": cube.kind.value,
        "at": None if occurred is None else occurred.start.isoformat(),
        "until": None if occurred is None or occurred.end is None else occurred.end.isoformat(),
        "role": provenance.role,
        "speaker": provenance.speaker,
        "session": provenance.session,
        "uri": provenance.source_uri,
        "tags": list(cube.tags),
        "entities": list(cube.entities),
        "metadata": dict(cube.metadata),
    }
