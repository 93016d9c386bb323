"""Summaries without a model: the sentences that say most of what the others say. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from memos_core.cube.memcube import MemCube

if TYPE_CHECKING:
    from memos_core.ports import Vector

DAMPING = 0.85
STEPS = 30
SIMILAR = 0.3  # cosine below which two sentences have nothing to do with one another
TWICE = 0.8  # cosine from which on a sentence says again what was chosen
FEW_WORDS = 4  # a sentence of fewer says nothing by itself

_ENDS = re.compile(r"(?<=[.!?\u3002\uff01\uff1f])\s+|\n+")


class Sentence(NamedTuple):
    """A sentence and the cube it is from."""

    cube: MemCube
    text: str


def sentences(cubes: Sequence[MemCube]) -> list[Sentence]:
    """The sentences of some messages that say something by themselves; failing that, all of them."""
    found = [Sentence(cube, part.strip()) for cube in cubes for part in _ENDS.split(cube.text) if part and part.strip()]
    return [sentence for sentence in found if len(sentence.text.split()) >= FEW_WORDS] or found


def central(vectors: Vector) -> list[float]:
    """How much each sentence says of what the others say: its rank in the graph of similar ones.

    Parameters
    ----------
    vectors
        ``(n, dim)``, of length one.

    References
    ----------
    Erkan and Radev, LexRank: Graph-based Lexical Centrality as Salience in Text Summarization, JAIR 22, 2004; here with
    cosines of embeddings instead of those of words.
    """
    if not len(vectors):
        return []
    weights = np.where((similar := vectors @ vectors.T) >= SIMILAR, similar, 0.0).astype(np.float64)
    np.fill_diagonal(weights, 1.0)
    flow = weights / weights.sum(axis=1, keepdims=True)
    ranks = np.full(len(vectors), 1 / len(vectors))
    for _ in range(STEPS):
        ranks = DAMPING * ranks @ flow + (1 - DAMPING) / len(vectors)
    found: list[float] = ranks.tolist()
    return found


def extract(of: Sequence[Sentence], vectors: Vector, *, words: int) -> str:
    """The most central sentences that fit into so many words, each with its date and speaker, in the order of time.

    A sentence that says again what was chosen already is passed over.
    """
    ranks = central(vectors)
    chosen: list[int] = []
    left = words
    for at in sorted(range(len(of)), key=lambda at: (-ranks[at], at)):
        length = len(of[at].text.split())
        is_new = not chosen or float((vectors[chosen] @ vectors[at]).max()) < TWICE
        if is_new and (length <= left or not chosen):
            chosen.append(at)
            left -= length
    return "\n".join(_line(of[at]) for at in sorted(chosen))


def _line(sentence: Sentence) -> str:
    who = sentence.cube.provenance.speaker or sentence.cube.provenance.role
    said = f"{sentence.cube.said_at:%Y-%m-%d}"
    return f"{said} {who}: {sentence.text}" if who else f"{said} {sentence.text}"
