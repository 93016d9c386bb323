"""The memory graph, as a graph of networkx, and links in it: the only module that knows networkx."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import networkx as nx

from memos_core.cube.claim import Claim
from memos_core.cube.memcube import Content, Governance, Kind, MemCube, Provenance
from memos_core.cube.payload import Plaintext
from memos_core.language.names import entity_key
from memos_core.ports import Edge

_CUBE = "cube:"
_VERSION = "version:"  # what a conclusion is derived from


def linked(source: MemCube, relation: str, target: MemCube) -> Content:
    """A content that says how one cube relates to another. It has no text, so that no search finds it."""
    return Content(
        namespace=source.namespace,
        kind=Kind.LINK,
        payload=Plaintext(text=""),
        claims=(Claim(subject=source.id, predicate=relation, object=target.id),),
        provenance=Provenance(source_id=f"{source.id} {relation} {target.id}"),
        governance=Governance(trust=min(source.governance.trust, target.governance.trust)),
    )


def seeds(about: Iterable[str]) -> list[str]:
    """The nodes that names of entities, or ids of cubes, may mean."""
    return [node for given in about for node in (f"{_CUBE}{given}", f"entity:{entity_key(given)}")]


def cube_of(node: str) -> str | None:
    """The id of the cube that a node stands for; ``None`` for an entity."""
    return node.removeprefix(_CUBE) if node.startswith(_CUBE) else None


def versions(edges: Iterable[Edge]) -> set[str]:
    """The versions that edges lead to."""
    return {version for edge in edges if (version := _version_of(edge.target))}


def grounded(edges: Iterable[Edge], cubes: Mapping[str, str]) -> list[Edge]:
    """The same edges between cubes: a conclusion leads to those whose versions it is derived from.

    Parameters
    ----------
    cubes
        By version; an edge to any other version is left out.
    """
    found: dict[Edge, None] = {}
    for edge in edges:
        version = _version_of(edge.target)
        if version is None:
            found[edge] = None
        elif version in cubes:
            found[edge._replace(target=f"{_CUBE}{cubes[version]}")] = None
    return [*found]


def _version_of(node: str) -> str | None:
    return node.removeprefix(_VERSION) if node.startswith(_VERSION) else None


def drawn(edges: Iterable[Edge], cubes: Iterable[MemCube]) -> nx.MultiDiGraph[str]:
    """Make a graph of edges: its nodes are named as theirs, and each edge has its relation as key.

    Parameters
    ----------
    cubes
        They become the attribute ``cube`` of their nodes.
    """
    graph: nx.MultiDiGraph[str] = nx.MultiDiGraph()
    graph.add_nodes_from((f"{_CUBE}{cube.id}", {"cube": cube}) for cube in cubes)
    for edge in edges:
        graph.add_edge(edge.source, edge.target, key=edge.relation)
    return graph
