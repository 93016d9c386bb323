"""What holds of all that was claimed: a pure function of the claims, at a moment of valid time.

Nothing is rewritten when a newer claim arrives. What is outdated follows from the set of claims, so it follows for two
vaults that were merged as well, and comes back when the newer claim is erased.

- Two claims of one namespace about the same subject and predicate contradict one another if they say yes and no of one
  object, or name different objects where only one can be.
- Of two that contradict one another, the one that begins later in valid time counts, if it is trusted at least as far.
- Where neither comes later, or the later one is trusted less, both stay, and they are in conflict.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from math import inf

from memos_core.cube.claim import Claim
from memos_core.cube.interval import Interval
from memos_core.cube.memcube import MemCube
from memos_core.language.names import entity_key

#: What two claims must share to speak of the same: namespace, subject and predicate.
Topic = tuple[tuple[str, ...], str, str]


@dataclass(frozen=True)
class Belief:
    """One claim of one cube, and what has become of it.

    Attributes
    ----------
    when
        Its valid time; ``None`` if nothing is known of it.
    is_over
        Its time has ended.
    outdated_by, conflicts_with
        Ids of cubes whose claims replace it, the latest first, or contradict it without an order.
    """

    cube: MemCube
    claim: Claim
    when: Interval | None
    is_over: bool = False
    outdated_by: tuple[str, ...] = ()
    conflicts_with: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether nothing speaks against it."""
        return not (self.is_over or self.outdated_by)


def topics(cubes: Iterable[MemCube]) -> dict[tuple[str, str], None]:
    """Subjects and predicates that cubes make claims about, in order."""
    return {(claim.subject, claim.predicate): None for cube in cubes for claim in cube.claims}


def beliefs(cubes: Iterable[MemCube], *, at: datetime) -> list[Belief]:
    """Judge the claims of cubes against one another.

    Parameters
    ----------
    cubes
        All that claim something about the topics in question; each once.
    at
        The moment of valid time that is asked about; what begins later does not count.

    Returns
    -------
    list[Belief]
        In the order given, without claims that begin after ``at``.
    """
    known = [
        belief for cube in cubes for claim in cube.claims if (belief := _belief(cube, claim)) and _has_begun(belief, at)
    ]
    by_topic: Mapping[Topic, list[Belief]] = _grouped(known)
    return [_judged(belief, by_topic[_topic(belief)], at) for belief in known]


def _belief(cube: MemCube, claim: Claim) -> Belief:
    return Belief(cube, claim, claim.when or cube.occurred)


def _has_begun(belief: Belief, at: datetime) -> bool:
    """What is said of a time to come is a plan from the moment it is said."""
    return belief.when is None or min(belief.when.start, belief.cube.said_at) <= at


def _topic(belief: Belief) -> Topic:
    return belief.cube.namespace, entity_key(belief.claim.subject), belief.claim.predicate


def _grouped(known: Iterable[Belief]) -> dict[Topic, list[Belief]]:
    groups: dict[Topic, list[Belief]] = defaultdict(list)
    for belief in known:
        groups[_topic(belief)].append(belief)
    return groups


def _judged(belief: Belief, group: Iterable[Belief], at: datetime) -> Belief:
    rivals = [other for other in group if _contradict(belief.claim, other.claim) and not _is_over(other, at)]
    later = sorted((other for other in rivals if _replaces(other, belief)), key=_start, reverse=True)
    unordered = [other.cube.id for other in rivals if not _replaces(other, belief) and not _replaces(belief, other)]
    return Belief(
        belief.cube,
        belief.claim,
        belief.when,
        is_over=_is_over(belief, at),
        outdated_by=tuple(other.cube.id for other in later),
        conflicts_with=() if later or _is_over(belief, at) else tuple(unordered),
    )


def _contradict(one: Claim, other: Claim) -> bool:
    if entity_key(one.object) == entity_key(other.object):
        return one.negated != other.negated
    return one.single_valued and other.single_valued and not (one.negated or other.negated)


def _replaces(newer: Belief, older: Belief) -> bool:
    is_later = newer.when is not None and (older.when is None or newer.when.start > older.when.start)
    return is_later and newer.cube.governance.trust >= older.cube.governance.trust


def _start(belief: Belief) -> tuple[float, str]:
    return belief.when.start.timestamp() if belief.when else -inf, belief.cube.id


def _is_over(belief: Belief, at: datetime) -> bool:
    when = belief.when
    return when is not None and when.end is not None and when.start < when.end <= at


def in_conflict(judged: Iterable[Belief]) -> Iterator[MemCube]:
    """Cubes of which a claim contradicts another's without an order, each once."""
    seen: dict[str, MemCube] = {belief.cube.id: belief.cube for belief in judged if belief.conflicts_with}
    yield from seen.values()
