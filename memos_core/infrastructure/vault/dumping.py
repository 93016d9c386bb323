"""What a vault in memory keeps and checks of its operations and texts."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from memos_core.cube.answer import Damage
from memos_core.cube.canonical import sha256
from memos_core.cube.memcube import Usage
from memos_core.cube.operation import Operation
from memos_core.errors import InvalidInput, MemOSError
from memos_core.ports import EmbeddingSpec

if TYPE_CHECKING:
    from memos_core.ports import Vector


class Embedded(NamedTuple):
    """What is kept of a part: the digest of its text, and its vector."""

    digest: str
    vector: Vector


def dump(path: str, **whole: object) -> None:
    """Write a backup where nothing is yet."""
    try:
        with Path(path).open("x", encoding="utf-8") as file:
            json.dump(whole, file)
    except FileExistsError as error:
        raise InvalidInput(detail=f"{path} is there already; back up to a new path.") from error


def to_json(op: Operation) -> list[str | None]:
    """Header, body and salt."""
    return [
        op.header.decode(),
        None if op.body is None else op.body.decode(),
        None if op.salt is None else op.salt.hex(),
    ]


def from_json(header: str, body: str | None, salt: str | None) -> Operation:
    """Read what :func:`to_json` wrote, and verify it.

    Raises
    ------
    InvalidOperation
        If it does not verify.
    """
    return Operation.parse(
        header.encode(), None if body is None else body.encode(), None if salt is None else bytes.fromhex(salt)
    )


def damages_of(op: Operation) -> list[Damage]:
    """What is wrong with an operation."""
    try:
        op.verify()
    except MemOSError as error:
        return [Damage(f"operation {op.id}", str(error))]
    return []


def digest_of(text: str) -> str:
    """What is kept of a text that was embedded."""
    return sha256(text.encode())


def usage_rows(usage: Mapping[str, Mapping[str, Usage]]) -> list[list[object]]:
    """Recall counts by cube and actor, as JSON."""
    return [
        [cube, actor, each.model_dump(mode="json")]
        for cube, by_actor in usage.items()
        for actor, each in by_actor.items()
    ]


def vector_rows(vectors: Mapping[EmbeddingSpec, Mapping[str, Sequence[Embedded]]]) -> list[list[object]]:
    """Vectors by specification and operation, as JSON."""
    return [
        [list(vars(spec).values()), name, [[part.digest, part.vector.tolist()] for part in parts]]
        for spec, held in vectors.items()
        for name, parts in held.items()
    ]


def blob_rows(blobs: Mapping[str, bytes]) -> dict[str, str]:
    """Blobs by digest, as JSON."""
    return {digest: b64encode(data).decode() for digest, data in blobs.items()}


def blobs_of(rows: Mapping[str, str]) -> dict[str, bytes]:
    """What :func:`blob_rows` made JSON of."""
    return {digest: b64decode(data) for digest, data in rows.items()}
