"""The memory graph: which edges a cube states. Derived from its content, so it needs no upkeep of its own."""

from __future__ import annotations

from memos_core.cube.memcube import Content, Kind
from memos_core.language.people import SAME_AS, one_and_the_same
from memos_core.ports import DERIVED_FROM, FOLLOWS, MENTIONS, SAID_BY, Edge


def cube_node(cube: str) -> str:
    """The node of a cube."""
    return f"cube:{cube}"


def cube_of(node: str) -> str | None:
    """The cube that a node stands for; ``None`` for an entity."""
    start, mark, name = node.partition(":")
    return name if mark and start == "cube" else None


def entity_node(name: str) -> str:
    """The node of an entity: letter case and spacing make no difference."""
    return f"entity:{' '.join(name.lower().split())}"


def first(edge: Edge) -> tuple[str, str, str]:
    """The order in which a node leads on by its edges: relation by relation."""
    return edge.relation, edge.source, edge.target


def edges_of(cube: str, content: Content) -> tuple[Edge, ...]:
    """Edges that a cube states, each once, sorted.

    It mentions its entities, is said by its speaker, follows its predecessor and is derived from versions. What each
    claim says is an edge between subject and object: two cubes for a link, two entities for any other claim, which it
    mentions as well. Who is "sister of" Ana is the same as "Ana's sister".
    """
    own = cube_node(cube)
    mentioned = [entity_node(name) for name in content.entities]
    found = set()
    if content.follows is not None:
        found.add(Edge(own, FOLLOWS, cube_node(content.follows)))
    if content.provenance.speaker is not None:
        found.add(Edge(own, SAID_BY, entity_node(content.provenance.speaker)))
    node = cube_node if content.kind is Kind.LINK else entity_node
    for claim in content.claims:
        ends = [node(claim.subject), node(claim.object)]
        found.add(Edge(ends[0], claim.predicate, ends[1]))
        if content.kind is not Kind.LINK and (alike := one_and_the_same(claim)):
            found.add(Edge(entity_node(alike[0]), SAME_AS, entity_node(alike[1])))
        mentioned += ends if content.kind is not Kind.LINK else []
    found.update(Edge(own, MENTIONS, entity) for entity in mentioned)
    found.update(Edge(own, DERIVED_FROM, f"version:{version}") for version in content.provenance.derived_from)
    return tuple(sorted(found))
