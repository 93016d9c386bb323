"""The memory graph: entities and cubes, ranked around what is asked. The only module that knows networkx."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import networkx as nx

from memos_core.ports import Edge

DAMPING = 0.85


def personalised_pagerank(edges: Sequence[Edge], seeds: Iterable[str]) -> dict[str, float]:
    """Rank nodes by how often a walk that starts at the seeds, and keeps returning there, meets them.

    Parameters
    ----------
    edges
        Walked in both directions.
    seeds
        Those that no edge touches are ignored.

    Returns
    -------
    dict
        By node; ranks add up to 1. Empty if no seed is in the graph.

    References
    ----------
    Page et al., The PageRank Citation Ranking, 1999; used for memory in Gutierrez et al., HippoRAG, arXiv 2405.14831.
    """
    graph = nx.Graph()
    graph.add_edges_from((edge.source, edge.target) for edge in edges)
    known = [seed for seed in dict.fromkeys(seeds) if seed in graph]
    if not known:
        return {}
    ranks: dict[str, float] = nx.pagerank(graph, alpha=DAMPING, personalization=dict.fromkeys(known, 1.0))
    return ranks
