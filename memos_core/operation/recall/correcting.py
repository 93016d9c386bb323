"""Correction: what replaces a memory takes its place, and what repeats a question makes room for what answers it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from memos_core.cube.answer import Belief
from memos_core.cube.memcube import MemCube
from memos_core.cube.selection import Selection
from memos_core.language.names import entity_key
from memos_core.operation.aliases import canonical, known_as
from memos_core.operation.beliefs import beliefs, topic
from memos_core.operation.recall.fusion import Ranked
from memos_core.operation.recall.question import Question
from memos_core.ports import Vault

MOST = 200  # cubes that are compared
LIKENESS = ("text", "vectors", "before", "after")  # what a message gets for its words, and for those around it


def outdated(
    cubes: Sequence[MemCube], question: Question, selection: Selection, vault: Vault, *, now: datetime
) -> dict[str, tuple[str, ...]]:
    """Which of these cubes claim what the question asks for and others have replaced, and which those are.

    Judged at the time that is asked about: ``as_of``, or the end of the time that the question names, or now.
    """
    asked = {topic(claim) for cube in cubes for claim in cube.claims if question.touches(claim)}
    if not asked:
        return {}
    at = selection.as_of or _asked_about(question, now)
    groups = known_as([about.subject for about in asked], selection, vault)
    asked |= {about._replace(subject=name) for about in asked for name in groups[entity_key(about.subject)]}
    known = {cube.id: cube for cube in cubes if cube.claims}
    ranked = frozenset(known)
    others = [name for name in vault.claiming(selection, asked, limit=MOST) if name not in known]
    known |= {cube.id: cube for cube in vault.get(others, known_at=selection.known_at) if selection.admits(cube)}
    replaced: dict[str, tuple[str, ...]] = {}
    for belief in beliefs(known.values(), at=at, of=ranked, same=canonical(groups)):
        if belief.outdated_by and question.touches(belief.claim) and not _repeats(belief, known):
            replaced.setdefault(belief.cube.id, belief.outdated_by)
    return replaced


def demoted(ranked: Sequence[Ranked], asking: Collection[str], *, weight: float) -> list[Ranked]:
    """Rank anew: what only repeats the question loses ``weight`` of what likeness to it gave. Pure."""
    changed = [_less_alike(found, weight) if found.cube in asking else found for found in ranked]
    return sorted(changed, key=lambda found: (-found.score, found.cube))


def _less_alike(found: Ranked, weight: float) -> Ranked:
    lost = weight * sum(found.why.get(signal, 0.0) for signal in LIKENESS)
    return found._replace(score=found.score - lost, why={**found.why, "asks": -lost}) if lost else found


def corrected(ranked: Sequence[Ranked], replaced: Mapping[str, Sequence[str]], *, weight: float) -> list[Ranked]:
    """Rank anew: what replaces a memory gets at least the score that it had, and it loses ``weight``. Pure."""
    had = {found.cube: found.score for found in ranked}
    wanted: dict[str, float] = {}
    for old, newer in replaced.items():
        wanted[newer[0]] = max(wanted.get(newer[0], 0.0), had.get(old, 0.0))
    missing = [Ranked(name, 0.0, {}) for name in wanted if name not in had]
    changed = [_changed(found, wanted, replaced, weight) for found in (*ranked, *missing)]
    return sorted(changed, key=lambda found: (-found.score, found.cube))


def _changed(
    found: Ranked, wanted: Mapping[str, float], replaced: Mapping[str, Sequence[str]], weight: float
) -> Ranked:
    gained = max(0.0, wanted.get(found.cube, 0.0) - found.score)
    lost = weight if found.cube in replaced else 0.0
    shares = {name: share for name, share in (("current", gained), ("outdated", -lost)) if share}
    return found._replace(score=found.score + gained - lost, why={**found.why, **shares})


def _asked_about(question: Question, now: datetime) -> datetime:
    end = question.interval.end if question.interval else None
    return now if end is None else min(end, now)


def _repeats(belief: Belief, known: Mapping[str, MemCube]) -> bool:
    """Say whether the cube itself tells of the change: "I left Lisbon and live in Porto now"."""
    return belief.cube.id in belief.outdated_by and belief.cube.id in known
