"""The tools of the protocol's reference memory server, over this memory, so that its users can switch.

What they write is what ``memos import`` makes of that server's file, and what ``memos export`` gives back.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Annotated, Any, Optional

from pydantic import BaseModel, ConfigDict, Field

from memos_core import MemCube, State
from memos_core.errors import InvalidInput
from memos_core.infrastructure.exchange.exporters.mcp_memory import lines
from memos_core.infrastructure.exchange.importers.mcp_memory import ENTITY, FIELD, RELATION, entity_notes, relation_note
from memos_mcp.access import Access
from memos_mcp.resources import Place
from memos_mcp.results import Room, as_json

MOST_READ = 10_000  # memories in a graph
MOST_FOUND = 5  # by meaning, where nothing has the words

Name = Annotated[str, Field(min_length=1, max_length=300)]
Observation = Annotated[str, Field(min_length=1, max_length=10_000)]


class _Named(BaseModel):
    """With the reference server's own names."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)


class Entity(_Named):
    """Somebody or something, and what is known of it."""

    name: Name = Field(description="The name of the entity")
    entityType: Name = Field(description="The type of the entity")  # noqa: N815 - the reference server's word
    observations: list[Observation] = Field(max_length=200, description="What is known of the entity")


class Relation(_Named):
    """How two entities are related."""

    start: Name = Field(alias="from", description="The name of the entity where the relation starts")
    to: Name = Field(description="The name of the entity where the relation ends")
    relationType: Name = Field(description="The type of the relation, in active voice")  # noqa: N815 - the reference's


class Additions(_Named):
    """What is to be added to an entity."""

    entityName: Name = Field(description="The name of the entity")  # noqa: N815 - the reference server's word
    contents: list[Observation] = Field(max_length=200, description="What to add")


class Deletions(_Named):
    """What is to be taken from an entity."""

    entityName: Name = Field(description="The name of the entity")  # noqa: N815 - the reference server's word
    observations: list[Observation] = Field(max_length=200, description="What to delete")


class KnownEntity(BaseModel):
    """Somebody or something, and what is known of it: more than one call may add."""

    name: str
    entityType: str  # noqa: N815 - the reference server's word
    observations: list[str]


class KnownRelation(BaseModel):
    """How two entities are related."""

    start: str = Field(alias="from")
    to: str
    relationType: str  # noqa: N815 - the reference server's word


class Entities(BaseModel):
    """Those that were created."""

    entities: list[KnownEntity]


class Relations(BaseModel):
    """Those that were created."""

    relations: list[KnownRelation]


class Added(BaseModel):
    """What was added to an entity."""

    entityName: str  # noqa: N815 - the reference server's word
    addedObservations: list[str]  # noqa: N815 - the reference server's word


class AddedTo(BaseModel):
    """What was added."""

    results: list[Added]


class Deleted(BaseModel):
    """What was deleted."""

    success: bool
    message: str


class Graph(BaseModel):
    """Entities and the relations between them."""

    entities: list[KnownEntity]
    relations: list[KnownRelation]
    note: Optional[str] = Field(default=None, description="What is missing, if the graph is too large for one answer.")


def create_entities(access: Access, entities: Annotated[list[Entity], Field(max_length=100)]) -> Entities:
    """Create entities in the knowledge graph; a name that is there already is left as it is.

    Use it for people, places and things that will matter again. Do not use it to add to one: that is add_observations.
    """
    with access.memos.transaction():
        known = {name for each in entities if _about(access, name := each.name)}
        new = {each.name: each for each in entities if each.name not in known}
        _store(access, [note for each in new.values() for note in entity_notes(each.model_dump())])
    return Entities(entities=[KnownEntity(**each.model_dump()) for each in new.values()])


def create_relations(access: Access, relations: Annotated[list[Relation], Field(max_length=100)]) -> Relations:
    """Create relations between entities, in active voice; those that are there already are left as they are.

    Use it when two entities are related. Do not use it for what is said of one alone: that is add_observations.
    """
    with access.memos.transaction():
        unknown = [each.model_dump(by_alias=True) for each in relations if not _relations(access, each)]
        new = {tuple(each.values()): each for each in unknown}.values()
        _store(access, map(relation_note, new))
    return Relations(relations=[KnownRelation(**each) for each in new])


