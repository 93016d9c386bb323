"""The memory graph, as a graph of networkx: the only module that knows it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import networkx as nx

from memos_core.cube.memcube import MemCube
from memos_core.ports import Edge


def drawn(edges: Iterable[Edge], cubes: Mapping[str, MemCube]) -> nx.MultiDiGraph[str]:
    """Make a graph of edges.

    Parameters
    ----------
    cubes
        By node; they become the attribute ``cube`` of these nodes.

    Returns
    -------
    networkx.MultiDiGraph
        Its nodes are named as those of an edge; each edge has its relation as key.
    """
    graph: nx.MultiDiGraph[str] = nx.MultiDiGraph()
    graph.add_nodes_from((node, {"cube": cube}) for node, cube in cubes.items())
    graph.add_edges_from((edge.source, edge.target, edge.relation) for edge in edges)
    return graph
