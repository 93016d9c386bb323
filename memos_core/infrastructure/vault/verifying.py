"""Finding damage: everything stored against its digest, and everything derived against the operations.

SQLite's own checks miss more than half of the damage that changes an answer, for they know structure and not meaning.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence

import apsw

from memos_core.cube.answer import Damage
from memos_core.cube.operation import Operation
from memos_core.errors import MemOSError
from memos_core.infrastructure.vault import audit, vectors
from memos_core.infrastructure.vault.connection import MEMORY, connect
from memos_core.infrastructure.vault.migrations import MIGRATIONS, migrate
from memos_core.infrastructure.vault.projection import Projection
from memos_core.infrastructure.vault.rebuilding import pages
from memos_core.infrastructure.vault.statements import load, query

PAGE = 1000  # operations read at a time

_SQL = load("upkeep")
_DERIVED = load("derived")
_DANGLING = load("dangling")


def verify(db: apsw.Connection) -> Iterator[Damage]:
    """All damage that reading can find; none of the checks stops the others."""
    for check in (_file, _operations, _derived, _dangling, _vectors, _audit):
        yield from _guarded(check, db)


def verify_text(db: apsw.Connection) -> Iterator[Damage]:
    """Damage of full text. FTS5 looks for it only inside a write transaction."""
    yield from _guarded(_text, db)


def _guarded(check: Callable[[apsw.Connection], Iterator[Damage]], db: apsw.Connection) -> Iterator[Damage]:
    try:
        yield from check(db)
    except (apsw.Error, MemOSError, ValueError, TypeError, LookupError, OverflowError) as error:
        yield Damage(check.__name__.strip("_"), f"cannot be read: {error}")


def _file(db: apsw.Connection) -> Iterator[Damage]:
    query(db, _SQL["look_at_text"])  # else FTS5 may check against the pages that another connection has replaced
    for (line,) in query(db, _SQL["check_file"]):
        if line != "ok":
            yield Damage("file", str(line))


def _text(db: apsw.Connection) -> Iterator[Damage]:
    try:
        db.execute(_SQL["check_text"])
    except apsw.CorruptError:
        yield Damage("text_index", "does not agree with the texts")


def _operations(db: apsw.Connection) -> Iterator[Damage]:
    last = 0
    while page := query(db, _SQL["operations"], (last, PAGE)):
        for seq, name, cube, kind, hlc, header, body, salt in page:
            try:
                op = Operation.parse(header.encode(), None if body is None else body.encode(), salt)
            except MemOSError as error:
                yield Damage(f"operation {name}", str(error))
                continue
            if (op.id, op.cube, op.kind.value, op.hlc.pack()) != (name, cube, kind, hlc):
                yield Damage(f"operation {name}", f"number {seq} is filed as what its header does not say")
        last = page[-1][0]


def _derived(db: apsw.Connection) -> Iterator[Damage]:
    """Project some cubes at a time in a vault in memory, and compare."""
    for cubes in pages(db):
        fresh = connect(MEMORY)
        try:
            migrate(fresh, MEMORY, now=0, steps=MIGRATIONS)
            _project(db, fresh, cubes)
            yield from _differences(db, fresh, cubes)
        finally:
            fresh.close()


def _project(db: apsw.Connection, fresh: apsw.Connection, cubes: Sequence[str]) -> None:
    fresh.execute("begin")
    rows = query(db, _SQL["copy_operations"], {"cubes": json.dumps(cubes)})
    fresh.executemany(_SQL["paste_operation"], rows)
    projection = Projection(fresh)
    for cube in cubes:
        if not db.execute(_SQL["is_erased"], (cube,)).get:
            projection.refresh(cube)
    fresh.execute("commit")


def _differences(db: apsw.Connection, fresh: apsw.Connection, cubes: Sequence[str]) -> Iterator[Damage]:
    values = {"cubes": json.dumps(cubes)}
    for table, statement in _DERIVED.items():
        differing = set(query(db, statement, values)) ^ set(query(fresh, statement, values))
        for cube in sorted({row[0] for row in differing}):
            yield Damage(f"{table} of cube {cube}", "is not what its operations say")


def _dangling(db: apsw.Connection) -> Iterator[Damage]:
    for what, statement in _DANGLING.items():
        for (number,) in query(db, statement):
            yield Damage(f"number {number}", what)


def _audit(db: apsw.Connection) -> Iterator[Damage]:
    yield from audit.check_chain(db)


def _vectors(db: apsw.Connection) -> Iterator[Damage]:
    for spec, embedding in vectors.specs(db).items():
        for part, problem in vectors.checked(db, embedding):
            if problem is not None:
                yield Damage(f"part {part} of {spec}", problem)
        for number in vectors.strays(db, embedding):
            yield Damage(f"vector {number} of {spec}", "belongs to no part")
        for chunk in vectors.broken_chunks(db, embedding):
            yield Damage(f"chunk {chunk} of {spec}", "is not what its rows say")
