"""Storing operations: what a commit does between the gate and the end of its transaction."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

import apsw

from memos_core.cube.memcube import Content
from memos_core.cube.operation import Operation, OperationKind
from memos_core.infrastructure.vault.projection import Projection
from memos_core.infrastructure.vault.statements import load

_SQL = load("write")


def store(db: apsw.Connection, operations: Iterable[Operation], contents: Mapping[str, Content] | None = None) -> int:
    """Store operations and bring what follows from them up to date; return how many were new."""
    given = _united(operations)
    held = dict(db.execute(_SQL["known"], {"ids": json.dumps(list(given))}))
    new = [op for op in given.values() if op.id not in held]
    filled = [op for op in given.values() if op.body is not None and held.get(op.id) == 0]
    changed = dict.fromkeys(op.cube for op in (*new, *filled))
    erased = _erased(db, new, changed)
    projection = Projection(db, contents)
    for cube in erased:
        projection.forget(cube)
    for op in new:
        db.execute(_SQL["insert_operation"], _row(op))
    for op in filled:
        db.execute(_SQL["fill_operation"], (_text(op.body), op.salt, op.id))
    for cube in changed:
        if cube in erased:
            db.execute(_SQL["strip_operations"], (cube,))
        else:
            projection.refresh(cube)
    return len(new)


def _united(operations: Iterable[Operation]) -> dict[str, Operation]:
    """Operations by id, each once; one that came with its body and without keeps it."""
    found: dict[str, Operation] = {}
    for op in operations:
        if op.id not in found or found[op.id].body is None:
            found[op.id] = op
    return found


def _erased(db: apsw.Connection, new: Iterable[Operation], cubes: Iterable[str]) -> set[str]:
    rows = db.execute(_SQL["erased"], {"cubes": json.dumps(list(cubes), ensure_ascii=False)})
    return {cube for (cube,) in rows} | {op.cube for op in new if op.kind is OperationKind.ERASE}


def _row(op: Operation) -> tuple[object, ...]:
    return op.id, op.cube, op.kind.value, op.hlc.pack(), op.header.decode(), _text(op.body), op.salt


def _text(body: bytes | None) -> str | None:
    return None if body is None else body.decode()


def count_usage(db: apsw.Connection, recalled: Mapping[str, int], *, actor: str, at: int) -> None:
    """Add to an actor's counters of the cubes that are there."""
    rows = [{"cube": cube, "count": count, "actor": actor, "last": at} for cube, count in recalled.items()]
    db.executemany(_SQL["count_usage"], rows)
