"""A LlamaIndex property graph in a memory: entities, relations and chunks are memories, and relations are claims."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

from llama_index.core.graph_stores.types import (
    ChunkNode,
    EntityNode,
    LabelledNode,
    PropertyGraphStore,
    Relation,
    Triplet,
)
from llama_index.core.vector_stores.types import VectorStoreQuery

from memos_core import Claim, Kind, MemCube, MemOS, Note
from memos_llamaindex.filters import holds, where
from memos_llamaindex.nodes import listed

NODE, RELATION = "node", "relation"  # what a memory is in the graph; the first part of its source id
EVERY = 1_000_000  # edges: what is asked for is given whole


class MemOSPropertyGraphStore(PropertyGraphStore):
    """A property graph over a memory, for ``PropertyGraphIndex(nodes, property_graph_store=...)``.

    A node is a memory with its name or text; a relation is one that claims it, so that ``memos.graph``,
    ``memos.claims`` and every other way into the memory see it too. Each write is one commit; a node put again gets a
    new version, and what is deleted is erased for ever, a node with its relations.

    Parameters
    ----------
    memos
        The memory.
    namespace
        Where in it the graph lives; other namespaces are out of its reach.

    Notes
    -----
    ``vector_query`` needs vectors of the memory's embedder: give the index ``embed_model=MemOSEmbedding(memos)``.

    Examples
    --------
    >>> from memos_core import MemOS
    >>> store = MemOSPropertyGraphStore(MemOS.open(":memory:"))
    >>> store.upsert_relations([Relation(label="LIVES_IN", source_id="Ana", target_id="Lisbon")])
    >>> [str(part) for part in store.get_triplets(entity_names=["Ana"])[0]]
    ['Ana', 'LIVES_IN', 'Lisbon']
    """

    supports_structured_queries = False
    supports_vector_queries = True

    def __init__(self, memos: MemOS, *, namespace: str | tuple[str, ...] = "llamaindex-graph") -> None:
        self._memos = memos
        self._namespace = namespace

    @property
    def client(self) -> MemOS:
        """The memory."""
        return self._memos

    # -- writing

    def upsert_nodes(self, nodes: Sequence[LabelledNode]) -> None:
        """Put nodes, all or none.

        Raises
        ------
        InvalidInput
            If one has no name or text, or properties that are not JSON.
        """
        if notes := [_noted(each) for each in nodes]:
            self._memos.add(notes, namespace=self._namespace)

    def upsert_relations(self, relations: list[Relation]) -> None:
        """Put relations, all or none; what they name and is not there becomes an entity."""
        ends = dict.fromkeys(end for each in relations for end in (each.source_id, each.target_id))
        with self._memos.transaction():
            known = {each.id for each in self.get(ids=[*ends])} if ends else set()
            self.upsert_nodes([EntityNode(name=end) for end in ends if end not in known])
            if relations:
                self._memos.add([_stated(each) for each in relations], namespace=self._namespace)

    def delete(
        self,
        entity_names: list[str] | None = None,
        relation_names: list[str] | None = None,
        properties: dict[str, Any] | None = None,
        ids: list[str] | None = None,
    ) -> None:
        """Erase nodes by name, id or property, with their relations; and relations by label or property."""
        named = [*(entity_names or ()), *(ids or ())]
        gone = {cube.id for cube in self._nodes(named)} if named else set()
        gone |= {cube.id for cube in self._relations_of(named)} if named else set()
        if relation_names:
            gone |= {cube.id for cube in self._all(RELATION) if cube.metadata["label"] in relation_names}
        if properties:
            having = [*self._having(properties, NODE)]
            gone |= {cube.id for cube in (*having, *self._having(properties, RELATION))}
            gone |= {cube.id for cube in self._relations_of([_id(cube) for cube in having])}
        if gone:
            self._memos.erase(sorted(gone), reason="deleted through LlamaIndex")

    # -- reading

    def get(self, properties: dict[str, Any] | None = None, ids: list[str] | None = None) -> list[LabelledNode]:
        """Nodes by id, in the order of the ids, and with any of these properties; all without either."""
        if ids:
            found: Iterable[MemCube] = self._nodes(ids)
            found = [cube for cube in found if not properties or _has(cube, properties)]
        else:
            found = self._having(properties, NODE) if properties else self._all(NODE)
        return [_labelled(cube) for cube in found]

    def get_triplets(
        self,
        entity_names: list[str] | None = None,
        relation_names: list[str] | None = None,
        properties: dict[str, Any] | None = None,
        ids: list[str] | None = None,
    ) -> list[Triplet]:
        """Relations with their nodes that pass every test that is given; none without a test."""
        tests = [set(names) for names in (entity_names, ids) if names]
        stated: Iterable[MemCube]
        if tests:
            stated = [cube for cube in self._relations_of(tests[0]) if not tests[-1].isdisjoint(_ends(cube))]
        elif relation_names or properties:
            stated = self._all(RELATION)
        else:
            return []
        stated = [cube for cube in stated if not relation_names or cube.metadata["label"] in relation_names]
        triplets = self._triplets(stated)
        if not properties:
            return triplets
        return [each for each in triplets if any(_any(part.properties, properties) for part in each)]

    def get_rel_map(
        self,
        graph_nodes: list[LabelledNode],
        depth: int = 2,
        limit: int = 30,
        ignore_rels: list[str] | None = None,
    ) -> list[Triplet]:
        """Relations around nodes, nearest first, walked both ways and at most ``depth`` steps.

        Those to be ignored are walked all the same, as LlamaIndex's own store does; they are not given and not counted.
        """
        frontier, seen, walked = {each.id for each in graph_nodes}, set[str](), set[str]()
        found: list[MemCube] = []
        for _ in range(depth):
            if not frontier or len(found) >= limit:
                break
            near = [cube for cube in self._relations_of(frontier) if cube.id not in walked]
            found += [cube for cube in near if cube.metadata["label"] not in (ignore_rels or ())]
            walked |= {cube.id for cube in near}
            seen |= frontier
            frontier = {end for cube in near for end in _ends(cube)} - seen
        return self._triplets(found[:limit])

    def vector_query(self, query: VectorStoreQuery, **kwargs: Any) -> tuple[list[LabelledNode], list[float]]:  # noqa: ARG002  # LlamaIndex's signature
        """Find entities by the words or the vector of a query, best first, with their scores.

        Raises
        ------
        ValueError
            If there are neither words nor a vector.
        """
        scope: dict[str, Any] = {
            "namespace": self._namespace,
            "exact": True,
            "kinds": [Kind.PROFILE],
            "limit": query.similarity_top_k,
            "where": {f"properties.{key}": value for key, value in where(query.filters).items()},
        }
        if query.query_str and query.query_str.strip():
            hits = self._memos.search(query.query_str, **scope)
        elif query.query_embedding is not None:
            hits = self._memos.nearest(query.query_embedding, **scope)
        else:
            raise ValueError("A query needs words (query_str) or a vector (query_embedding).")
        wanted = [hit for hit in hits if holds(query.filters, hit.cube.metadata["properties"])]
        return [_labelled(hit.cube) for hit in wanted], [hit.score for hit in wanted]

    def structured_query(self, query: str, param_map: dict[str, Any] | None = None) -> Any:
        """Not there: the graph has no query language. Use ``get``, ``get_triplets`` and ``get_rel_map``."""
        raise NotImplementedError("MemOSPropertyGraphStore has no query language; use get, get_triplets, get_rel_map.")

    def get_schema(self, refresh: bool = False) -> dict[str, list[str]]:  # noqa: ARG002  # LlamaIndex's signature
        """The labels that nodes and relations have."""
        return {
            "nodes": sorted({cube.metadata["label"] for cube in self._all(NODE)}),
            "relations": sorted({cube.metadata["label"] for cube in self._all(RELATION)}),
        }

    # -- in worker threads

    async def aget(self, properties: dict[str, Any] | None = None, ids: list[str] | None = None) -> list[LabelledNode]:
        """As :meth:`get`, in a worker thread."""
        return await asyncio.to_thread(self.get, properties, ids)

    async def aget_triplets(self, *args: Any, **kwargs: Any) -> list[Triplet]:
        """As :meth:`get_triplets`, in a worker thread."""
        return await asyncio.to_thread(self.get_triplets, *args, **kwargs)

    async def aget_rel_map(self, *args: Any, **kwargs: Any) -> list[Triplet]:
        """As :meth:`get_rel_map`, in a worker thread."""
        return await asyncio.to_thread(self.get_rel_map, *args, **kwargs)

    async def aupsert_nodes(self, nodes: list[LabelledNode]) -> None:
        """As :meth:`upsert_nodes`, in a worker thread."""
        await asyncio.to_thread(self.upsert_nodes, nodes)

    async def aupsert_relations(self, relations: list[Relation]) -> None:
        """As :meth:`upsert_relations`, in a worker thread."""
        await asyncio.to_thread(self.upsert_relations, relations)

    async def adelete(self, *args: Any, **kwargs: Any) -> None:
        """As :meth:`delete`, in a worker thread."""
        await asyncio.to_thread(self.delete, *args, **kwargs)

    async def avector_query(self, query: VectorStoreQuery, **kwargs: Any) -> tuple[list[LabelledNode], list[float]]:
        """As :meth:`vector_query`, in a worker thread."""
        return await asyncio.to_thread(self.vector_query, query, **kwargs)

    async def adelete_llama_nodes(self, *args: Any, **kwargs: Any) -> None:
        """As :meth:`delete_llama_nodes`, in a worker thread."""
        await asyncio.to_thread(self.delete_llama_nodes, *args, **kwargs)

    async def aget_schema(self, refresh: bool = False) -> Any:
        """As :meth:`get_schema`, in a worker thread."""
        return await asyncio.to_thread(self.get_schema, refresh)

    # -- memories

    def _all(self, part: str) -> Iterator[MemCube]:
        return listed(self._memos, self._namespace, where={"graph": part})

    def _nodes(self, ids: Iterable[str]) -> list[MemCube]:
        places = {f"{NODE} {each}": place for place, each in enumerate(dict.fromkeys(ids))}
        found = listed(self._memos, self._namespace, source_ids=[*places])
        return sorted(found, key=lambda cube: places[cube.source_ids[0]])

    def _having(self, properties: dict[str, Any], part: str) -> Iterator[MemCube]:
        return (cube for cube in self._all(part) if _has(cube, properties))

    def _relations_of(self, ends: Collection[str]) -> list[MemCube]:
        """The relations that begin or end at one of these, looked up by way of the memory graph, oldest first."""
        if not ends:
            return []
        around = self._memos.graph(
            sorted(ends),
            namespace=self._namespace,
            exact=True,
            hops=1,
            limit=EVERY,
            fanout=EVERY,
            where={"graph": RELATION},
        )
        wanted = frozenset(ends)
        cubes: Iterator[MemCube | None] = (about.get("cube") for _, about in around.nodes(data=True))
        stated = [cube for cube in cubes if cube is not None and not wanted.isdisjoint(_ends(cube))]
        return sorted(stated, key=lambda cube: cube.id)

    def _triplets(self, stated: Sequence[MemCube]) -> list[Triplet]:
        cubes = self._nodes(end for cube in stated for end in _ends(cube))
        nodes = {_id(cube): _labelled(cube) for cube in cubes}
        return [
            (nodes[source], _relation(cube), nodes[target])
            for cube in stated
            for source, target in [_ends(cube)]
            if source in nodes and target in nodes
        ]


def _noted(node: LabelledNode) -> Note:
    if isinstance(node, ChunkNode):
        text, kind = node.text, Kind.DOCUMENT
    else:
        text, kind = str(getattr(node, "name", node)), Kind.PROFILE
    about = {"graph": NODE, "id": node.id, "label": node.label, "properties": node.properties}
    return Note(text=text, kind=kind, id=f"{NODE} {node.id}", metadata=about)


def _stated(relation: Relation) -> Note:
    source, label, target = relation.source_id, relation.label, relation.target_id
    predicate = label.replace("_", " ").strip().lower()
    about = {"graph": RELATION, "source": source, "label": label, "target": target, "properties": relation.properties}
    return Note(
        text=f"{source} {predicate} {target}",
        id=f"{RELATION} {source}\n{label}\n{target}",
        entities=(source, target),
        claims=(Claim(subject=source, predicate=predicate, object=target),),
        metadata=about,
    )


def _labelled(cube: MemCube) -> LabelledNode:
    about = {"label": cube.metadata["label"], "properties": dict(cube.metadata["properties"])}
    if cube.kind is Kind.DOCUMENT:
        return ChunkNode(text=cube.text, id_=_id(cube), **about)
    return EntityNode(name=cube.text, **about)


def _relation(cube: MemCube) -> Relation:
    source, target = _ends(cube)
    about = cube.metadata
    return Relation(label=about["label"], source_id=source, target_id=target, properties=dict(about["properties"]))


def _ends(cube: MemCube) -> tuple[str, str]:
    return cube.metadata["source"], cube.metadata["target"]


def _id(cube: MemCube) -> str:
    return str(cube.metadata["id"])


def _has(cube: MemCube, properties: dict[str, Any]) -> bool:
    return _any(cube.metadata["properties"], properties)


def _any(held: dict[str, Any], wanted: dict[str, Any]) -> bool:
    return any(held.get(key) == value for key, value in wanted.items())
