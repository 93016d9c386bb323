"""What every search of a vault needs, held in memory: the vectors, and where each text belongs.

Both are copies of rows, good for one state of the file. Each transaction says which state it sees, by four numbers:
two that grow whenever rows of texts or of vectors change or go, and the greatest ids, which tell what was only added.
So a write is seen at once, whoever made it, and adding costs no more than reading what was added.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import apsw
import numpy as np

from memos_core.infrastructure.vault import vectors
from memos_core.infrastructure.vault.fulltext import numbers
from memos_core.infrastructure.vault.statements import load, query
from memos_core.infrastructure.vault.timeline import FOREVER
from memos_core.ports import EmbeddingSpec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

MOST_BYTES = 128 * 1024 * 1024  # of vectors; beyond, sqlite-vec answers
DECIMALS = 6  # of a cosine that are told: single precision has no more, and what is equal shall be a tie
SLACK = 1e-5  # more than a cosine in single precision is ever off
MANY = 200  # vectors, for which reading all chunks takes less time than finding each

_COLUMNS = 4
_FEW = 4  # where fewer than one row in four is admitted, the rest is not multiplied
_SQL = load("vector")


class _Mark(NamedTuple):
    """The state of the file that a transaction sees."""

    texts: int
    vectors: int
    put: int
    part: int


def _mark(db: apsw.Connection) -> _Mark:
    return _Mark(*query(db, _SQL["mark"])[0])


class Texts(NamedTuple):
    """Admitted texts: numbers of their puts, ascending, and their lengths in characters; ``(n,)`` each."""

    puts: NDArray[np.int64]
    lengths: NDArray[np.int64]


@dataclass(frozen=True)
class _LiveTexts:
    """All texts that are recalled, in any namespace: put, length, namespace and expiry, a column each, by put."""

    revision: int
    through: int
    columns: NDArray[np.int64]

    def extended(self, db: apsw.Connection, through: int) -> _LiveTexts:
        found = numbers(db.execute(_SQL["live_texts"], {"after": self.through, "never": FOREVER}).get)
        added = found.reshape(-1, _COLUMNS).T
        columns = np.concatenate([self.columns, added[:, np.argsort(added[0])]], axis=1)
        return replace(self, through=through, columns=columns)

    def within(self, namespaces: Sequence[int], *, put: int, now: int) -> Texts:
        """Those of some namespaces that have not expired, up to a put."""
        admitted = (self.columns[0] <= put) & (self.columns[3] > now) & np.isin(self.columns[2], namespaces)
        return Texts(self.columns[0, admitted], self.columns[1, admitted])


@dataclass(frozen=True)
class Vectors:
    """The vectors of one embedding, as they are stored, and their lengths, by part.

    The arrays have room at the end, which is filled in place: ``size`` says how far this value goes.
    """

    key: tuple[int, int]
    through: int
    size: int
    parts: NDArray[np.int64]
    puts: NDArray[np.int64]
    matrix: NDArray[np.float32]
    lengths: NDArray[np.float32]

    @classmethod
    def none(cls, key: tuple[int, int], dim: int) -> Vectors:
        """No vectors yet."""
        numbers, lengths = np.empty(0, np.int64), np.empty(0, np.float32)
        return cls(key, -1, 0, numbers, numbers, np.empty((0, dim), np.float32), lengths)

    def extended(self, parts: NDArray[np.int64], puts: NDArray[np.int64], rows: NDArray[np.float32]) -> Vectors:
        """With more parts, which come after those that are here and for which there is room."""
        start, end = self.size, self.size + len(parts)
        self.parts[start:end], self.puts[start:end], self.matrix[start:end] = parts, puts, rows
        self.lengths[start:end] = np.linalg.norm(rows, axis=1)
        return replace(self, size=end)

    def with_room(self, size: int) -> Vectors:
        """With room for so many vectors, and for a quarter more where some has to be made."""
        if size <= len(self.parts):
            return self
        rows = size + size // 4
        parts, puts = np.empty(rows, np.int64), np.empty(rows, np.int64)
        matrix, lengths = np.empty((rows, self.matrix.shape[1]), np.float32), np.empty(rows, np.float32)
        for new, old in (
            (parts, self.parts),
            (puts, self.puts),
            (matrix, self.matrix),
            (lengths, self.lengths),
        ):
            new[: self.size] = old[: self.size]
        return replace(self, parts=parts, puts=puts, matrix=matrix, lengths=lengths)

    def up_to(self, part: int) -> Vectors:
        """As it was when a part was the last."""
        return replace(self, size=int(np.searchsorted(self.parts[: self.size], part, side="right")))

    def best(self, wanted: NDArray[np.float64], admitted: NDArray[np.int64], *, limit: int) -> dict[int, float]:
        """Cosines of the nearest of some puts, by put; those that tie with the last come as well.

        Parameters
        ----------
        wanted
            ``(dim,)``, of length one.
        admitted
            Numbers of the puts, ascending.
        """
        if not len(admitted):
            return {}
        puts, matrix = self.puts[: self.size], self.matrix[: self.size]
        at = np.minimum(np.searchsorted(admitted, puts), len(admitted) - 1)
        rows = np.flatnonzero(admitted[at] == puts)
        at, single = at[rows], wanted.astype(np.float32)
        scores = matrix[rows] @ single if len(rows) * _FEW < self.size else (matrix @ single)[rows]
        scores /= self.lengths[rows]
        nearest = np.full(len(admitted), -np.inf, np.float32)
        np.maximum.at(nearest, at, scores)
        floor = np.partition(nearest, -limit)[-limit] - SLACK if limit < len(nearest) else -np.inf
        near = rows[(nearest >= floor)[at]]
        return best_of(puts[near].tolist(), matrix[near], wanted)


def best_of(puts: Sequence[int], rows: NDArray[np.float32], wanted: NDArray[np.float64]) -> dict[int, float]:
    """The greatest cosine of each put's rows, to the digits that are told.

    Single precision, and products of whole matrices, round equal rows unequally; what is told rests on neither.
    """
    exact = rows.astype(np.float64)
    cosines = np.round(exact @ wanted / np.linalg.norm(exact, axis=1), DECIMALS)
    found: dict[int, float] = {}
    for put, cosine in zip(puts, cosines.tolist(), strict=True):
        found[put] = max(cosine, found.get(put, cosine))
    return found


class Resident:
    """The copies that one open vault holds. Thread-safe.

    Parameters
    ----------
    most_bytes
        Of vectors. Where there are more, none are held.
    """

    def __init__(self, *, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self.drop()

    def drop(self) -> None:
        """Hold nothing any more: what was erased leaves memory too."""
        with self._lock:
            self._texts: _LiveTexts | None = None
            self._vectors: Vectors | None = None
            self._asked: tuple[int, int] | None = None
            self._declined: tuple[int, int] | None = None

    def texts(self, db: apsw.Connection, namespaces: Sequence[int], *, now: int) -> Texts:
        """Texts of some namespaces that are recalled and have not expired.

        Parameters
        ----------
        now
            Microseconds since 1970 UTC.
        """
        mark = _mark(db)
        with self._lock:
            held = self._texts
            if held is None or held.revision != mark.texts:
                held = _LiveTexts(mark.texts, -1, np.empty((_COLUMNS, 0), np.int64))
            if held.through < mark.put:
                held = held.extended(db, mark.put)
            self._texts = held
        return held.within(namespaces, put=mark.put, now=now)

    def vectors(self, db: apsw.Connection, spec: EmbeddingSpec, embedding: int) -> Vectors | None:
        """All vectors of an embedding; ``None`` where sqlite-vec shall answer.

        It does at the first search after anything was erased, for reading all vectors takes longer than asking it
        once; where they are too many; and where one is no direction, for it tells whether that concerns a search.
        """
        mark = _mark(db)
        key = embedding, mark.vectors
        with self._lock:
            if self._vectors is not None and self._vectors.key != key:
                self._vectors = None
            if self._vectors is None and self._asked != key:
                self._asked = key
                return None
            if self._declined == key:
                return None
            held = self._vectors or Vectors.none(key, spec.dim)
            self._vectors = held if mark.part <= held.through else self._read(db, held, mark.part)
            if self._vectors is None:
                self._declined = key
                return None
            return self._vectors.up_to(mark.part)

    def _read(self, db: apsw.Connection, held: Vectors, through: int) -> Vectors | None:
        embedding, dim = held.key[0], held.matrix.shape[1]
        found = query(db, _SQL["parts_after"], (embedding, held.through))
        if (held.size + len(found)) * dim * held.matrix.itemsize > self._most_bytes:
            return None
        held = held.with_room(held.size + len(found))
        added = np.array(found, np.int64).reshape(-1, 2)
        rows = np.zeros((len(found), dim), np.float32)
        is_there = np.zeros(len(found), bool)
        read = vectors.in_chunks if len(found) > MANY else vectors.one_by_one
        for parts, some in read(db, embedding, added[:, 0]):
            at = np.searchsorted(added[:, 0], parts)
            rows[at], is_there[at] = some, True
        with np.errstate(over="ignore", invalid="ignore"):
            lengths = np.linalg.norm(rows[is_there], axis=1)
        if not (np.isfinite(lengths).all() and lengths.all()):
            return None
        added = added[is_there]
        return replace(held.extended(added[:, 0], added[:, 1], rows[is_there]), through=through)
