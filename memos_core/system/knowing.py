"""Knowing: what memories claim, who is who in them, and how they hang together."""

from __future__ import annotations

import builtins
from collections.abc import Iterable
from typing import TYPE_CHECKING

from typing_extensions import Unpack

from memos_core.cube.memcube import Kind, MemCube, State
from memos_core.cube.message import names
from memos_core.cube.namespace import NamespaceLike
from memos_core.cube.namespace import namespace as parse_namespace
from memos_core.cube.selection import Filters, selection
from memos_core.errors import InvalidInput
from memos_core.ports import Walk
from memos_core.system.governing import Governing
from memos_core.system.writing import MAX_CLAIMS

if TYPE_CHECKING:
    import networkx as nx

    from memos_core.cube.answer import Belief


class Knowing(Governing):
    """The part of :class:`memos_core.MemOS` that knows what is claimed."""

    def conflicts(self, *, namespace: NamespaceLike) -> builtins.list[MemCube]:
        """Cubes that were changed apart in two places, and those whose claims contradict one another without an order.

        :meth:`resolve` settles each.
        """
        wanted = selection(namespace, now=self._clock.now(), states=State).model_copy(update={"contested": True})
        apart = self._vault.select(wanted, limit=self._vault.count(wanted))
        disputed = [belief.cube for belief in self.claims(namespace=namespace) if belief.conflicts_with]
        return [*{cube.id: cube for cube in (*apart, *disputed)}.values()]

    def resolve(self, cube_id: str, version: str | None = None) -> MemCube:
        """Settle a conflict: the version named, or the one shown, replaces all others.

        Cubes whose claims contradict this one's without an order are archived.
        """
        with self.transaction():
            chosen = self.get(cube_id)
            rivals = [
                belief for belief in self.claims(namespace=chosen.namespace, exact=True) if belief.cube.id == cube_id
            ]
            for rival in sorted({name for belief in rivals for name in belief.conflicts_with}):
                self.forget(rival, reason=f"contradicts {cube_id}, which was chosen")
            return self.rollback(cube_id, version or chosen.version)

    def claims(
        self, *, namespace: NamespaceLike, limit: int = MAX_CLAIMS, **filters: Unpack[Filters]
    ) -> builtins.list[Belief]:
        """What is claimed in a namespace and those below it, in the order in which it was learnt, and what holds of it.

        Parameters
        ----------
        limit
            Only the latest so many cubes with claims are read.
        **filters
            As in :meth:`search`; with ``as_of``, what held then.
        """
        from memos_core.operation.aliases import canonical, grouped, pairs
        from memos_core.operation.beliefs import beliefs

        now = self._clock.now()
        wanted = selection(namespace, now=now, **filters)
        latest = self._vault.claiming(wanted, limit=limit)
        cubes = self._vault.get(latest[::-1], known_at=wanted.known_at)
        admitted = [cube for cube in cubes if wanted.admits(cube)]
        return beliefs(admitted, at=wanted.as_of or now, same=canonical(grouped(pairs(admitted))))

    def link(self, source: str, relation: str, target: str) -> MemCube:
        """Remember how one cube relates to another, e.g. that it ``"explains"`` or ``"contradicts"`` it.

        The link is a cube of the source's namespace, and is forgotten and erased as one. Made again, it is the same.

        Raises
        ------
        InvalidInput
            If the relation is no text, or blank.
        """
        from memos_core.operation.graph import linked

        with self._lock:
            content = linked(self.get(source), _relation(relation), self.get(target))
            return self._remember(content)

    def graph(
        self,
        about: str | Iterable[str] | None = None,
        *,
        namespace: NamespaceLike,
        hops: int = 2,
        limit: int = 1000,
        fanout: int = 100,
        **filters: Unpack[Filters],
    ) -> nx.MultiDiGraph[str]:
        """Draw the memory graph around names or cubes: who is mentioned where, what follows what, what is claimed.

        Parameters
        ----------
        about
            Names of people or things, or ids of cubes; all by default, the latest first.
        hops
            Steps away from these.
        limit
            At most so many edges.
        fanout
            Edges by which each node leads on, at most.
        **filters
            As in :meth:`search`.

        Returns
        -------
        networkx.MultiDiGraph
            Nodes are named ``"cube:<id>"``, with the cube as attribute ``cube``, and ``"entity:<name in lower case>"``;
            each edge has its relation as key.

        Raises
        ------
        InvalidInput
            If a number is below zero, or a name no text.
        """
        from memos_core.operation.graph import cube_of, drawn, grounded, seeds, versions

        wanted = selection(namespace, now=self._clock.now(), **filters)
        if about is None:
            around = [cube.id for cube in self._vault.select(wanted, limit=limit)]
        else:
            around = list(names(about, "about"))
        walk = Walk(hops=hops, fanout=fanout, limit=limit)
        stated = self._vault.neighbourhood(wanted, seeds(around), walk)
        premises = self._vault.operations(versions(stated))
        edges = grounded(stated, {version: premise.cube for version, premise in premises.items()})
        nodes = dict.fromkeys(node for edge in edges for node in (edge.source, edge.target))
        cubes = self._vault.get([*filter(None, map(cube_of, nodes))], known_at=wanted.known_at)
        return drawn(edges, [cube for cube in cubes if wanted.admits(cube)])

    def merge_entities(self, one: str, other: str, *, namespace: NamespaceLike) -> MemCube:
        """Remember that two names stand for one person or thing; what is claimed of them is then compared.

        It is a memory like others: :meth:`split_entities`, or forgetting it, undoes it.

        Raises
        ------
        InvalidInput
            If a name is no text.
        """
        from memos_core.operation.aliases import alias

        content = alias(*names([one, other], "names"), namespace=parse_namespace(namespace))
        with self._lock:
            return self._remember(content)

    def split_entities(self, one: str, other: str, *, namespace: NamespaceLike) -> builtins.list[MemCube]:
        """Forget the memories that merged two names in this namespace; return them. Messages that say so stay.

        Raises
        ------
        InvalidInput
            If a name is no text.
        """
        from memos_core.operation.aliases import joins

        one, other = names([one, other], "names")
        with self.transaction():
            judged = self.claims(namespace=namespace, exact=True)
            facts = {belief.cube.id: belief.cube for belief in judged if belief.cube.kind is Kind.FACT}
            merged = [cube.id for cube in facts.values() if joins(cube, one, other)]
            return [self.forget(cube, reason="entities were split") for cube in merged]


def _relation(given: str) -> str:
    (relation,) = names([given], "relation")
    if not relation.strip():
        raise InvalidInput(detail="The relation is blank. Say how the two relate, e.g. 'explains'.")
    return relation.strip()
