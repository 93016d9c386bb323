"""Answers by brute force: one plain function per kind of question, over cubes that a selection admitted."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from memos_core.cube.clock import Timestamp
from memos_core.cube.fold import content_of
from memos_core.cube.interval import Interval
from memos_core.cube.memcube import Content, Kind, MemCube
from memos_core.cube.namespace import Namespace, covers
from memos_core.cube.operation import Operation, OperationKind
from memos_core.infrastructure.vault.edges import cube_node, edges_of, entity_node, first
from memos_core.infrastructure.vault.resident import DECIMALS
from memos_core.language.words import spaced
from memos_core.ports import Edge, Passage, Scored, Topic, Walk

if TYPE_CHECKING:
    from memos_core.ports import Vector

TERM_SATURATION = 1.2  # k1 of BM25
LENGTH_INFLUENCE = 0.75  # b of BM25
FOLLOWED_WEIGHT = 0.3  # of the text that came before, beside the cube's own

_WORD = re.compile(r"[^\W_]+")


def ranked(scores: Mapping[str, float], limit: int) -> list[Scored]:
    """Best first, ties by cube id."""
    return sorted((Scored(*item) for item in scores.items()), key=lambda found: (-found.score, found.cube))[:limit]


def changes(
    operations: Iterable[Operation], namespace: Namespace, *, since: datetime | None, until: datetime | None
) -> list[Operation]:
    """Operations on cubes that were ever put into a namespace or one below it, the latest first."""
    known = list(operations)
    puts = [op for op in known if op.kind is OperationKind.PUT and op.body is not None]
    inside = {op.cube for op in puts if covers(namespace, content_of(op).namespace)}
    bounds = [None if moment is None else Timestamp.last_of(moment) for moment in (since, until)]
    found = [
        op
        for op in known
        if op.cube in inside
        and (bounds[0] is None or op.hlc > bounds[0])
        and (bounds[1] is None or op.hlc <= bounds[1])
    ]
    return sorted(found, key=lambda op: (op.hlc, op.id), reverse=True)


# -- full text ------------------------------------------------------------------------------------


def words(text: str) -> list[str]:
    """The words of a text; letter case makes no difference, endings do."""
    return _WORD.findall(spaced(text.casefold()))


def _occurrences(words: Sequence[str], term: Sequence[str]) -> int:
    """How often a term occurs; one of several words, as a phrase."""
    if not term:
        return 0
    return sum(words[at : at + len(term)] == term for at in range(len(words) - len(term) + 1))


def matching(cubes: Mapping[str, MemCube], terms: Sequence[str]) -> dict[str, float]:
    """Score cubes by full text: their own, and a little of what they follow."""
    own = bm25({name: words(cube.text) for name, cube in cubes.items()}, [words(term) for term in terms])
    return {name: own[name] + FOLLOWED_WEIGHT * own.get(cube.follows or "", 0.0) for name, cube in cubes.items()}


def bm25(documents: Mapping[str, Sequence[str]], terms: Sequence[Sequence[str]]) -> dict[str, float]:
    """Score documents by Okapi BM25, with an inverse document frequency that is never negative; 0 where nothing fits.

    References
    ----------
    Robertson and Zaragoza, The Probabilistic Relevance Framework: BM25 and Beyond, 2009.
    """
    scores = dict.fromkeys(documents, 0.0)
    mean = sum(len(words) for words in documents.values()) / max(1, len(documents)) or 1.0
    for term in {tuple(term): list(term) for term in terms}.values():
        counts = {name: _occurrences(words, term) for name, words in documents.items()}
        having = sum(count > 0 for count in counts.values())
        rarity = math.log(1 + (len(documents) - having + 0.5) / (having + 0.5))
        for name, count in counts.items():
            relative = 1 - LENGTH_INFLUENCE + LENGTH_INFLUENCE * len(documents[name]) / mean
            scores[name] += rarity * count * (TERM_SATURATION + 1) / (count + TERM_SATURATION * relative)
    return scores


# -- vectors, time, graph, conversation -----------------------------------------------------------


def cosine(vector: Vector, wanted: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
    """Cosine similarity of a vector with one of length one, to the digits that are told."""
    exact = vector.astype(np.float64)
    return round(float(exact @ wanted / np.linalg.norm(exact)), DECIMALS)


def shares(cube: MemCube, asked: Interval) -> list[float]:
    """How much of each time that a cube speaks of, and that overlaps what is asked, lies inside of that."""
    spoken_of = [mention.when for mention in cube.times] + ([cube.occurred] if cube.occurred else [])
    return [_share(when, asked) for when in spoken_of if when.overlaps(asked)]


def _share(mention: Interval, asked: Interval) -> float:
    """All of an instant; of what has no end, none or all."""
    if mention.end is None:
        return float(asked.end is None and asked.start <= mention.start)
    if mention.start == mention.end:
        return 1.0
    end = mention.end if asked.end is None else min(mention.end, asked.end)
    inside = end - max(mention.start, asked.start)
    return max(inside, timedelta(0)) / (mention.end - mention.start)


def visible_edges(admitted: Mapping[str, MemCube]) -> dict[Edge, None]:
    """Edges that admitted cubes state between entities and admitted cubes."""
    nodes = {cube_node(name) for name in admitted}
    return {
        edge: None
        for name, cube in admitted.items()
        for edge in edges_of(name, cube)
        if all(node in nodes or not node.startswith("cube:") for node in (edge.source, edge.target))
    }


def neighbourhood(edges: Iterable[Edge], seeds: Sequence[str], walk: Walk) -> list[Edge]:
    """Walk the edges outwards from the seeds, both ways; each node leads on by its first edges."""
    by_node: dict[str, list[Edge]] = defaultdict(list)
    walked = [edge for edge in edges if walk.only is None or edge.relation in walk.only]
    for edge in sorted(walked, key=first):
        for node in {edge.source, edge.target}:
            by_node[node].append(edge)
    found: dict[Edge, None] = {}
    frontier = reached = dict.fromkeys(seeds)
    for _ in range(walk.hops):
        met: dict[str, None] = {}
        for node in frontier:
            for edge in by_node[node][: walk.fanout]:
                found[edge] = None
                met.update(dict.fromkeys((edge.source, edge.target)))
        frontier = {node: None for node in met if node not in reached}
        reached = reached | frontier
    return list(found)[: walk.limit]


def passage(cube: MemCube, admitted: Mapping[str, MemCube], followed_by: str | None) -> Passage:
    """The light view of an admitted cube."""
    provenance = cube.provenance
    return Passage(
        cube=cube.id,
        speaker=provenance.speaker,
        role=provenance.role,
        length=len(cube.text),
        follows=cube.follows if cube.follows in admitted else None,
        followed_by=followed_by,
    )


def claims_about(content: Content, about: Collection[Topic] | None) -> bool:
    """Say whether a content has a claim, about one of these topics if any are given."""
    if about is None or content.kind is Kind.LINK:
        return about is None and bool(content.claims)
    return any(
        (entity_node(claim.subject), claim.predicate) == (entity_node(topic.subject), topic.predicate)
        and (topic.object is None or entity_node(claim.object) == entity_node(topic.object))
        for claim in content.claims
        for topic in about
    )


def arriving(given: Mapping[str, Operation], held: Mapping[str, Operation], erased: Collection[str]) -> list[Operation]:
    """Operations as they are stored: the new ones first, and without bodies of what is erased."""
    gone = {*erased, *(op.cube for op in held.values() if op.kind is OperationKind.ERASE)}
    stripped = (
        op if op.kind is OperationKind.ERASE or op.cube not in gone else op.without_body() for op in given.values()
    )
    return sorted(stripped, key=lambda op: op.id in held)
