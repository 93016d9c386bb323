"""Summaries: what they rest on, and without a model the sentences that say most of what the others say. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from memos_core.cube.interval import Interval
from memos_core.cube.memcube import Content, Governance, Kind, MemCube, Origin, Provenance
from memos_core.cube.payload import Plaintext

if TYPE_CHECKING:
    from memos_core.ports import Vector

DAMPING = 0.85
STEPS = 30
MOST = 1_000  # sentences compared with one another at a time: the comparison is quadratic
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

    A sentence that says again what was chosen already is passed over. Of more than a thousand sentences, the most
    central of each thousand are compared with one another.
    """
    chosen: list[int] = []
    left = words
    for at in _by_rank(vectors):
        length = len(of[at].text.split())
        is_new = not chosen or float((vectors[chosen] @ vectors[at]).max()) < TWICE
        if is_new and (length <= left or not chosen):
            chosen.append(at)
            left -= length
    return "\n".join(_line(of[at]) for at in sorted(chosen))


def _by_rank(vectors: Vector) -> list[int]:
    """Places of sentences, the most central first."""
    places = list(range(len(vectors)))
    while len(places) > MOST:
        parts = [places[start : start + MOST] for start in range(0, len(places), MOST)]
        places = sorted(at for part in parts for at in _ranked(part, vectors)[: MOST // 2])
    return _ranked(places, vectors)


def _ranked(places: Sequence[int], vectors: Vector) -> list[int]:
    ranks = dict(zip(places, central(vectors[list(places)]), strict=True))
    return sorted(places, key=lambda at: (-ranks[at], at))


def _line(sentence: Sentence) -> str:
    who = sentence.cube.provenance.speaker or sentence.cube.provenance.role
    said = f"{sentence.cube.said_at:%Y-%m-%d}"
    return f"{said} {who}: {sentence.text}" if who else f"{said} {sentence.text}"


def summary_of(
    cubes: Sequence[MemCube], text: str, *, model: str | None, source_id: str, session: str | None = None
) -> Content:
    """A summary, which each of the cubes carries, and which is trusted no further than the least of them.

    Parameters
    ----------
    model
        That wrote it, if one did.
    source_id
        Another summary of the same source replaces it.
    """
    said = sorted(cubes, key=lambda cube: (cube.said_at, cube.id))
    return Content(
        namespace=said[0].namespace,
        kind=Kind.SUMMARY,
        payload=Plaintext(text=text),
        occurred=Interval(start=said[0].said_at, end=said[-1].said_at),
        entities=tuple(dict.fromkeys(name for cube in said for name in cube.entities)),
        provenance=Provenance(
            origin=Origin.DERIVED,
            session=session,
            source_id=source_id,
            model=model,
            derived_from=tuple(cube.version for cube in said),
        ),
        governance=inherited(said),
    )


def inherited(cubes: Sequence[MemCube]) -> Governance:
    """The rules for what is made of several memories: those of the first, but nothing that another would forbid."""
    ends = [cube.governance.expires_at for cube in cubes if cube.governance.expires_at]
    return cubes[0].governance.model_copy(
        update={
            "trust": min(cube.governance.trust for cube in cubes),
            "expires_at": min(ends, default=None),
            "sensitivity": tuple(dict.fromkeys(tag for cube in cubes for tag in cube.governance.sensitivity)),
        }
    )
