"""Vectors: one sqlite-vec table for each embedder whose vectors are held."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING

import apsw
import numpy as np

from memos_core.cube.memcube import Content
from memos_core.errors import EmbedderMismatch
from memos_core.infrastructure.vault.revision import vectors_gone
from memos_core.infrastructure.vault.statements import load, query
from memos_core.ports import EmbeddingSpec, Part

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from memos_core.ports import Vector

CHECK_PAGE = 1000  # vectors read at a time
MISPLACED = "has a vector filed in the wrong place"

_SQL = load("vector")


def specs(db: apsw.Connection) -> dict[EmbeddingSpec, int]:
    """The embedders whose vectors are held, by the number of their table."""
    rows = query(db, _SQL["embeddings"])
    return {EmbeddingSpec(model, dim, revision): number for number, model, dim, revision, _ in rows}


def current(db: apsw.Connection) -> tuple[EmbeddingSpec, int] | None:
    """The embedder that answers, and the number of its table."""
    for number, model, dim, revision, is_current in query(db, _SQL["embeddings"]):
        if is_current:
            return EmbeddingSpec(model, dim, revision), number
    return None


def table(embedding: int) -> str:
    """Name of the vector table of an embedding."""
    return f"vector_{embedding:d}"


def statement(name: str, embedding: int) -> str:
    """A statement on the vector table of an embedding."""
    return _SQL[name].format(table=table(embedding))


def checksum(vector: bytes) -> int:
    """CRC-32 of the bytes of a vector."""
    return zlib.crc32(vector)


def digest(text: str) -> bytes:
    """What is kept of a text that was embedded."""
    return sha256(text.encode()).digest()


def open_embedding(db: apsw.Connection, spec: EmbeddingSpec) -> int:
    """Number of the table for these vectors, which is made if there is none."""
    held = specs(db)
    if spec in held:
        return held[spec]
    number: int = db.execute(_SQL["insert_embedding"], (spec.model, spec.dim, spec.revision, 0)).get
    create(db, number, spec.dim)
    db.execute(_SQL["await_all"], (number,))
    return number


def create(db: apsw.Connection, embedding: int, dim: int) -> None:
    """Make the vector table of an embedding."""
    db.execute(_SQL["create"].format(table=table(embedding), dim=int(dim)))


def make_current(db: apsw.Connection, spec: EmbeddingSpec) -> int:
    """Number of the table whose vectors answer, which must be those of ``spec`` if there are any.

    Raises
    ------
    EmbedderMismatch
        If others answer.
    """
    answering = current(db)
    if answering is not None and answering[0] != spec:
        raise EmbedderMismatch(expected=str(answering[0]), actual=str(spec))
    if answering is not None:
        return answering[1]
    embedding = open_embedding(db, spec)
    db.execute(_SQL["make_current"], (embedding,))
    return embedding


def switch(db: apsw.Connection, embedding: int) -> None:
    """Let a finished embedding answer, and drop all others."""
    db.execute(_SQL["make_current"], (embedding,))
    for number in specs(db).values():
        if number != embedding:
            drop(db, number)


def drop(db: apsw.Connection, embedding: int) -> None:
    """Remove an embedding and its vectors."""
    db.execute(statement("drop", embedding))
    for name in ("forget_parts_of_embedding", "forget_unembedded_of_embedding", "forget_embedding"):
        db.execute(_SQL[name], (embedding,))
    vectors_gone(db)


def is_complete(db: apsw.Connection, embedding: int) -> bool:
    """Say whether no put waits for vectors of an embedding."""
    return not db.execute(_SQL["awaited"], (embedding,)).get


def store(db: apsw.Connection, embedding: int, parts: Mapping[str, Sequence[Part]]) -> None:
    """Store the vectors of put operations that have none in an embedding; those without a body are passed over."""
    for operation, its_parts in parts.items():
        place = db.execute(_SQL["place"], (operation, embedding)).fetchone()
        if place is None or not its_parts:
            continue
        put, namespace, live = place
        for ordinal, part in enumerate(its_parts):
            vector = np.ascontiguousarray(part.vector, dtype="<f4").tobytes()
            row = (put, embedding, ordinal, *part.span, digest(part.text), checksum(vector))
            number = db.execute(_SQL["insert_part"], row).get
            db.execute(statement("insert_vector", embedding), (number, vector, namespace, live))
        db.execute(_SQL["arrived"], (embedding, put))


def await_put(db: apsw.Connection, put: int) -> None:
    """Note that a new put has no vectors yet."""
    for number in specs(db).values():
        db.execute(_SQL["await"], (number, put))


def set_live(db: apsw.Connection, put: int, *, live: bool) -> None:
    """Take the vectors of a put into the ordinary search, or out of it."""
    for number, embedding in query(db, _SQL["parts_of"], (put,)):
        db.execute(statement("set_live", embedding), (int(live), number))


def forget(db: apsw.Connection, put: int) -> None:
    """Remove the vectors of a put."""
    for number, embedding in query(db, _SQL["parts_of"], (put,)):
        db.execute(statement("forget_vector", embedding), (number,))
    db.execute(_SQL["forget_parts"], (put,))
    db.execute(_SQL["forget_unembedded"], (put,))
    vectors_gone(db)


def known(db: apsw.Connection, texts: Sequence[str], spec: EmbeddingSpec) -> dict[str, Vector]:
    """Vectors held for exactly these texts."""
    embedding = specs(db).get(spec)
    if embedding is None:
        return {}
    digests = {digest(text): text for text in texts}
    values = {"embedding": embedding, "digests": json.dumps([key.hex() for key in digests])}
    rows = db.execute(statement("known", embedding), values)
    return {digests[key]: np.frombuffer(vector, dtype="<f4").astype(np.float32) for key, vector in rows}


def unembedded(db: apsw.Connection, spec: EmbeddingSpec, limit: int) -> list[tuple[str, Content]]:
    """Puts with text and without vectors, by operation id, and their contents."""
    embedding = specs(db).get(spec)
    name = "never_embedded" if embedding is None else "unembedded"
    rows = db.execute(_SQL[name], {"embedding": embedding, "limit": limit})
    return [(operation, Content.model_validate_json(body)) for operation, body in rows]


def checked(db: apsw.Connection, embedding: int) -> Iterator[tuple[int, str | None]]:
    """Every part of an embedding, and what is wrong with its vector, if anything is."""
    values = {"embedding": embedding, "after": 0, "limit": CHECK_PAGE}
    while page := query(db, statement("parts_with_vectors", embedding), values):
        for part, expected, vector, is_in_place in page:
            if vector is None:
                yield part, "has no vector"
            elif checksum(vector) != expected:
                yield part, "has a vector that does not match its checksum"
            else:
                yield part, None if is_in_place else MISPLACED
        values["after"] = page[-1][0]


def strays(db: apsw.Connection, embedding: int) -> list[int]:
    """Vectors that belong to no part."""
    return [number for (number,) in query(db, statement("strays", embedding), (embedding,))]


def broken_chunks(db: apsw.Connection, embedding: int) -> Iterator[int]:
    """Chunks in which a search would miss rows or find others: reading a single vector does not show that."""
    for chunk, validity, numbers in query(db, statement("chunks", embedding)):
        used = _used(validity)
        there = dict(zip(used.tolist(), np.frombuffer(numbers, "<i8")[used].tolist(), strict=True))
        if there != dict(query(db, statement("places_in_chunk", embedding), (chunk,))):
            yield chunk


def in_chunks(
    db: apsw.Connection, embedding: int, wanted: NDArray[np.int64]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
    """Vectors of some parts, ``(n, dim)``, and which parts they are: all are read, as sqlite-vec does to search."""
    for validity, numbers, filed in db.execute(statement("vectors_in_chunks", embedding)):
        used, parts = _used(validity), np.frombuffer(numbers, "<i8")
        used = used[np.isin(parts[used], wanted)]
        yield parts[used], np.frombuffer(filed, "<f4").reshape(len(parts), -1)[used]


def one_by_one(
    db: apsw.Connection, embedding: int, wanted: NDArray[np.int64]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
    """The same, each part looked up."""
    for part in wanted.tolist():
        vector = db.execute(statement("vector", embedding), (part,)).get
        if vector is not None:
            yield np.array([part]), np.frombuffer(vector, "<f4").reshape(1, -1)


def _used(validity: bytes) -> NDArray[np.int64]:
    """Places of a chunk that hold a row."""
    return np.flatnonzero(np.unpackbits(np.frombuffer(validity, np.uint8), bitorder="little"))
