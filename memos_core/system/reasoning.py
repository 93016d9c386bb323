"""Reasoning: conclusions and what they rest on, what would fall with a memory, and rules."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from memos_core.cube.answer import Impact, Why
from memos_core.cube.canonical import json_object
from memos_core.cube.memcube import Kind, MemCube, State
from memos_core.cube.message import names
from memos_core.cube.namespace import NamespaceLike
from memos_core.cube.namespace import namespace as parse_namespace
from memos_core.cube.rule import Effect, rule
from memos_core.cube.selection import Selection
from memos_core.errors import InvalidInput
from memos_core.system.knowing import Knowing

if TYPE_CHECKING:
    from memos_core.operation.truth import Labels


class Reasoning(Knowing):
    """The part of :class:`memos_core.MemOS` that keeps conclusions true; ``docs/TRUTH.md`` shows it."""

    def derive(
        self,
        text: str,
        *,
        because: str | Iterable[str],
        namespace: NamespaceLike | None = None,
        kind: Kind | str = Kind.FACT,
        tags: Iterable[str] = (),
        metadata: Mapping[str, Any] | None = None,
    ) -> MemCube:
        """Remember a conclusion and what it rests on.

        While all these premises hold, it does; when one no longer does, it leaves recall in the same commit. Derived
        again from others, it holds while either set of premises does.

        Parameters
        ----------
        because
            Ids of the cubes that carry it together.
        namespace
            Whose memory it becomes; by default that of the first premise.

        Raises
        ------
        InvalidInput
            If there is no premise, or the text or another argument cannot be accepted.
        """
        from memos_core.interface.reader.derived import also_from, conclude

        with self._lock:
            premises = [self.get(name) for name in names(because, "because")]
            if not premises:
                raise InvalidInput(detail="A conclusion rests on something: name the cubes in because=[...].")
            content = conclude(
                text,
                premises,
                namespace=premises[0].namespace if namespace is None else parse_namespace(namespace),
                kind=_kind(kind),
                tags=names(tags, "tags"),
                metadata={} if metadata is None else json_object(metadata),
                now=self._clock.now(),
            )
            known = self._drawn_before(content.provenance.source_id or "", content.namespace)
            if known is not None:
                return self._put(known, also_from(known, content))
            return self._remember(content)

    def why(self, cube_id: str) -> Why:
        """What a cube rests on, down to what rests on nothing, and whether that holds."""
        from memos_core.operation.truth import Labels

        labels = Labels(self._whole, at=self._clock.now())
        cube = self.get(cube_id)
        labels.judged([cube.id])
        tree = _Tree(labels, shows=lambda premise: bool(self._vault.get([premise.id])))
        return tree.under(cube.version, cube, holds=cube.id in labels.inside)

    def impact(self, cube_ids: str | Iterable[str]) -> builtins.list[Impact]:
        """What would fall or become stale if these cubes were gone, at any depth."""
        from memos_core.operation.truth import falls_with

        gone = {self.get(cube_id).id for cube_id in names(cube_ids, "cube_ids")}
        falls = falls_with(gone, self._whole, at=self._clock.now())
        return [Impact(cube=cube, standing=falls[cube.id].value) for cube in self._vault.get(list(falls))]

    def add_rule(
        self,
        *,
        namespace: NamespaceLike,
        when: str,
        tags: Iterable[str] = (),
        kinds: Iterable[Kind | str] = (),
        effect: Effect | str = Effect.STALE,
    ) -> MemCube:
        """Remember a rule: if what is claimed under a predicate changes, memories of these tags or kinds are affected.

        It is a memory like others, and forgetting it ends it. It holds for sub-namespaces as well.

        Parameters
        ----------
        when
            The predicate, e.g. ``"lives in"``; ``docs/CLAIMS.md`` lists those that rules read.
        effect
            ``"stale"`` or ``"fallen"``.

        Raises
        ------
        InvalidRule
            If it does not parse, or would mean every memory.
        """
        found = rule(when=when, tags=names(tags, "tags"), kinds=tuple(kinds), effect=effect)
        with self._lock:
            return self._remember(found.content(parse_namespace(namespace)))

    def _drawn_before(self, source: str, namespace: tuple[str, ...]) -> MemCube | None:
        alive = frozenset(State) - {State.EXPIRED, State.MERGED}
        drawn = Selection(namespace=namespace, exact=True, source_ids=frozenset({source}), states=alive)
        return next(iter(self._vault.select(drawn, limit=1)), None)


def _kind(given: Kind | str) -> Kind:
    try:
        return Kind(given)
    except ValueError as error:
        raise InvalidInput(detail=f"{error}; known are {', '.join(kind.value for kind in Kind)}.") from error


class _Tree(NamedTuple):
    """Draws what memories rest on.

    Attributes
    ----------
    shows
        Says whether a memory may be seen. One that may not is shown like one that is not there.
    """

    labels: Labels
    shows: Callable[[MemCube], bool]

    def under(self, version: str, cube: MemCube | None, *, holds: bool, above: frozenset[str] = frozenset()) -> Why:
        """A memory and all below it; a cycle ends where it comes back to itself."""
        from memos_core.operation.truth import Standing, justifications

        shown = cube if cube is not None and self.shows(cube) else None
        if shown is None or version in above:
            standing = Standing.HOLDS if holds else Standing.FALLEN
            return Why(version=version, cube=shown, holds=holds, standing=standing.value)
        grounds = {ground.version: ground for ground in self.labels.grounds(shown)}
        sets = tuple(
            tuple(
                self.under(name, grounds[name].cube, holds=grounds[name].holds, above=above | {version})
                for name in versions
            )
            for versions in justifications(shown.provenance)
        )
        standing = self.labels.standing(shown)
        return Why(version=version, cube=shown, holds=holds, standing=standing.value, justifications=sets)
