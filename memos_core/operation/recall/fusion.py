"""Fusion: candidate lists become one ranking, and every share of a score has a name. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from memos_core.operation.recall.question import Question
from memos_core.operation.recall.weights import CHANCE, DEFAULT, KNEE, LONG, PART, SHORT, TAIL, WIDE, Weights
from memos_core.ports import Passage


@dataclass(frozen=True)
class Lists:
    """Candidates of each signal: raw scores by cube, on the scale of the list."""

    text: Mapping[str, float]
    vectors: Mapping[str, float]
    time: Mapping[str, float]


class Ranked(NamedTuple):
    """A cube, its score, and the share of each signal in it."""

    cube: str
    score: float
    why: Mapping[str, float]


def fuse(lists: Lists, passages: Mapping[str, Passage], question: Question, weights: Weights = DEFAULT) -> list[Ranked]:
    """Rank candidates by a weighted sum of scaled signals.

    Parameters
    ----------
    passages
        Of all candidates, and of their neighbours up to two steps away. Only what is in here is ranked.

    Returns
    -------
    list[Ranked]
        Best first, ties by cube id. The shares of each add up to its score.

    Notes
    -----
    Scaled weighted sums kept more of each list's information than reciprocal ranks in every measurement made
    for this project; see ``docs/decisions/0006-fusion.md``.
    """
    text = scaled({cube: score * _fading(_length(cube, passages), LONG) for cube, score in lists.text.items()})
    vectors = scaled({cube: score - _chance(_length(cube, passages)) for cube, score in lists.vectors.items()})
    time = scaled(lists.time)
    found = {*text, *vectors, *time}
    given = {
        cube: (weights.text * text.get(cube, 0.0) + weights.vectors * vectors.get(cube, 0.0))
        * _fading(passages[cube].length, WIDE)
        for cube in {*text, *vectors}
        if cube in passages
    }
    steps_back = {cube: passage.follows for cube, passage in passages.items()}
    steps_on = {cube: passage.followed_by for cube, passage in passages.items()}
    before = _gained(given, steps_back, weight=weights.before, decay=weights.decay)
    after = _gained(given, steps_on, weight=weights.after, decay=weights.decay)
    is_named = {speaker: question.names(speaker) for speaker in {passage.speaker for passage in passages.values()}}
    ranked = []
    for cube, passage in passages.items():
        if cube not in found and not before[cube] and not after[cube]:
            continue
        why = {
            "text": weights.text * text.get(cube, 0.0),
            "vectors": weights.vectors * vectors.get(cube, 0.0),
            "time": weights.time * time.get(cube, 0.0),
            "before": before[cube],
            "after": after[cube],
            "speaker": weights.speaker * is_named[passage.speaker],
            "substance": weights.substance * passage.length / (passage.length + SHORT),
            "role": -weights.assistant * (passage.role == "assistant"),
        }
        shares = {name: share for name, share in why.items() if share}
        ranked.append(Ranked(cube, math.fsum(shares.values()), shares))
    return sorted(ranked, key=lambda found: (-found.score, found.cube))


def scaled(scores: Mapping[str, float]) -> dict[str, float]:
    """Stretch scores to 0..1: the best has 1, and beyond the ``KNEE`` best nothing has more than ``TAIL``.

    What a signal finds beyond its best few is mostly chance; its order is kept, and little else.
    """
    if not scores:
        return {}
    ordered = sorted(scores.values(), reverse=True)
    best = ordered[0]
    if len(ordered) < KNEE:
        return {cube: max(0.0, score) / best if best > 0 else 0.0 for cube, score in scores.items()}
    knee = ordered[KNEE - 1]
    return {cube: _stretched(score, knee, best) for cube, score in scores.items()}


def _stretched(score: float, knee: float, best: float) -> float:
    if score < knee:
        return TAIL * max(0.0, score / knee) if knee > 0 else 0.0
    return TAIL + (1 - TAIL) * (score - knee) / (best - knee) if best > knee else 1.0


def neighbours(passages: Iterable[Passage]) -> set[str]:
    """Ids of what comes right before and after."""
    return {cube for passage in passages for cube in (passage.follows, passage.followed_by) if cube}


def _gained(
    given: Mapping[str, float], beside: Mapping[str, str | None], *, weight: float, decay: float
) -> dict[str, float]:
    """What the nearest two neighbours on one side give to each."""
    give, next_to = given.get, beside.get
    return {
        cube: 0.0 if near is None else weight * (give(near, 0.0) + decay * give(next_to(near) or "", 0.0))
        for cube, near in beside.items()
    }


def _length(cube: str, passages: Mapping[str, Passage]) -> int:
    return passages[cube].length if cube in passages else 0


def _fading(length: int, half: int) -> float:
    return 1 / (1 + length / half)


def _chance(length: int) -> float:
    """What a text of several parts gains by being allowed its best one."""
    return CHANCE * math.sqrt(2 * math.log(math.ceil(max(1, length) / PART)))
