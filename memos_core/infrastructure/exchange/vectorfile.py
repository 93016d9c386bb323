"""Vectors in a file, found by the digest of the text that each was made for.

Records of equal length, sorted: the SHA-256 of the text in UTF-8, and ``dim`` float32 with the least byte first.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from memos_core.errors import InvalidInput

if TYPE_CHECKING:
    from memos_core.ports import Vector

DIGEST = 32  # bytes
CHUNK = 4096  # records read at a time


def write(path: Path, pages: Iterable[Mapping[str, Vector]]) -> int:
    """Write vectors by their texts; return how many. They are gathered in a file beside it, and sorted from there."""
    places: dict[bytes, int] = {}
    size = 0
    gathered = path.with_suffix(".unsorted")
    with gathered.open("w+b") as unsorted, path.open("wb") as stream:
        for page in pages:
            for text, vector in page.items():
                data = vector.astype("<f4").tobytes()
                if places.setdefault(_digest(text), unsorted.tell()) == unsorted.tell():
                    unsorted.write(data)
                size = len(data)
        for digest, place in sorted(places.items()):
            unsorted.seek(place)
            stream.write(digest + unsorted.read(size))
    return len(places)


class VectorFile:
    """A file of vectors that is read where something is asked of it: in memory are 8 bytes of each digest.

    Parameters
    ----------
    stream
        Can be read at any place.
    dim
        Of each vector.
    count
        How many there are to be.

    Raises
    ------
    InvalidInput
        If the file does not have the length of so many, or is not sorted.
    """

    def __init__(self, stream: BinaryIO, *, dim: int, count: int) -> None:
        self._stream = stream
        self._record = np.dtype([("key", ">u8"), ("rest", f"V{DIGEST - 8}"), ("vector", "<f4", (dim,))])
        keys = []
        while data := stream.read(CHUNK * self._record.itemsize):
            if len(data) % self._record.itemsize:
                raise InvalidInput(detail="A file of vectors is cut off.")
            keys.append(np.frombuffer(data, self._record)["key"].astype(np.uint64))
        self._keys = np.concatenate(keys) if keys else np.empty(0, np.uint64)
        if len(self._keys) != count or (self._keys[1:] < self._keys[:-1]).any():
            raise InvalidInput(detail=f"A file of {count:,} vectors holds {len(self._keys):,}, or is not sorted.")

    def known(self, texts: Sequence[str]) -> dict[str, Vector]:
        """The vectors of those of these texts that are there, as they are: whoever uses them checks them."""
        digests = [_digest(text) for text in texts]
        places = np.searchsorted(self._keys, [int.from_bytes(digest[:8], "big") for digest in digests])
        found = {}
        for text, digest, place in zip(texts, digests, places, strict=True):
            self._stream.seek(int(place) * self._record.itemsize)
            data = self._stream.read(self._record.itemsize)
            if data[:DIGEST] == digest:
                found[text] = np.frombuffer(data, self._record)["vector"][0].astype(np.float32)
        return found


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
