"""Safetensors, as far as a package is to be sure of them: a header that accounts for every byte, and numbers.

References
----------
The safetensors format: eight bytes of length, a JSON header, and the tensors, one after another without a gap.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any, BinaryIO

from memos_core.cube.canonical import parse_object
from memos_core.errors import InvalidInput

MAX_HEADER = 4 * 1024 * 1024  # bytes
_LENGTH = 8  # bytes
_METADATA = "__metadata__"
_FIELDS = {"dtype", "shape", "data_offsets"}
_WIDTHS = {  # bytes of a number
    "BOOL": 1, "U8": 1, "I8": 1, "F8_E4M3": 1, "F8_E5M2": 1, "U16": 2, "I16": 2, "F16": 2, "BF16": 2,
    "U32": 4, "I32": 4, "F32": 4, "U64": 8, "I64": 8, "F64": 8, "C64": 8,
}  # fmt: skip


def check(stream: BinaryIO, size: int) -> None:
    """Read the header of so many bytes, and see that they are safetensors and nothing else.

    Raises
    ------
    InvalidInput
        If they are not.
    """
    length = int.from_bytes(stream.read(_LENGTH), "little")
    if not 2 <= length <= min(MAX_HEADER, size - _LENGTH):
        raise InvalidInput(detail="It does not begin with the length of a header of safetensors.")
    data = stream.read(length)
    if data[:1] != b"{":
        raise InvalidInput(detail="Its header does not begin as that of safetensors does.")
    try:
        places = sorted(_places(parse_object(data)))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InvalidInput(detail=f"Its header is not that of safetensors ({error}).") from error
    ends = [(0, 0), *places, (size - _LENGTH - length,) * 2]
    if any(end != start for (_, end), (start, _) in pairwise(ends)):
        raise InvalidInput(detail="Its tensors do not lie one after another, from the header to the end.")


def _places(header: Mapping[str, Any]) -> Iterator[tuple[int, int]]:
    """Where each tensor begins and ends, counted from the end of the header."""
    for name, told in header.items():
        if name == _METADATA:
            if not all(isinstance(value, str) for value in told.values()):
                raise ValueError("its metadata are not texts")
            continue
        start, end = told["data_offsets"]
        numbers = [start, end, *told["shape"]]
        if not all(type(number) is int and number >= 0 for number in numbers) or told.keys() != _FIELDS:
            raise ValueError(f"{name!r} is not described as a tensor")
        if end - start != math.prod(told["shape"]) * _WIDTHS[told["dtype"]]:
            raise ValueError(f"{name!r} has another length than its shape says")
        yield start, end
