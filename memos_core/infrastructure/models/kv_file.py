"""KV caches as safetensors, written and read without a library and without a copy.

A file is the length of a header in eight bytes, the header in JSON, and the tensors. Nothing in it can be run.

References
----------
The safetensors format, https://github.com/huggingface/safetensors.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from memos_core.errors import CacheRefused

#: Bytes of one element, by the format's own names.
SIZES = {"F32": 4, "F16": 2, "BF16": 2, "I32": 4, "I8": 1, "U8": 1}
ALIGNMENT = 64  # of the first tensor, so that a mapped file can be computed with as it lies
MOST = 1 << 20  # bytes of a header


class Tensor(NamedTuple):
    """A tensor as it is stored: the format's name of its type, its shape, and its bytes."""

    dtype: str
    shape: tuple[int, ...]
    data: memoryview | bytes


class KVFile(NamedTuple):
    """What a file holds; the tensors' bytes lie in the file's own buffer."""

    tensors: Mapping[str, Tensor]
    metadata: Mapping[str, str]

    @property
    def tokens(self) -> list[int]:
        """Ids of the tokens that it covers."""
        return list(memoryview(self.tensors["tokens"].data).cast("B").cast("i"))

    @property
    def start(self) -> int:
        """The position of the first of them."""
        return int(self.metadata["start"])


def pack(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> bytes:
    """Write a file; equal content gives equal bytes."""
    header: dict[str, Any] = {"__metadata__": dict(sorted(metadata.items()))}
    end = 0
    for name, tensor in tensors.items():
        start, end = end, end + len(tensor.data)
        header[name] = {"dtype": tensor.dtype, "shape": list(tensor.shape), "data_offsets": [start, end]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-(len(text) + 8) % ALIGNMENT)
    return b"".join([len(text).to_bytes(8, "little"), text, *(bytes(tensor.data) for tensor in tensors.values())])


def tokens_of(tokens: Sequence[int]) -> Tensor:
    """Ids of tokens as a tensor."""
    return Tensor("I32", (len(tokens),), b"".join(token.to_bytes(4, "little") for token in tokens))


def unpack(data: memoryview | bytes) -> KVFile:
    """Read a file.

    Raises
    ------
    CacheRefused
        If it is none, or is damaged: every length is checked before anything is believed.
    """
    view = memoryview(data).cast("B")
    try:
        length = int.from_bytes(view[:8], "little")
        _require(len(view) >= 8 and length <= min(MOST, len(view) - 8), "its header does not fit")
        header = json.loads(bytes(view[8 : 8 + length]))
        metadata = header.pop("__metadata__", {})
        tensors = {name: _tensor(entry, view[8 + length :]) for name, entry in header.items()}
        found = KVFile(tensors, {str(key): str(value) for key, value in metadata.items()})
        _require(found.tensors["tokens"].dtype == "I32" and found.start >= 0, "its tokens are not numbered")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CacheRefused(detail=f"its file cannot be read ({error})") from error
    return found


def _tensor(entry: Mapping[str, Any], view: memoryview) -> Tensor:
    start, end = entry["data_offsets"]
    shape = tuple(entry["shape"])
    size = SIZES[entry["dtype"]] * math.prod(shape)
    fits = 0 <= start <= end <= len(view) and end - start == size and all(side >= 0 for side in shape)
    _require(fits, "a tensor does not fit")
    return Tensor(entry["dtype"], shape, view[start:end])


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise ValueError(otherwise)
