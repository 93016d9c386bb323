"""Truth maintenance: what rests on a memory follows it.

A cube that was derived names the versions it rests on. When one of these no longer holds, the cube is *fallen* if
nothing else carries it, and leaves recall; if something does, it is *stale*. When its premises hold again, it rises.
Labels are those of a justification-based truth maintenance system: the cubes that may be affected are first taken to be
out, and come in by a set of premises that are all in, so that two that rest on one another alone carry nothing.

References
----------
Doyle, A Truth Maintenance System, Artificial Intelligence 12 (3), 1979.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from enum import Enum
from typing import NamedTuple

from memos_core.cube.answer import Belief
from memos_core.cube.fold import content_of, is_erased
from memos_core.cube.memcube import RECALLED, Content, MemCube, Origin, Provenance, State, Trigger
from memos_core.cube.namespace import Namespace
from memos_core.cube.operation import OperationKind
from memos_core.cube.selection import Selection
from memos_core.language.words import terms
from memos_core.operation.beliefs import beliefs, topic
from memos_core.operation.lifecycle import may, moved
from memos_core.ports import Topic, Vault

MOST = 10_000  # cubes with claims about one topic


class Standing(str, Enum):
    """Whether what a cube rests on carries it."""

    HOLDS = "holds"
    STALE = "stale"  #: something that it rests on no longer holds, and something else does
    FALLEN = "fallen"  #: nothing that it rests on holds


class Consequence(NamedTuple):
    """What must happen to a cube, and why."""

    cube: MemCube
    trigger: Trigger
    reason: str


class Ground(NamedTuple):
    """A premise: the version that was built on, and the cube it belongs to as it is now.

    Attributes
    ----------
    cube
        ``None`` if it is erased, or has never been here.
    """

    version: str
    cube: MemCube | None
    holds: bool


def justifications(provenance: Provenance) -> tuple[tuple[str, ...], ...]:
    """Sets of versions of which one must hold, whole; empty for what rests on nothing."""
    return provenance.justifications or tuple((version,) for version in provenance.derived_from)


def same_statement(one: Content, other: Content) -> bool:
    """Say whether two versions of a cube say the same: a new tag does not shake what rests on it."""
    return (one.payload, one.claims, one.occurred) == (other.payload, other.claims, other.occurred)


def consequences(changed: Iterable[str], vault: Vault, *, at: datetime) -> list[Consequence]:
    """Work out what a change means for all that rests on it, at any depth.

    Parameters
    ----------
    changed
        Ids of cubes that were written, moved or erased, or whose claims may now be judged otherwise.
    at
        The present moment of valid time.

    Returns
    -------
    list[Consequence]
        Cubes in the order of ids; what rises and is stale at once is moved twice. What is frozen or expired stays.
    """
    labels = Labels(vault, at=at)
    return [step for cube in labels.judged(changed) for step in _steps(cube, labels)]


def falls_with(gone: Collection[str], vault: Vault, *, at: datetime) -> dict[str, Standing]:
    """What becomes of all that rests on these cubes if they are gone: by id, without what goes on to hold."""
    labels = Labels(vault, at=at, gone=frozenset(gone))
    found = {cube.id: labels.standing(cube) for cube in labels.judged(gone) if cube.id not in gone}
    return {name: standing for name, standing in found.items() if standing is not Standing.HOLDS}


def _steps(cube: MemCube, labels: Labels) -> Iterator[Consequence]:
    trigger = _trigger(cube, labels.standing(cube))
    if trigger is not None and may(cube, trigger):
        yield Consequence(cube, trigger, _reason(cube, trigger, labels))
        yield from _steps(cube.model_copy(update={"state": moved(cube, trigger), "moved_by": trigger.value}), labels)


def _trigger(cube: MemCube, standing: Standing) -> Trigger | None:
    is_down = cube.state is State.ARCHIVED and cube.moved_by == Trigger.FALL
    if standing is Standing.FALLEN:
        return None if is_down else Trigger.FALL
    if is_down or (standing is Standing.HOLDS and cube.is_stale):
        return Trigger.RISE
    return Trigger.SHAKE if standing is Standing.STALE and not cube.is_stale else None


def _reason(cube: MemCube, trigger: Trigger, labels: Labels) -> str:
    grounds = labels.grounds(cube)
    if trigger is Trigger.RISE:
        return "what it rests on holds again"
    lost = dict.fromkeys(labels.cube_of(ground.version) or "unknown" for ground in grounds if not ground.holds)
    return f"rests on {', '.join(lost)}, which no longer holds"


class Labels:
    """Which cubes are in: their own state allows it, and so does what they rest on.

    Parameters
    ----------
    gone
        Ids of cubes that are taken to be erased.
    """

    def __init__(self, vault: Vault, *, at: datetime, gone: frozenset[str] = frozenset()) -> None:
        self._vault = vault
        self._at = at
        self._gone = gone
        self._cubes: dict[str, MemCube | None] = {}
        self._of_version: dict[str, tuple[str, Content | None]] = {}
        self._disputed: dict[str, list[Belief]] = {}
        self._affected: set[str] = set()
        self._in: set[str] = set()

    def judged(self, changed: Iterable[str]) -> list[MemCube]:
        """Label all that rests on these cubes, and return what has premises at all."""
        frontier = set(changed)
        while frontier:
            self._affected |= frontier
            frontier = set(self._vault.resting_on(sorted(frontier))) - self._affected
        cubes = self._vault.get(sorted(self._affected))
        self._cubes = dict.fromkeys(self._affected) | {cube.id: cube for cube in cubes}
        grounded = [cube for cube in cubes if justifications(cube.provenance)]
        self._in = {cube.id for cube in cubes if not justifications(cube.provenance) and self._stands(cube)}
        while new := {cube.id for cube in grounded if cube.id not in self._in and self._comes_in(cube)}:
            self._in |= new
        return grounded

    @property
    def inside(self) -> frozenset[str]:
        """Ids of the labelled cubes that are in."""
        return frozenset(self._in)

    def standing(self, cube: MemCube) -> Standing:
        """Whether what a cube rests on carries it."""
        holding = {ground.version for ground in self.grounds(cube) if ground.holds}
        sets = justifications(cube.provenance)
        if not sets or holding.issuperset(version for versions in sets for version in versions):
            return Standing.HOLDS
        return Standing.STALE if any(holding.issuperset(versions) for versions in sets) else Standing.FALLEN

    def grounds(self, cube: MemCube) -> list[Ground]:
        """The premises of a cube, each once."""
        versions = dict.fromkeys(version for versions in justifications(cube.provenance) for version in versions)
        found = []
        for version in versions:
            name = self.cube_of(version)
            found.append(Ground(version, self.cube(name) if name else None, self._holds(version, cube)))
        return found

    def cube(self, name: str) -> MemCube | None:
        """A cube as it is now."""
        if name not in self._cubes:
            self._cubes[name] = next(iter(self._vault.get([name])), None)
        return self._cubes[name]

    def cube_of(self, version: str) -> str | None:
        """The id of the cube that a version belongs to; ``None`` if it has never been here."""
        return self._version(version)[0] or None

    def _version(self, version: str) -> tuple[str, Content | None]:
        if version not in self._of_version:
            operation = self._vault.operations([version]).get(version)
            if operation is None:
                self._of_version[version] = ("", None)
            else:
                is_put = operation.kind is OperationKind.PUT and operation.body is not None
                self._of_version[version] = (operation.cube, content_of(operation) if is_put else None)
        return self._of_version[version]

    def _comes_in(self, cube: MemCube) -> bool:
        return self._is_possible(cube) and any(
            all(self._holds(version, cube) for version in versions) for versions in justifications(cube.provenance)
        )

    def _holds(self, version: str, conclusion: MemCube) -> bool:
        """Whether a premise holds. Nothing is known against what has never been here: a part of a package, perhaps."""
        name, content = self._version(version)
        if not name:
            return True
        cube = self.cube(name)
        if cube is None or name in self._gone:
            return name not in self._gone and not is_erased(self._vault.history(name))
        says_so = cube.version == version or (content is not None and same_statement(content, cube))
        is_in = cube.id in self._in if cube.id in self._affected else self._stands(cube)
        return says_so and is_in and not self._is_outdated(cube, conclusion)

    def _stands(self, cube: MemCube) -> bool:
        """Whether a cube is in that nothing here has touched, or that rests on nothing."""
        return self._is_possible(cube) and cube.moved_by != Trigger.FALL

    def _is_possible(self, cube: MemCube) -> bool:
        """Whether its own state lets it be in; what fell may rise, and what has cooled off is still so."""
        ends = cube.governance.expires_at
        if cube.id in self._gone or (ends is not None and ends <= self._at):
            return False
        cold = cube.state is State.ARCHIVED and cube.moved_by in {Trigger.COOL, Trigger.FALL}
        return cold or cube.state in RECALLED or cube.state is State.MERGED

    def _is_outdated(self, cube: MemCube, conclusion: MemCube) -> bool:
        """Whether others have replaced what it claims: all of it, or that of which the conclusion speaks."""
        if not cube.claims or conclusion.provenance.origin is Origin.IMPORT:
            return False  # a note was read out of words: they were said, and its own claims tell what has changed since
        judged = self._claims(cube)
        lost = [belief for belief in judged if belief.outdated_by and not belief.is_over]
        if not lost or len(lost) == len(judged):
            return bool(lost)
        spoken_of = set(terms(conclusion.text))
        # A cache or an adapter has no text, and holds all that its premises say.
        return not spoken_of or any(not spoken_of.isdisjoint(terms(belief.claim.object)) for belief in lost)

    def _claims(self, cube: MemCube) -> list[Belief]:
        if cube.id not in self._disputed:
            here = Selection(namespace=cube.namespace, exact=True, now=self._at)
            rivals = self._vault.claiming(here, {topic(claim) for claim in cube.claims}, limit=MOST)
            known = [other for other in self._vault.get(rivals) if other.id not in self._gone and other.id != cube.id]
            self._disputed[cube.id] = beliefs([cube, *known], at=self._at, of={cube.id})
        return self._disputed[cube.id]


def touched(contents: Iterable[Content], vault: Vault, *, at: datetime) -> set[str]:
    """Ids of cubes whose claims must be judged anew, because these contents, new or old, claim about the same."""
    about: dict[Namespace, set[Topic]] = defaultdict(set)
    for content in contents:
        about[content.namespace].update(topic(claim) for claim in content.claims)
    return {
        name
        for namespace, topics in about.items()
        if topics
        for name in vault.claiming(Selection(namespace=namespace, exact=True, now=at), topics, limit=MOST)
    }
