"""Forking: a vault of its own, with the operations of another up to a moment."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from memos_core.cube.clock import Timestamp
from memos_core.cube.fold import content_of
from memos_core.cube.memcube import Content
from memos_core.cube.namespace import Namespace, covers
from memos_core.cube.operation import Operation, OperationKind
from memos_core.errors import BlobMissing, CubeNotFound, InvalidInput, VersionNotFound
from memos_core.infrastructure.vault.blobs import folder_of
from memos_core.infrastructure.vault.sqlite import SQLiteVault
from memos_core.ports import Batch, Clock, Vault

PAGE = 1000  # operations at a time


def fork(
    vault: Vault,
    path: str,
    *,
    scope: Namespace,
    until: datetime | None,
    brought: Callable[[Sequence[Operation]], set[str]],
    embed: Callable[[Mapping[str, Content]], Batch],
    clock: Clock,
) -> int:
    """Write a new vault; return how many operations it has.

    Parameters
    ----------
    scope
        Only memories that a namespace, or one below it, held at that moment.
    brought
        Says which cubes of operations stay here, because a package brought them.
    embed
        Gives the vectors of contents by operation id, as a batch without operations.

    Raises
    ------
    InvalidInput
        If something is there already.
    """
    target = Path(path)
    for there in (target, folder_of(path)):
        if there.exists():
            raise InvalidInput(detail=f"{there} is there already; fork to a new path.")
    unfinished = target.with_name(f"{target.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    shutil.rmtree(folder_of(str(unfinished)), ignore_errors=True)
    key = vault.key if isinstance(vault, SQLiteVault) else None
    forked = SQLiteVault(str(unfinished), clock=clock, key=key)
    stored = 0
    try:
        for page in _pages(vault, scope, until, brought):
            vectors = embed(_texts(page))
            stored += forked.commit(Batch(page, parts=vectors.parts, spec=vectors.spec))
        for wanted in forked.missing_blobs():
            with suppress(CubeNotFound, VersionNotFound, BlobMissing):
                forked.commit(Batch((), blobs={wanted.blob.sha256: vault.blob(wanted.cube, version=wanted.version)}))
    finally:
        forked.close()
    if folder_of(str(unfinished)).exists():
        folder_of(str(unfinished)).rename(folder_of(path))
    unfinished.rename(target)
    return stored


def _pages(
    vault: Vault, scope: Namespace, until: datetime | None, brought: Callable[[Sequence[Operation]], set[str]]
) -> Iterator[list[Operation]]:
    horizon = None if until is None else Timestamp.last_of(until)
    after = 0
    while page := vault.log(after=after, limit=PAGE):
        after = page[-1][0]
        # What is erased stays erased, whenever that was.
        known = [op for _, op in page if horizon is None or op.hlc <= horizon or op.kind is OperationKind.ERASE]
        if scope:
            cubes = vault.get([*dict.fromkeys(op.cube for op in known)], known_at=until)
            wanted = {cube.id for cube in cubes if covers(scope, cube.namespace)}
            known = [op for op in known if op.cube in wanted]
        stays = brought(known)
        yield [op for op in known if op.cube not in stays]


def _texts(operations: list[Operation]) -> dict[str, Content]:
    puts = [op for op in operations if op.kind is OperationKind.PUT and op.body is not None]
    return {put.id: content_of(put) for put in puts}
