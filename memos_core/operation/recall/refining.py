"""Recall with a chat model: the question in other words, and what was found in a better order.

Where the model fails, what was reached without it stays, and a warning says so.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Iterable, Sequence

from memos_core.cube.answer import Hit
from memos_core.cube.namespace import Namespace
from memos_core.errors import ChatModelError, ModelWarning
from memos_core.operation.recall.distrust import spread
from memos_core.ports import ChatModel
from memos_core.prompting.budget import Budget
from memos_core.prompting.rerank import rerank
from memos_core.prompting.rewrite import rewrite

CALLS, TOKENS = 4, 20_000  # of one search
SORTED = 20  # hits that the model puts in order, if no more are asked for


def refined(
    question: str,
    find: Callable[[str, int], list[Hit]],
    *,
    model: ChatModel,
    limit: int,
    packages: Collection[Namespace] = (),
) -> list[Hit]:
    """Find with a model's help.

    Parameters
    ----------
    find
        Searches for a wording, without a model; the second argument is how many hits.
    packages
        Where installed packages lie.

    Returns
    -------
    list[Hit]
        At most ``limit``; the share ``model`` of a score is what the model's order added or took.
    """
    budget = Budget(calls=CALLS, tokens=TOKENS)
    wordings = [question]
    try:
        wordings = rewrite(model, question, budget=budget)
    except ChatModelError as error:
        _warn("The question was searched for in its own words only", error)
    merged = _merged(find(wording, max(limit, SORTED)) for wording in wordings)
    shown = spread(merged, max(limit, SORTED), packages=packages)
    try:
        order = rerank(model, question, [hit.cube.text for hit in shown], budget=budget)
    except ChatModelError as error:
        _warn("The hits are in the order in which the rules put them", error)
        return shown[:limit]
    return spread(_reordered(shown, order), limit, packages=packages)


def _merged(found: Iterable[Sequence[Hit]]) -> list[Hit]:
    """Every cube once, with the best score that any wording gave it."""
    best: dict[str, Hit] = {}
    for hits in found:
        for hit in hits:
            if hit.cube.id not in best or hit.score > best[hit.cube.id].score:
                best[hit.cube.id] = hit
    return sorted(best.values(), key=lambda hit: (-hit.score, hit.cube.id))


def _reordered(hits: Sequence[Hit], order: Sequence[int]) -> list[Hit]:
    """The hits in another order, with the scores that its places have."""
    return [
        hits[index].model_copy(
            update={"score": place.score, "why": {**hits[index].why, "model": place.score - hits[index].score}}
        )
        for place, index in zip(hits, order, strict=True)
    ]


def _warn(kept: str, error: ChatModelError) -> None:
    warnings.warn(ModelWarning(f"{kept}: {error}"), stacklevel=4)