def add_observations(access: Access, observations: Annotated[list[Additions], Field(max_length=100)]) -> AddedTo:
    """Add observations to entities that are there.

    Use it when something new is known of an entity. Do not use it for an unknown one: create_entities comes first.
    """
    done = []
    with access.memos.transaction():
        for each in observations:
            held = _existing(access, each.entityName)
            said = {_field(cube)["observation"] for cube in held}
            new = [words for words in dict.fromkeys(each.contents) if words not in said]
            record = {"name": each.entityName, "entityType": _field(held[0])["entityType"], "observations": new}
            _store(access, entity_notes(record) if new else [])
            done.append(Added(entityName=each.entityName, addedObservations=new))
    return AddedTo(results=done)


def delete_entities(
    access: Access,
    entityNames: Annotated[list[Name], Field(max_length=100)],  # noqa: N803 - the reference's
) -> Deleted:
    """Take entities, and the relations that they have, out of the knowledge graph; the user can bring them back.

    Use it when the user wants them gone. Do not use it to mend one: that is delete_observations and add_observations.
    """
    with access.memos.transaction():
        gone = [cube for name in entityNames for cube in (*_about(access, name), *_related(access, name))]
        return _forget(access, gone)


def delete_observations(access: Access, deletions: Annotated[list[Deletions], Field(max_length=100)]) -> Deleted:
    """Take observations from entities; the entities stay, and the user can bring the observations back.

    Use it for what is wrong or no longer wanted. Do not use it for a whole entity: that is delete_entities.
    """
    gone: list[MemCube] = []
    with access.memos.transaction():
        for each in deletions:
            held = _about(access, each.entityName)
            wrong = [cube for cube in held if _field(cube)["observation"] in each.observations]
            if wrong and len(wrong) == len(held):
                bare = {"name": each.entityName, "entityType": _field(held[0])["entityType"], "observations": []}
                _store(access, entity_notes(bare))
            gone += wrong
        return _forget(access, gone)


def delete_relations(access: Access, relations: Annotated[list[Relation], Field(max_length=100)]) -> Deleted:
    """Take relations out of the knowledge graph; the user can bring them back.

    Use it for relations that are wrong. Do not use it for entities: that is delete_entities.
    """
    with access.memos.transaction():
        return _forget(access, [cube for each in relations for cube in _relations(access, each)])


def read_graph(access: Access) -> Graph:
    """Read the entire knowledge graph.

    Use it for small graphs. Do not use it to answer a question: search_nodes finds what matters.
    """
    return _graph(_cubes(access), lambda _: True)


def search_nodes(
    access: Access,
    query: Annotated[str, Field(max_length=2_000, description="Words of names, types or observations")],
) -> Graph:
    """Find entities by words in their names, types or observations, with the relations they have.

    What has the words in this order is found; if nothing has, the five entities that are nearest by meaning. Use it
    before you answer. Do not use it for names that you know exactly: that is open_nodes.
    """
    cubes, wanted = _cubes(access), query.casefold()
    having = {name for name, words in _words(cubes) if wanted in words.casefold()}
    if not having and wanted.strip():
        of_graph: dict[str, Any] = {f"{FIELD}.type": ENTITY}
        hits = access.memos.search(query, namespace=access.namespace, where=of_graph, limit=MOST_FOUND)
        having = {_field(hit.cube)["name"] for hit in hits}
    return _graph(cubes, having.__contains__)


def open_nodes(
    access: Access, names: Annotated[list[Name], Field(max_length=100, description="Names of entities")]
) -> Graph:
    """Show entities by their names, with the relations they have.

    Use it for names that you know. Do not use it to look for something: that is search_nodes.
    """
    return _graph(_cubes(access), set(names).__contains__)


def _whole(access: Access, _: Mapping[str, str]) -> str:
    return as_json(read_graph(access))


