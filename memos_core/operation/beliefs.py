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
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from math import inf
from types import MappingProxyType

from memos_core.cube.answer import Belief
from memos_core.cube.claim import Claim
from memos_core.cube.memcube import MemCube
from memos_core.language.names import entity_key
from memos_core.ports import Topic


def topic(claim: Claim) -> Topic:
    """What a claim must be compared with: of what can be several, only the same object speaks for or against it."""
    return Topic(claim.subject, claim.predicate, None if claim.single_valued else claim.object)


def beliefs(
    cubes: Iterable[MemCube],
    *,
    at: datetime,
    of: Collection[str] | None = None,
    same: Mapping[str, str] = MappingProxyType({}),
) -> list[Belief]:
    """Judge the claims of cubes against one another.

    Parameters
    ----------
    cubes
        All that claim something about the topics in question; each once.
    at
        The moment of valid time that is asked about; what begins later does not count.
    of
        Ids of the cubes whose claims are judged; by default all.
    same
        Of names that stand for one, as keys, the one to compare by.

    Returns
    -------
    list[Belief]
        In the order given, without claims that begin after ``at``.
    """
    stated = (_belief(cube, claim, same) for cube in cubes for claim in cube.claims)
    known = [belief for belief in stated if _has_begun(belief, at)]
    groups: dict[object, list[Belief]] = defaultdict(list)
    for belief in known:
        for key in _keys(belief):
            groups[key].append(belief)
    return [_judged(belief, groups, at) for belief in known if of is None or belief.cube.id in of]


def _belief(cube: MemCube, claim: Claim, same: Mapping[str, str]) -> Belief:
    subject = entity_key(claim.subject)
    return Belief(cube, claim, claim.when or cube.occurred, about=same.get(subject, subject))


def _has_begun(belief: Belief, at: datetime) -> bool:
    """What is said of a time to come is a plan from the moment it is said."""
    return belief.when is None or min(belief.when.start, belief.cube.said_at) <= at


def _keys(belief: Belief) -> list[object]:
    """Under which its rivals look for it: by its object, and if only one can be, among all that are affirmed."""
    about, value = _about(belief), entity_key(belief.claim.object)
    affirmed = belief.claim.single_valued and not belief.claim.negated
    return [(about, belief.claim.negated, value), *([about] if affirmed else [])]


def _about(belief: Belief) -> object:
    return belief.cube.namespace, belief.about, belief.claim.predicate


def _judged(belief: Belief, groups: Mapping[object, Sequence[Belief]], at: datetime) -> Belief:
    rivals = [other for other in _rivals(belief, groups) if not _is_over(other, at)]
    later = sorted((other for other in rivals if _replaces(other, belief)), key=_start, reverse=True)
    unordered = [other.cube.id for other in rivals if not (_replaces(other, belief) or _replaces(belief, other))]
    over = _is_over(belief, at)
    return replace(
        belief,
        is_over=over,
        outdated_by=tuple(other.cube.id for other in later),
        conflicts_with=() if later or over else tuple(unordered),
    )


def _rivals(belief: Belief, groups: Mapping[object, Sequence[Belief]]) -> list[Belief]:
    """Claims that say yes and no of one object, or name different objects where only one can be."""
    about, negated, value = _about(belief), belief.claim.negated, entity_key(belief.claim.object)
    opposite = groups.get((about, not negated, value), ())
    others = groups.get(about, ()) if belief.claim.single_valued and not negated else ()
    return [*opposite, *(other for other in others if entity_key(other.claim.object) != value)]


def _replaces(newer: Belief, older: Belief) -> bool:
    is_later = newer.when is not None and (older.when is None or newer.when.start > older.when.start)
    return is_later and newer.cube.governance.trust >= older.cube.governance.trust


def _start(belief: Belief) -> tuple[float, str]:
    return belief.when.start.timestamp() if belief.when else -inf, belief.cube.id


def _is_over(belief: Belief, at: datetime) -> bool:
    when = belief.when
    return when is not None and when.end is not None and when.start < when.end <= at
