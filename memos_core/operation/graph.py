"""The memory graph: entities and cubes, ranked around what is asked. The only module that knows networkx."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import networkx as nx
import numpy as np

from memos_core.ports import Edge

DAMPING = 0.85
STEPS = 30  # what is left of the start by then is less than 1 %


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

    Notes
    -----
    Power iteration is done here, because networkx's own needs scipy, which is larger than all of MemOS.

    References
    ----------
    Page et al., The PageRank Citation Ranking, 1999; used for memory in Gutierrez et al., HippoRAG, arXiv 2405.14831.
    """
    graph: nx.Graph[str] = nx.Graph()
    graph.add_edges_from((edge.source, edge.target) for edge in edges)
    known = [seed for seed in dict.fromkeys(seeds) if seed in graph]
    if not known:
        return {}
    number = {node: index for index, node in enumerate(graph)}
    restart = np.zeros(len(number))
    restart[[number[seed] for seed in known]] = 1 / len(known)
    ends = np.array([(number[one], number[other]) for one, other in graph.edges])
    source, target = np.concatenate([ends, ends[:, ::-1]]).T
    ranks = restart
    for _ in range(STEPS):
        flow = ranks / np.bincount(source, minlength=len(number))
        ranks = DAMPING * np.bincount(target, flow[source], len(number)) + (1 - DAMPING) * restart
    return dict(zip(number, ranks.tolist(), strict=True))
