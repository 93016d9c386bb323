"""Making all that is derived anew from the operations."""

from __future__ import annotations

from collections.abc import Iterator

import apsw

from memos_core.infrastructure.vault import vectors
from memos_core.infrastructure.vault.projection import Projection
from memos_core.infrastructure.vault.revision import texts_changed, vectors_gone
from memos_core.infrastructure.vault.statements import load, query

PAGE = 1000  # cubes

_SQL = load("upkeep")
_WRITE = load("write")
_VECTOR = load("vector")


def rebuild(db: apsw.Connection) -> None:
    """Clear what is derived and project every cube again; vectors are kept where their checksums hold."""
    held = vectors.specs(db)
    db.execute(_SQL["clear_text"])
    for name in ("shown", "edge", "moment", "unembedded", "put", "cube", "namespace"):
        db.execute(f"delete from {name}")  # noqa: S608 - a name of ours
    texts_changed(db)
    vectors_gone(db)
    projection = Projection(db)
    for page in pages(db):
        for cube in page:
            if db.execute(_SQL["is_erased"], (cube,)).get:
                db.execute(_WRITE["strip_operations"], (cube,))
            else:
                projection.refresh(cube)
    for spec, embedding in held.items():
        _copy_vectors(db, embedding, spec.dim)


def pages(db: apsw.Connection) -> Iterator[list[str]]:
    """The names of all cubes that have operations, some at a time."""
    last = ""
    while page := [name for (name,) in query(db, _SQL["cubes"], (last, PAGE))]:
        yield page
        last = page[-1]


def _copy_vectors(db: apsw.Connection, old: int, dim: int) -> None:
    """Move an embedding to a new table, without the vectors that are damaged or belong to nothing."""
    new: int = db.execute(_VECTOR["next_embedding"]).get
    vectors.create(db, new, dim)
    # Namespaces have been numbered anew, so every vector may be out of place by now; it is filed again below.
    damaged = {part for part, problem in vectors.checked(db, old) if problem not in {None, vectors.MISPLACED}}
    parts = query(db, _VECTOR["parts"], (old,))
    broken = {put for put, _, part, *_ in parts if part in damaged}
    db.execute(_VECTOR["forget_parts_of_embedding"], (old,))
    for put, ordinal, part, *rest in parts:
        place = db.execute(_VECTOR["place_of_put"], (put,)).fetchone()
        if place is None or put in broken:
            continue
        vector = db.execute(vectors.statement("vector", old), (part,)).get
        number = db.execute(_VECTOR["insert_part"], (put, new, ordinal, *rest)).get
        db.execute(vectors.statement("insert_vector", new), (number, vector, *place))
        db.execute(_VECTOR["arrived"], (old, put))
    db.execute(vectors.statement("drop", old))
    db.execute(_VECTOR["renumber_embedding"], (new, old))
    db.execute(_VECTOR["renumber_unembedded"], (new, old))
