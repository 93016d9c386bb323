"""Storing operations: what a commit does between the gate and the end of its transaction."""

from __future__ import annotations

import json
from collections.abc import Collection, Container, Mapping

import apsw

from memos_core.cube.operation import Operation, OperationKind
from memos_core.infrastructure.vault import jobs, unfinished
from memos_core.infrastructure.vault.blobs import Blobs
from memos_core.infrastructure.vault.gate import united
from memos_core.infrastructure.vault.projection import Projection
from memos_core.infrastructure.vault.revision import texts_changed
from memos_core.infrastructure.vault.statements import load, query
from memos_core.ports import Batch

_SQL = load("write")


def store(db: apsw.Connection, batch: Batch, blobs: Blobs) -> int:
    """Store operations and bring what follows from them up to date; return how many were new."""
    given = united(batch.operations)
    erased = _erased(db, given.values())
    given = {op.id: op.without_body() if _is_stripped(op, erased) else op for op in given.values()}
    held = dict(query(db, _SQL["known"], {"ids": json.dumps(list(given))}))
    new = [op for op in given.values() if op.id not in held]
    filled = [op for op in given.values() if op.body is not None and held.get(op.id) == 0]
    db.executemany(_SQL["insert_operation"], [_row(op) for op in new])
    db.executemany(_SQL["fill_operation"], [(_text(op.body), op.salt, op.id) for op in filled])
    if filled:
        texts_changed(db)
    projection = Projection(db)
    for cube in dict.fromkeys(op.cube for op in (*new, *filled)):
        if cube in erased:
            projection.forget(cube)
            db.execute(_SQL["strip_operations"], (cube,))
        else:
            projection.refresh(cube)
    if erased:
        jobs.forget(db, erased)
        unfinished.forget(db, erased)
    if erased or any(op.kind is OperationKind.STATE for op in given.values()):
        blobs.forget(db)
    blobs.store(db, batch)
    return len(new)


def _erased(db: apsw.Connection, operations: Collection[Operation]) -> set[str]:
    """The cubes of these operations that are erased, by one of them or before."""
    cubes = json.dumps(sorted({op.cube for op in operations}))
    rows = query(db, _SQL["erased"], {"cubes": cubes})
    return {cube for (cube,) in rows} | {op.cube for op in operations if op.kind is OperationKind.ERASE}


def _is_stripped(op: Operation, erased: Container[str]) -> bool:
    return op.cube in erased and op.kind is not OperationKind.ERASE


def _row(op: Operation) -> tuple[object, ...]:
    return op.id, op.cube, op.kind.value, op.hlc.pack(), op.header.decode(), _text(op.body), op.salt


def _text(body: bytes | None) -> str | None:
    return None if body is None else body.decode()


def count_usage(db: apsw.Connection, recalled: Mapping[str, int], *, actor: str, at: int) -> None:
    """Add to an actor's counters of the cubes that are there."""
    rows = [{"cube": cube, "count": count, "actor": actor, "last": at} for cube, count in recalled.items()]
    db.executemany(_SQL["count_usage"], rows)
