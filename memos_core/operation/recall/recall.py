"""The way of a question: analysed, looked up by each signal, fused, and made into hits."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial

import numpy as np

from memos_core.cube.answer import Hit
from memos_core.cube.memcube import Kind, MemCube
from memos_core.cube.namespace import Namespace
from memos_core.cube.selection import Selection
from memos_core.errors import InvalidInput, InvalidVector
from memos_core.operation.aliases import known_as
from memos_core.operation.recall.correcting import corrected, demoted, outdated
from memos_core.operation.recall.distrust import limited
from memos_core.operation.recall.fusion import Lists, Ranked, fuse, neighbours
from memos_core.operation.recall.question import Question, analyse
from memos_core.operation.recall.weights import DEFAULT, KNEE, Weights
from memos_core.ports import Embedder, Passage, Scored, Vault

MAX_LIMIT = 1000
DEPTH = 100  # candidates a list; more only when more hits are asked for

Hydrate = Callable[[Sequence[Ranked]], Mapping[str, MemCube]]
Take = Callable[[Sequence[Ranked]], tuple[list[Ranked], dict[str, MemCube]]]


def recall(
    query: str,
    selection: Selection,
    *,
    vault: Vault,
    embedder: Embedder,
    limit: int,
    now: datetime,
    weights: Weights = DEFAULT,
    packages: Collection[Namespace] = (),
) -> list[Hit]:
    """Find the admitted memories that answer a question.

    Parameters
    ----------
    now
        The moment that "last week" in the question is counted from.
    packages
        Where installed packages lie.

    Returns
    -------
    list[Hit]
        Best first, at most ``limit``.

    Raises
    ------
    InvalidInput
        If the question is blank or the limit out of range.
    """
    _check(limit)
    question = analyse(query, now=now)
    question = question.also_calling(known_as(question.entities, selection, vault).values())
    lists, passages = _candidates(question, selection, vault, embedder, max(DEPTH, 2 * limit), weights)
    ranked = fuse(lists, passages, question, weights)
    hydrate = _remembering(lambda found: _hydrated(found, selection, vault))
    take = partial(limited, limit=limit, hydrate=hydrate, packages=packages)
    ranked, best = _answering(ranked, take, question, weight=weights.asks)
    replaced = outdated(list(best.values()), question, selection, vault, now=now) if weights.outdated else {}
    if replaced:
        ranked = corrected(ranked, replaced, weight=weights.outdated)
        ranked, best = take(ranked)
    return _hits(ranked[:limit], best, replaced)


def _answering(
    ranked: Sequence[Ranked], take: Take, question: Question, *, weight: float
) -> tuple[list[Ranked], dict[str, MemCube]]:
    """Take the best, those that only repeat the question behind those that may answer it."""
    taken, best = take(ranked)
    known: set[str] = set()
    while weight and (asking := {name for name, cube in best.items() if _repeats(cube, question)} - known):
        known |= asking
        ranked = demoted(ranked, asking, weight=weight)
        taken, best = take(ranked)  # what comes up in their place may only repeat it, too
    return taken, best


def _repeats(cube: MemCube, question: Question) -> bool:
    """Say whether it was said and only asks the same; a question that was noted is kept for its answer."""
    return cube.kind is Kind.EPISODE and question.is_repeated_by(cube.text)


def nearby(
    vector: Sequence[float],
    selection: Selection,
    *,
    vault: Vault,
    limit: int,
    packages: Collection[Namespace] = (),
) -> list[Hit]:
    """Find the admitted memories whose vectors are nearest to one; the score is the cosine similarity.

    Raises
    ------
    InvalidInput
        If the limit is out of range; ``InvalidVector`` if it is no vector of the vault's dimension.
    """
    _check(limit)
    try:
        point = np.asarray(vector, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise InvalidVector(detail=f"A vector is a sequence of numbers: {error}") from error
    found = vault.nearest(selection, point, limit=max(DEPTH, 2 * limit))
    ranked = [Ranked(cube, score, {"vector": score}) for cube, score in found]
    best, cubes = limited(ranked, limit, lambda page: _hydrated(page, selection, vault), packages=packages)
    return _hits(best, cubes, {})


def _check(limit: int) -> None:
    if not 1 <= limit <= MAX_LIMIT:
        raise InvalidInput(detail=f"limit must be between 1 and {MAX_LIMIT:,}, and is {limit:,}.")


def _candidates(
    question: Question, selection: Selection, vault: Vault, embedder: Embedder, depth: int, weights: Weights
) -> tuple[Lists, dict[str, Passage]]:
    vectors = {}
    if vault.spec is not None:
        vectors = _scores(vault.nearest(selection, embedder.embed_query(question.text), limit=depth))
    passages = vault.passages(selection, list(vectors))
    speakers = {passage.speaker for passage in passages.values() if passage.speaker}
    text = _scores(vault.match(selection, question.terms_without(filter(question.names, speakers)), limit=depth))
    time = {}
    if question.interval is not None and weights.time:
        time = _scores(vault.during(selection, question.interval, limit=depth))
    passages |= vault.passages(selection, sorted({*text, *time} - set(passages)))
    near = [*list(text)[:KNEE], *list(vectors)[:KNEE]]  # the strong ones give to their neighbours, and to theirs
    for _ in range(2):
        near = sorted(neighbours(passages[cube] for cube in near if cube in passages))
        passages |= vault.passages(selection, [cube for cube in near if cube not in passages])
    return Lists(text, vectors, time), passages


def _remembering(hydrate: Hydrate) -> Hydrate:
    """The same, for one search: the best are taken several times, and each cube is read once."""
    known: dict[str, MemCube] = {}
    asked: set[str] = set()

    def remembered(best: Sequence[Ranked]) -> dict[str, MemCube]:
        known.update(hydrate([found for found in best if found.cube not in asked]))
        asked.update(found.cube for found in best)
        return {found.cube: known[found.cube] for found in best if found.cube in known}

    return remembered


def _hydrated(best: Iterable[Ranked], selection: Selection, vault: Vault) -> dict[str, MemCube]:
    """The cubes, each checked once more to be admitted: two gates, for either could have a defect."""
    cubes = vault.get([found.cube for found in best], known_at=selection.known_at)
    return {cube.id: cube for cube in cubes if selection.admits(cube)}


def _hits(best: Iterable[Ranked], cubes: Mapping[str, MemCube], replaced: Mapping[str, tuple[str, ...]]) -> list[Hit]:
    return [
        Hit(
            cube=cubes[found.cube],
            score=found.score,
            why=dict(found.why),
            source_ids=cubes[found.cube].source_ids,
            outdated_by=replaced.get(found.cube, ()),
        )
        for found in best
        if found.cube in cubes
    ]


def _scores(found: Iterable[Scored]) -> dict[str, float]:
    return dict(found)
