"""Blobs as they are given: bytes, or a file that is read; in pieces, and checked before they count."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from memos_core.cube.fold import content_of
from memos_core.cube.operation import Operation, OperationKind
from memos_core.cube.payload import BlobRef
from memos_core.errors import BlobMissing, InvalidInput
from memos_core.ports import BlobSource

PIECE = 1024 * 1024  # bytes read at a time

Sizes = Mapping[str, Collection[int]]  #: by digest, what put operations say of a blob's length in bytes


def blob_of(put: Operation) -> BlobRef | None:
    """What a put operation refers to."""
    if put.kind is not OperationKind.PUT or put.body is None:
        return None
    return content_of(put).blob


def sizes_of(puts: Iterable[Operation]) -> dict[str, set[int]]:
    """What put operations say of the blobs that they refer to."""
    found: dict[str, set[int]] = defaultdict(set)
    for blob in filter(None, map(blob_of, puts)):
        found[blob.sha256].add(blob.size)
    return found


def size_of(digest: str, source: BlobSource, said: Sizes) -> int:
    """Length of a blob in bytes.

    Raises
    ------
    InvalidInput
        If no put operation refers to a blob of this digest and length, or the source is none.
    """
    with _readable(digest, source):
        size = source.stat().st_size if isinstance(source, Path) else memoryview(source).nbytes
    if size not in said.get(digest, ()):
        raise InvalidInput(
            detail=f"No put operation refers to a blob {digest!r} of {size:,} bytes; nothing was stored."
        )
    return size


def pieces(digest: str, source: BlobSource, size: int) -> Iterator[Any]:
    """A blob piece by piece, each of ``PIECE`` bytes but for the last; what is made of them counts once they end.

    Raises
    ------
    InvalidInput
        At the end, if they are not what the digest says.
    """
    made, count = hashlib.sha256(), 0
    with _readable(digest, source):
        for piece in _read(source):
            made.update(piece)
            count += len(piece)
            if count > size:
                break
            yield piece
    if (made.hexdigest(), count) != (digest, size):
        raise InvalidInput(detail=f"What is given as blob {digest} has another digest; nothing was stored.")


def in_pieces(whole: memoryview) -> Iterator[memoryview]:
    """Bytes piece by piece."""
    return (whole[start : start + PIECE] for start in range(0, len(whole), PIECE))


def no_blob(cube: str) -> BlobMissing:
    """The error that says that there never was one."""
    return BlobMissing(cube_id=cube, detail="its content is text, and refers to none.")


def absent(cube: str, blob: BlobRef) -> BlobMissing:
    """The error that says what is not here."""
    return BlobMissing(
        cube_id=cube,
        detail=f"{blob.sha256} ({blob.size:,} bytes) never came, or went when the memory expired. "
        "Merge a vault or a package that has it.",
    )


def gone(cube: str) -> InvalidInput:
    """What is raised where a cube that work is made of is not there."""
    return InvalidInput(detail=f"{cube} was erased meanwhile, or never was here: nothing that is made of it is kept.")


def _read(source: BlobSource) -> Iterator[Any]:
    if isinstance(source, Path):
        with source.open("rb") as stream:
            yield from iter(lambda: stream.read(PIECE), b"")
        return
    yield from in_pieces(memoryview(source).cast("B"))


@contextmanager
def _readable(digest: str, source: object) -> Iterator[None]:
    try:
        yield
    except TypeError as error:
        raise InvalidInput(detail=f"Blob {digest!r} must be bytes or a path, not {type(source).__name__}.") from error
    except OSError as error:
        raise InvalidInput(detail=f"Blob {digest!r} cannot be read from {source}: {error.strerror}.") from error
