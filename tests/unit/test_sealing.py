"""Encrypted files of blobs: whatever is cut, swapped, altered or taken from elsewhere is found."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memos_core.infrastructure.vault.sealing import TAG_BYTES, new_key, seal, sealed_size, unseal
from memos_core.infrastructure.vault.sources import PIECE, in_pieces

KEY = new_key()
STEP = PIECE + TAG_BYTES


def sealed(data: bytes, key: bytes = KEY) -> bytes:
    return b"".join(seal(key, len(data), in_pieces(memoryview(data))))


def opened(file: bytes, size: int, key: bytes = KEY) -> bytes:
    return b"".join(unseal(key, size, memoryview(file)))


@settings(deadline=None, max_examples=20)
@given(
    length=st.sampled_from([0, 1, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, 3 * PIECE - 7]), byte=st.binary(min_size=1)
)
def test_what_is_sealed_is_unsealed(length: int, byte: bytes) -> None:
    data = (byte * (length // len(byte) + 1))[:length]
    file = sealed(data)
    assert len(file) == sealed_size(length)
    assert opened(file, length) == data


def test_the_same_is_never_sealed_alike() -> None:
    assert sealed(b"x" * 100, new_key()) != sealed(b"x" * 100, new_key())


@pytest.mark.parametrize("size", [3 * PIECE, 2 * PIECE, PIECE, 0])
def test_pieces_cannot_be_cut_off_whatever_the_length_is_said_to_be(size: int) -> None:
    file = sealed(b"x" * 3 * PIECE)
    for pieces in range(3):
        with pytest.raises(ValueError, match="altered"):
            opened(file[: pieces * STEP], size)


def test_pieces_cannot_be_swapped_doubled_or_taken_from_elsewhere() -> None:
    first, second = sealed(b"a" * 3 * PIECE), sealed(b"b" * 3 * PIECE, new_key())
    parts = [first[at * STEP : (at + 1) * STEP] for at in range(3)]
    for forged in ([1, 0, 2], [0, 0, 2], [0, 2, 1]):
        with pytest.raises(ValueError, match="altered"):
            opened(b"".join(parts[at] for at in forged), 3 * PIECE)
    for file, key in ((second, KEY), (first, new_key()), (parts[0] + second[STEP:], KEY)):
        with pytest.raises(ValueError, match="altered"):
            opened(file, 3 * PIECE, key)


@settings(deadline=None, max_examples=30)
@given(at=st.integers(0, 2 * PIECE + 100 + 3 * TAG_BYTES - 1), bit=st.integers(0, 7))
def test_every_bit_counts(at: int, bit: int) -> None:
    data = b"x" * (2 * PIECE + 100)
    file = bytearray(sealed(data))
    file[at] ^= 1 << bit
    with pytest.raises(ValueError, match="altered"):
        opened(bytes(file), len(data))
