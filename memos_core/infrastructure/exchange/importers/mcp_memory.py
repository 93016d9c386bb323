"""The graph of the Model Context Protocol's reference memory server: a JSON object a line, an entity or a relation."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from memos_core.cube.canonical import canonical, parse_object, sha256
from memos_core.cube.claim import Claim
from memos_core.cube.message import Note
from memos_core.errors import InvalidInput
from memos_core.infrastructure.exchange.importers.jsonl import numbered_lines
from memos_core.infrastructure.exchange.importers.records import Record, text, texts, told
from memos_core.infrastructure.exchange.importers.source import Item, Noted, PassedOver

SYSTEM = "mcp"
ENTITY, RELATION = "entity", "relation"
FIELD = "mcp_memory"  # metadata: what the record was


def read(path: Path) -> Iterator[Item]:
    """Read the observations of each entity, and each relation, as notes.

    Raises
    ------
    InvalidInput
        If a line is neither an entity nor a relation.
    """
    for number, line in numbered_lines(path):
        where = f"{path.name}, line {number}"
        with told(where):
            record = parse_object(line.encode("utf-8"))
            kind = record.get("type")
            if kind == ENTITY:
                notes = list(entity_notes(record))
                yield from (Noted(where, note) for note in notes)
                if not notes:
                    yield PassedOver(where, f"nothing is said of {text(record, 'name')}")
            elif kind == RELATION:
                yield Noted(where, relation_note(record))
            else:
                raise InvalidInput(detail=f'"type" must be "{ENTITY}" or "{RELATION}", and is {kind!r}.')


def entity_notes(record: Record) -> Iterator[Note]:
    """What an entity says, a note for each observation; without one, that it is there, if its type is known.

    Raises
    ------
    InvalidInput
        If it has no name, or a field is not what it should be.
    """
    name, kind = text(record, "name"), text(record, "entityType")
    if not name.strip():
        raise InvalidInput(detail='An entity must have a "name".')
    observations = texts(record, "observations")
    if not observations and kind.strip():
        about = {"type": ENTITY, "name": name, "entityType": kind, "observation": None}
        yield Note(text=f"{name}: {kind}", entities=(name,), id=_id(about), metadata={FIELD: about})
    for observation in observations:
        told_by_itself = name.casefold() in observation.casefold()
        words = observation if told_by_itself else f"{name}: {observation}"
        about = {"type": ENTITY, "name": name, "entityType": kind, "observation": observation}
        yield Note(text=words, entities=(name,), id=_id(about), metadata={FIELD: about})


def relation_note(record: Record) -> Note:
    """What a relation says.

    Raises
    ------
    InvalidInput
        If a part of it is missing.
    """
    start, end, kind = text(record, "from"), text(record, "to"), text(record, "relationType")
    if not (start.strip() and end.strip() and kind.strip()):
        raise InvalidInput(detail='A relation must have "from", "to" and "relationType".')
    words = f"{start} {kind.replace('_', ' ')} {end}."
    about = {"type": RELATION, "from": start, "to": end, "relationType": kind}
    claim = Claim(subject=start, predicate=kind.replace("_", " "), object=end, text=words)
    return Note(text=words, entities=(start, end), claims=(claim,), id=_id(about), metadata={FIELD: about})


def _id(about: Record) -> str:
    """Graphs have no ids: what is said is the id, so that saying it again changes nothing."""
    return f"{SYSTEM}:{sha256(canonical(about))[:32]}"