GRAPH = Place(
    "memory://knowledge-graph",
    "knowledge-graph",
    "Knowledge graph",
    "The entire knowledge graph, as read_graph gives it.",
    _whole,
    mime_type="application/json",
)
REFERENCE_READS = (read_graph, search_nodes, open_nodes)
REFERENCE_WRITES = (create_entities, create_relations, add_observations)
REFERENCE_DELETES = (delete_entities, delete_observations, delete_relations)


def _cubes(access: Access, **where: str) -> list[MemCube]:
    wanted: dict[str, Any] = {f"{FIELD}.{key}": value for key, value in where.items()} or {
        f"{FIELD}.type": {"$ne": None}
    }
    return access.memos.list(namespace=access.namespace, where=wanted, limit=MOST_READ)


def _about(access: Access, name: str) -> list[MemCube]:
    return _cubes(access, type=ENTITY, name=name)


def _existing(access: Access, name: str) -> list[MemCube]:
    held = _about(access, name)
    if not held:
        raise InvalidInput(detail=f"There is no entity {name[:100]!r}. Make it first, with create_entities.")
    return held


def _related(access: Access, name: str) -> list[MemCube]:
    return [*_cubes(access, type=RELATION, **{"from": name}), *_cubes(access, type=RELATION, to=name)]


def _relations(access: Access, relation: Relation) -> list[MemCube]:
    return _cubes(access, type=RELATION, **relation.model_dump(by_alias=True))


def _field(cube: MemCube) -> dict[str, Any]:
    found = cube.metadata.get(FIELD)
    return found if isinstance(found, dict) else {}


def _store(access: Access, notes: Iterable[Any]) -> None:
    """Remember notes; what was deleted before and is made again is there again."""
    some = list(notes)
    if some:
        added = access.memos.add(some, namespace=access.namespace, progress=access.progress)
        for name in added.ids:
            if access.memos.get(name).state is State.ARCHIVED:
                access.memos.revive(name)


def _forget(access: Access, cubes: Iterable[MemCube]) -> Deleted:
    gone = dict.fromkeys(cube.id for cube in cubes)
    for name in gone:
        access.memos.forget(name, reason="deleted from the knowledge graph")
    said = f"{len(gone)} archived; the user can bring them back." if gone else "Nothing of that was there."
    return Deleted(success=True, message=said)


def _words(cubes: Iterable[MemCube]) -> Iterator[tuple[str, str]]:
    for cube in cubes:
        field = _field(cube)
        if field.get("type") == ENTITY:
            yield field["name"], f"{field['name']}\n{field['entityType']}\n{field.get('observation') or ''}"


def _graph(cubes: Iterable[MemCube], wanted: Callable[[str], bool]) -> Graph:
    """The entities that are wanted and the relations that they have, as many as one answer may hold."""
    records = [json.loads(line) for line in lines(cubes)]
    entities = {each["name"]: each for each in records if each["type"] == ENTITY and wanted(each["name"])}
    related = [each for each in records if each["type"] == RELATION and not entities.keys().isdisjoint(_ends(each))]
    room, left_out = Room(), 0
    graph = Graph(entities=[], relations=[])
    for each in entities.values():
        first = [] if not graph.entities else each["observations"][:1]  # rather left out than shown as if it had none
        if room.fits(each | {"observations": first}) and room.takes(each | {"observations": []}):
            said = [words for words in each["observations"] if room.takes(words)]
            left_out += len(each["observations"]) - len(said)
            graph.entities.append(KnownEntity.model_validate(each | {"observations": said}))
        else:
            left_out += 1
    shown = [KnownRelation.model_validate(each) for each in related if room.takes(each)]
    left_out += len(related) - len(shown)
    graph.relations.extend(shown)
    if left_out:
        graph.note = (
            f"{left_out} more entities, observations or relations did not fit. Open fewer nodes at a time; "
            "long observations are shown by memory_search and memory_get."
        )
    return graph


def _ends(relation: dict[str, str]) -> tuple[str, str]:
    return relation["from"], relation["to"]
