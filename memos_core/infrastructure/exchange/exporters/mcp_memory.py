"""The graph of the Model Context Protocol's reference memory server: a JSON object a line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from memos_core.cube.memcube import Kind, MemCube
from memos_core.infrastructure.exchange.importers.mcp_memory import ENTITY, FIELD, RELATION

UNKNOWN = "memory"  # type of an entity of which nobody said what it is
NOBODY = "user"  # who a memory is about that names nobody


def write(cubes: Iterable[MemCube], path: Path) -> int:
    """Write a graph: what came from one goes back as it was, and other memories become observations and relations."""
    held = [cube for cube in cubes if cube.text and cube.kind is not Kind.LINK]
    with path.open("w", encoding="utf-8", newline="\n") as stream:
        stream.writelines(f"{line}\n" for line in lines(held))
    return len(held)


def lines(cubes: Iterable[MemCube]) -> Iterator[str]:
    """The lines of a graph, entities first, in the order in which all was first told of."""
    graph = _Graph()
    for cube in sorted(cubes, key=lambda cube: (cube.created_at, cube.id)):
        known = cube.metadata.get(FIELD)
        if isinstance(known, dict) and known.get("type") == RELATION:
            graph.relate(known["from"], known["to"], known["relationType"])
        elif isinstance(known, dict) and known.get("type") == ENTITY:
            graph.observe(known["name"], known.get("observation"), kind=known["entityType"])
        else:
            graph.observe(_subject(cube), cube.text)
            for claim in cube.claims:
                if not claim.negated and claim.object in cube.entities:
                    graph.observe(claim.subject, None)
                    graph.observe(claim.object, None)
                    graph.relate(claim.subject, claim.object, claim.predicate)
    for record in (*graph.entities.values(), *graph.relations):
        yield json.dumps(record if isinstance(record, dict) else _relation(*record), ensure_ascii=False)


class _Graph:
    """Entities by name, and relations, in the order in which they were told of."""

    def __init__(self) -> None:
        self.entities: dict[str, dict[str, Any]] = {}
        self.relations: dict[tuple[str, str, str], None] = {}

    def observe(self, name: str, said: str | None, *, kind: str = UNKNOWN) -> None:
        new = {"type": ENTITY, "name": name, "entityType": kind, "observations": []}
        entity = self.entities.setdefault(name, new)
        if kind != UNKNOWN:
            entity["entityType"] = kind
        if said is not None and said not in entity["observations"]:
            entity["observations"].append(said)

    def relate(self, start: str, end: str, kind: str) -> None:
        self.relations[start, end, kind] = None


def _relation(start: str, end: str, kind: str) -> dict[str, str]:
    return {"type": RELATION, "from": start, "to": end, "relationType": kind}


def _subject(cube: MemCube) -> str:
    """Whom a memory is about, as far as can be said in a word."""
    names = (*(claim.subject for claim in cube.claims), cube.provenance.speaker, *cube.entities)
    return next(filter(None, names), NOBODY)
