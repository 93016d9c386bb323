"""Candidates by one signal each: full text, vectors, time, graph and neighbourhood in a conversation."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import apsw
import numpy as np

from memos_core.cube.interval import Interval
from memos_core.cube.namespace import covers
from memos_core.cube.selection import Selection
from memos_core.infrastructure.vault import fulltext, vectors
from memos_core.infrastructure.vault.edges import entity_node, first
from memos_core.infrastructure.vault.moments import microseconds
from memos_core.infrastructure.vault.predicates import admitted, driving, is_plain, scope
from memos_core.infrastructure.vault.reading import corrupt, intact
from memos_core.infrastructure.vault.resident import SLACK, Resident, Texts, best_of
from memos_core.infrastructure.vault.statements import load, query
from memos_core.infrastructure.vault.timeline import FOREVER
from memos_core.ports import Edge, Passage, Scored, Topic, Walk

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from memos_core.ports import Vector

FOLLOWED_WEIGHT = 0.3  # of the text that came before, beside the cube's own
TEXT_DEPTH = 128  # best matches within which the text that came before counts
MAX_NEIGHBOURS = 4096  # sqlite-vec finds no more at a time

_SQL = load("find")


class _Place(NamedTuple):
    """An admitted put and its place in its conversation; cubes by number."""

    name: str
    cube: int
    follows: int | None


class _Finder:
    """One selection on one connection."""

    def __init__(self, db: apsw.Connection, selection: Selection) -> None:
        self.db = db
        self.selection = selection
        self.within = scope(db, selection)
        self.predicate, self.values = admitted(selection, self.within)
        self.driving = driving(selection, self.within)
        self._rechecked: set[str] = set()

    def rows(self, name: str, values: Mapping[str, Any], **fragments: str) -> list[tuple[Any, ...]]:
        """Run a named statement with the predicate in its place."""
        text = _SQL[name].format(admitted=self.predicate, driving=self.driving, **fragments)
        return query(self.db, text, {**self.values, **values})

    def texts(self, resident: Resident) -> Texts:
        """The admitted texts."""
        if is_plain(self.selection):
            now = self.selection.now
            return resident.texts(self.db, self.within, now=-FOREVER if now is None else microseconds(now))
        return Texts(*fulltext.unpacked(self.rows("lengths", {})[0][0]))

    def alias(self, put: str) -> str:
        """The same predicate over another row of ``put``."""
        return admitted(self.selection, self.within, put=put)[0]

    def places(self, puts: Iterable[int]) -> dict[int, _Place]:
        """The admitted ones among some puts."""
        return dict(self._places("admitted", {"puts": json.dumps(list(puts))}))

    def followers(self, cubes: Iterable[int]) -> dict[int, _Place]:
        """Admitted puts whose cubes come right after some cubes."""
        return dict(self._places("followers", {"cubes": json.dumps(list(cubes))}))

    def _places(self, name: str, values: Mapping[str, Any]) -> Iterator[tuple[int, _Place]]:
        for put, cube, path, number, follows in self.rows(name, values):
            self.recheck(cube, path)
            yield put, _Place(cube, number, follows)

    def recheck(self, cube: str, path: str) -> None:
        """The second gate, in other words than the first: a foreign row is a defect, and never an answer."""
        if path in self._rechecked:
            return
        if not covers(self.selection.namespace, tuple(path.split("/"))):
            raise corrupt(self.db, f"cube {cube} is indexed under a foreign namespace")
        self._rechecked.add(path)


def _ranked(scores: Iterable[Scored]) -> list[Scored]:
    return sorted(scores, key=lambda found: (-found.score, found.cube))


# -- full text ------------------------------------------------------------------------------------


def match(
    db: apsw.Connection, selection: Selection, terms: Sequence[str], *, limit: int, resident: Resident
) -> list[Scored]:
    """Full text by BM25; a cube gains by what it follows."""
    finder = _Finder(db, selection)
    texts = finder.texts(resident)
    scores = fulltext.best(*texts, fulltext.occurrences(db, terms), depth=max(2 * limit, TEXT_DEPTH))
    places = finder.places(scores)
    of_cube = {place.cube: scores[put] for put, place in places.items()}
    places |= finder.followers(of_cube)
    return _ranked(
        Scored(place.name, of_cube.get(place.cube, 0.0) + FOLLOWED_WEIGHT * of_cube.get(place.follows or 0, 0.0))
        for place in places.values()
    )[:limit]


# -- vectors --------------------------------------------------------------------------------------


def nearest(
    db: apsw.Connection, selection: Selection, vector: Vector, *, limit: int, resident: Resident
) -> list[Scored]:
    """Exact nearest neighbours by cosine similarity.

    Parameters
    ----------
    vector
        ``(dim,)``, checked.
    """
    current, finder = vectors.current(db), _Finder(db, selection)
    if current is None or not limit:
        return []
    wide = vector.astype(np.float64)
    wanted = wide / np.linalg.norm(wide)
    with intact(db, "a vector"):
        held = resident.vectors(db, *current)
    if held is not None:
        best = held.best(wanted, finder.texts(resident).puts, limit=limit)
        return _ranked(Scored(place.name, best[put]) for put, place in finder.places(best).items())[:limit]
    return _asked(_NeighbourSearch(finder, embedding=current[1], wanted=wanted), limit)


def _asked(search: _NeighbourSearch, limit: int) -> list[Scored]:
    """What sqlite-vec finds."""
    k = min(MAX_NEIGHBOURS, limit + limit // 2 + 16)
    while True:
        found = search.among(k)
        if len(found.distances) < k or found.is_settled(limit):
            return found.scored[:limit]
        if k == MAX_NEIGHBOURS:
            return search.of_all().scored[:limit]
        k = min(MAX_NEIGHBOURS, 4 * k)


class _Neighbours(NamedTuple):
    """Some nearest parts and the cubes they belong to, best first."""

    distances: list[float]
    scored: list[Scored]

    def is_settled(self, limit: int) -> bool:
        """Say whether no part beyond these could change the first ``limit`` cubes, not even by a tie."""
        return len(self.scored) >= limit and self.scored[limit - 1].score > 1.0 - self.distances[-1] + SLACK


class _NeighbourSearch:
    """A question to the vectors of one embedding."""

    def __init__(self, finder: _Finder, *, embedding: int, wanted: NDArray[np.float64]) -> None:
        self._finder = finder
        self._table = vectors.table(embedding)
        self._wanted = wanted
        self._embedding = embedding
        self._values = {"embedding": embedding, "vector": wanted.astype("<f4").tobytes()}
        self._name = "nearest_live" if is_plain(finder.selection) else "nearest_admitted"

    def among(self, k: int) -> _Neighbours:
        """Ask sqlite-vec for the nearest ``k`` parts."""
        return self._neighbours(self._finder.rows(self._name, self._values | {"k": k}, table=self._table))

    def of_all(self) -> _Neighbours:
        """Compare with every admitted part: for more neighbours than sqlite-vec finds."""
        return self._neighbours(self._finder.rows("nearest_of_all", self._values, table=self._table))

    def _neighbours(self, rows: Sequence[tuple[Any, ...]]) -> _Neighbours:
        for put, _, distance in rows:
            if distance is None:  # the gate lets no such vector in, and it may have pushed a true neighbour out
                raise corrupt(self._finder.db, f"the vector of put {put} is not finite, or zero")
        if not rows:
            return _Neighbours([], [])
        puts, parts, distances = zip(*rows, strict=True)
        read = vectors.one_by_one(self._finder.db, self._embedding, np.array(parts))
        with intact(self._finder.db, "a vector"):
            best = best_of(puts, np.concatenate([row for _, row in read]), self._wanted)
        places = self._finder.places(best)
        scored = _ranked(Scored(place.name, best[put]) for put, place in places.items())
        return _Neighbours(list(distances), scored)


# -- time, graph, conversation --------------------------------------------------------------------


def during(db: apsw.Connection, selection: Selection, interval: Interval, *, limit: int) -> list[Scored]:
    """Cubes that speak of a time which overlaps, by the share that lies inside."""
    finder = _Finder(db, selection)
    ends = None if interval.end is None else microseconds(interval.end)
    until = FOREVER if ends is None else ends
    values = {"starts": microseconds(interval.start), "ends": ends, "until": until, "limit": min(limit, FOREVER)}
    found = []
    for cube, path, share in finder.rows("during", values):
        finder.recheck(cube, path)
        with intact(db, f"a time of cube {cube}"):
            found.append(Scored(cube, float(share)))
    return found


def neighbourhood(db: apsw.Connection, selection: Selection, seeds: Sequence[str], walk: Walk) -> list[Edge]:
    """Edges around seed nodes, nearest first; every node leads on by its first edges."""
    finder = _Finder(db, selection)
    found: dict[Edge, None] = {}
    frontier = reached = dict.fromkeys(seeds)
    for _ in range(walk.hops):
        if not frontier or len(found) >= walk.limit:
            break
        met: dict[str, None] = {}
        for edge in _edges_at(finder, list(frontier), walk):
            found[edge] = None
            met.update(dict.fromkeys((edge.source, edge.target)))
        frontier = {node: None for node in met if node not in reached}
        reached = reached | frontier
    return list(found)[: walk.limit]


def _edges_at(finder: _Finder, nodes: Sequence[str], walk: Walk) -> Iterator[Edge]:
    """The first edges of each node, node by node."""
    there = finder.alias("there")
    fragments = {
        f"{end}_admitted": _SQL["end_admitted"].format(end=end, there_admitted=there) for end in ("source", "target")
    }
    fragments["relations"] = "1" if walk.only is None else _SQL["relation_walked"]
    values = {
        "nodes": json.dumps(nodes),
        "fanout": min(walk.fanout, FOREVER),
        "only": None if walk.only is None else json.dumps(sorted(walk.only)),
    }
    at: dict[str, set[Edge]] = {node: set() for node in nodes}
    for name in ("edges_from", "edges_to"):
        for node, *edge in finder.rows(name, values, **fragments):
            at[node].add(Edge(*edge))
    for edges in at.values():
        yield from sorted(edges, key=first)[: walk.fanout]


def passages(db: apsw.Connection, selection: Selection, ids: Sequence[str]) -> dict[str, Passage]:
    """The light view of the admitted ones among some cubes, in the order asked for."""
    finder = _Finder(db, selection)
    rows = finder.rows(
        "passages",
        {"cubes": json.dumps(list(dict.fromkeys(ids)))},
        earlier_admitted=finder.alias("earlier"),
        later_admitted=finder.alias("later"),
    )
    return {row[0]: Passage(*row) for row in rows}


def claiming(db: apsw.Connection, selection: Selection, about: Iterable[Topic] | None, *, limit: int) -> list[str]:
    """Admitted cubes with claims, the latest id first."""
    finder = _Finder(db, selection)
    keys = None if about is None else json.dumps([_ends(topic) for topic in about])
    rows = finder.rows("claiming" if keys is None else "claiming_about", {"about": keys, "limit": min(limit, FOREVER)})
    for cube, path in rows:
        finder.recheck(cube, path)
    return [cube for cube, _ in rows]


def _ends(topic: Topic) -> tuple[str, str, str | None]:
    """A topic as the edges of its claims have it."""
    return entity_node(topic.subject), topic.predicate, None if topic.object is None else entity_node(topic.object)
