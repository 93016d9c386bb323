"""The blobs of a vault in memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager

from memos_core.cube.answer import Damage
from memos_core.cube.canonical import sha256
from memos_core.cube.fold import content_of
from memos_core.cube.memcube import Content, MemCube
from memos_core.cube.operation import Operation, OperationKind
from memos_core.cube.payload import BlobRef
from memos_core.errors import CubeNotFound, VersionNotFound
from memos_core.infrastructure.vault.sources import absent, blob_of, no_blob, pieces, size_of, sizes_of
from memos_core.ports import Batch, MissingBlob


class HeldBlobs:
    """The part of a vault that holds blobs: those that a put of a cube refers to which has not expired."""

    def __init__(self) -> None:
        self._operations: dict[str, Operation] = {}
        self._blobs: dict[str, bytes] = {}

    def _access(self) -> AbstractContextManager[None]:
        raise NotImplementedError

    def _cube(self, name: str) -> MemCube | None:
        raise NotImplementedError

    def _is_expired(self, name: str) -> bool:
        raise NotImplementedError

    def blob(self, cube: str, *, version: str | None = None) -> memoryview:
        with self._access():
            shown = self._cube(cube)
            if shown is None:
                raise CubeNotFound(cube_id=cube)
            blob = (shown if version is None else self._version(cube, version)).blob
            if blob is None:
                raise no_blob(cube)
            if self._is_expired(cube) or not self._is_here(blob):
                raise absent(cube, blob)
            return memoryview(self._blobs[blob.sha256])

    def missing_blobs(self) -> list[MissingBlob]:
        with self._access():
            used = sorted(self._referring(), key=lambda put: (put.hlc, put.id))
            found = [MissingBlob(put.cube, put.id, blob) for put in used if (blob := blob_of(put)) is not None]
            return [each for each in found if not self._is_here(each.blob)]

    def _version(self, cube: str, version: str) -> Content:
        put = self._operations.get(version)
        if put is None or put.cube != cube or put.kind is not OperationKind.PUT or put.body is None:
            raise VersionNotFound(cube_id=cube, version=version)
        return content_of(put)

    def _is_here(self, blob: BlobRef) -> bool:
        held = self._blobs.get(blob.sha256)
        return held is not None and len(held) == blob.size

    def _referring(self) -> Iterator[Operation]:
        """Puts that keep a blob here."""
        return (op for op in self._operations.values() if blob_of(op) is not None and not self._is_expired(op.cube))

    def _given_blobs(self, batch: Batch) -> dict[str, bytes]:
        """The blobs of a batch, checked."""
        if not batch.blobs:
            return {}
        said = sizes_of([*batch.operations, *self._referring()])
        return {
            digest: b"".join(pieces(digest, source, size_of(digest, source, said)))
            for digest, source in batch.blobs.items()
        }

    def _keep_blobs(self, given: dict[str, bytes]) -> None:
        """Take blobs in, and let go of those that nothing refers to."""
        if given or self._blobs:
            used = sizes_of(self._referring())
            self._blobs = {digest: data for digest, data in {**self._blobs, **given}.items() if digest in used}

    def _damaged_blobs(self) -> list[Damage]:
        return [
            Damage(f"blob {digest}", "was altered") for digest, data in self._blobs.items() if sha256(data) != digest
        ]
