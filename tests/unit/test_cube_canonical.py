from __future__ import annotations

import hashlib
import math
import struct

import pytest

from memos_core.cube.canonical import MAX_DEPTH, canonical, json_object, parse_object, sha256
from memos_core.errors import InvalidInput

# RFC 8785, appendix B: IEEE 754 bits and how ECMAScript writes them.
NUMBERS = {
    "0000000000000000": "0",
    "8000000000000000": "0",
    "0000000000000001": "5e-324",
    "8000000000000001": "-5e-324",
    "7fefffffffffffff": "1.7976931348623157e+308",
    "ffefffffffffffff": "-1.7976931348623157e+308",
    "4340000000000000": "9007199254740992",
    "c340000000000000": "-9007199254740992",
    "4430000000000000": "295147905179352830000",
    "44b52d02c7e14af5": "9.999999999999997e+22",
    "44b52d02c7e14af6": "1e+23",
    "44b52d02c7e14af7": "1.0000000000000001e+23",
    "444b1ae4d6e2ef4e": "999999999999999700000",
    "444b1ae4d6e2ef4f": "999999999999999900000",
    "444b1ae4d6e2ef50": "1e+21",
    "3eb0c6f7a0b5ed8c": "9.999999999999997e-7",
    "3eb0c6f7a0b5ed8d": "0.000001",
    "41b3de4355555553": "333333333.3333332",
    "41b3de4355555554": "333333333.33333325",
    "41b3de4355555555": "333333333.3333333",
    "41b3de4355555556": "333333333.3333334",
    "41b3de4355555557": "333333333.33333343",
    "becbf647612f3696": "-0.0000033333333333333333",
    "43143ff3c1cb0959": "1424953923781206.2",
}


@pytest.mark.parametrize("bits", NUMBERS)
def test_numbers_are_written_as_ecmascript_does(bits: str) -> None:
    (number,) = struct.unpack(">d", bytes.fromhex(bits))
    data = canonical({"n": number})
    assert data == f'{{"n":{NUMBERS[bits]}}}'.encode()
    assert parse_object(data)["n"] == number
    assert canonical(parse_object(data)) == data


def test_example_of_the_rfc_is_written_as_it_says() -> None:
    value = {
        "numbers": [333333333.33333329, 1e30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": "\u20ac$\u000f\u000aA'\u0042\u0022\u005c\\\"/",
        "literals": [None, True, False],
    }
    expected = (
        '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
        '"string":"\u20ac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    )
    assert canonical(value) == expected.encode()


def test_keys_are_sorted_by_their_utf16_units() -> None:
    keys = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\u0080", "\u00f6"]
    written = canonical(dict.fromkeys(keys, 0)).decode()
    assert list(parse_object(written.encode())) == ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]


@pytest.mark.parametrize(
    "value", [math.nan, math.inf, -math.inf, 2**53, -(2**53), "\ud800", b"bytes", {1, 2}, object(), {1: "key"}]
)
def test_what_is_not_json_is_refused(value: object) -> None:
    with pytest.raises(InvalidInput):
        canonical({"v": value})
    with pytest.raises(InvalidInput):
        canonical({"deeper": [{"v": value}]})


@pytest.mark.parametrize("key", ["\ud800", 1, None])
def test_keys_must_be_valid_text(key: object) -> None:
    with pytest.raises(InvalidInput):
        canonical({key: 0})  # type: ignore[dict-item]


def nested(levels: int) -> dict[str, object]:
    value: object = 0
    for level in range(levels):
        value = [value] if level % 2 else {"v": value}
    return {"v": value}


def test_depth_is_limited_when_writing_and_when_reading() -> None:
    allowed, too_deep = nested(MAX_DEPTH - 1), nested(MAX_DEPTH)
    assert parse_object(canonical(allowed)) == allowed
    with pytest.raises(InvalidInput):
        canonical(too_deep)
    with pytest.raises(InvalidInput):
        parse_object(b'{"v":' + b"[" * MAX_DEPTH + b"]" * MAX_DEPTH + b"}")
    with pytest.raises(InvalidInput):
        parse_object(b'{"v":' + b"[" * 100_000 + b"]" * 100_000 + b"}")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b"1",
        b"null",
        b'"text"',
        b'{"a":1,"a":2}',
        b'{"a":{"b":1,"b":1}}',
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b'{"a":-Infinity}',
        b'{"a":1e400}',
        b'{"a":' + b"9" * 400 + b"}",
        b'{"a":' + b"9" * 5000 + b"}",
        b'{"a":1}{"b":2}',
        b'{"a":"\xff"}',
        b"{'a':1}",
        b"\xef\xbb\xbf{}",
    ],
)
def test_what_is_not_one_strict_object_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidInput):
        parse_object(data)


def test_integers_stay_integers_as_far_as_they_are_exact() -> None:
    largest = 2**53 - 1
    parsed = parse_object(f'{{"a":{largest},"b":{largest + 1},"c":-0,"d":1.0}}'.encode())
    assert [type(value) for value in parsed.values()] == [int, float, int, float]
    assert parsed["a"] == largest


def test_metadata_come_back_as_they_will_be_read() -> None:
    assert json_object({"tuple": (1, 2.0), "text": "\u00e9"}) == {"tuple": [1, 2], "text": "\u00e9"}


def test_digest_is_that_of_the_parts_together() -> None:
    assert sha256(b"a", b"bc") == hashlib.sha256(b"abc").hexdigest()
