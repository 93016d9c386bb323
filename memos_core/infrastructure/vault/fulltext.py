"""BM25 over the words that FTS5 keeps.

FTS5's own ranking counts the words of the whole file, so that the order of results would tell one namespace what is
in another. Here rarity and mean length are those of the admitted texts alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import reduce
from typing import TYPE_CHECKING, Any

import apsw
import numpy as np

from memos_core.infrastructure.vault.statements import load
from memos_core.language.words import spaced

if TYPE_CHECKING:
    from numpy.typing import NDArray

TERM_SATURATION = 1.2  # k1 of BM25
LENGTH_INFLUENCE = 0.75  # b of BM25
TOKENIZER = ("porter", ["unicode61", "remove_diacritics", "2"])  # as in the schema

_LOW_BITS = 21  # hold a place in a text or its length, at most 1,000,000; the number of the put is above them
_LOW = (1 << _LOW_BITS) - 1
_SQL = load("find")


def numbers(column: str | None) -> NDArray[np.int64]:
    """Numbers written with commas."""
    return np.fromstring(column or "", dtype=np.int64, sep=",")


def unpacked(column: str | None) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Puts and lengths of texts, by put, from numbers that hold both."""
    packed = np.sort(numbers(column))
    return packed >> _LOW_BITS, packed & _LOW


def occurrences(db: apsw.Connection, terms: Iterable[str]) -> Iterator[NDArray[np.int64]]:
    """For each term, the puts in which it occurs, repeated as often as it does; one of several words is a phrase."""
    for words in dict.fromkeys(_words(db, term) for term in terms):
        if words:
            starts = [_places(db, word) - at for at, word in enumerate(words)]
            yield reduce(np.intersect1d, starts) >> _LOW_BITS


def _words(db: apsw.Connection, term: str) -> tuple[str, ...]:
    """The words of a term as FTS5 keeps them."""
    text = spaced(term).encode(errors="replace")
    tokenizer: Any = db.fts5_tokenizer(*TOKENIZER)  # its stub knows one type for four kinds of answer
    found = tokenizer(text, apsw.FTS5_TOKENIZE_QUERY, None, include_offsets=False, include_colocated=False)
    return tuple(found) if text else ()


def _places(db: apsw.Connection, word: str) -> NDArray[np.int64]:
    return numbers(db.execute(_SQL["occurrences"], (word,)).get)


def best(
    puts: NDArray[np.int64], lengths: NDArray[np.int64], occurrences: Iterable[NDArray[np.int64]], *, depth: int
) -> dict[int, float]:
    """Score texts by Okapi BM25 with an inverse document frequency that is never negative.

    Parameters
    ----------
    puts, lengths
        Of the admitted texts: numbers of their puts, ascending, and lengths in characters.
    occurrences
        For each term, the puts in which it occurs, repeated as often as it does.
    depth
        How many of the best are wanted; those that tie with the last come as well.

    Returns
    -------
    dict
        Scores above zero, by put.

    References
    ----------
    Robertson and Zaragoza, The Probabilistic Relevance Framework: BM25 and Beyond, 2009.
    """
    if not len(puts):
        return {}
    damping = TERM_SATURATION * (1 - LENGTH_INFLUENCE + LENGTH_INFLUENCE * lengths / lengths.mean())
    scores = np.zeros(len(puts))
    for found in occurrences:
        at = np.searchsorted(puts, found)
        at = at[puts[np.minimum(at, len(puts) - 1)] == found]
        counts = np.bincount(at, minlength=len(puts))
        having = np.count_nonzero(counts)
        rarity = np.log(1 + (len(puts) - having + 0.5) / (having + 0.5))
        scores += rarity * counts * (TERM_SATURATION + 1) / (counts + damping)
    chosen = np.flatnonzero(scores)
    if depth < len(chosen):
        chosen = chosen[scores[chosen] >= np.sort(scores[chosen])[-depth]]
    return dict(zip(puts[chosen].tolist(), scores[chosen].tolist(), strict=True))
