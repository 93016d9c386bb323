from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from memos_core.cube.canonical import canonical, parse_object, sha256
from memos_core.cube.clock import Timestamp
from memos_core.cube.operation import SALT_BYTES, Operation, OperationKind
from memos_core.errors import InvalidInput, InvalidOperation

PARENTS = ("b" * 64, "a" * 64, "b" * 64)


def written(**changes: Any) -> Operation:
    fields: dict[str, Any] = {
        "cube": "c",
        "kind": OperationKind.PUT,
        "hlc": Timestamp(5, 6),
        "actor": "a",
        "parents": PARENTS,
        "body": {"text": "secret", "n": 1.5},
    }
    return Operation.create(**fields | changes)


def flipped(data: bytes) -> Iterator[bytes]:
    for at in range(8 * len(data)):
        changed = bytearray(data)
        changed[at // 8] ^= 1 << at % 8
        yield bytes(changed)


def test_header_says_everything_but_the_body() -> None:
    operation = written()
    assert operation.salt is not None
    assert operation.body is not None
    assert parse_object(operation.header) == {
        "cube": "c",
        "kind": "put",
        "hlc": "0000000000050006",
        "actor": "a",
        "parents": ["a" * 64, "b" * 64],
        "body": sha256(operation.salt, operation.body),
    }
    assert operation.id == sha256(operation.header)
    assert operation.value() == {"text": "secret", "n": 1.5}


def test_operation_comes_back_from_its_bytes() -> None:
    operation = written()
    assert Operation.parse(operation.header, operation.body, operation.salt) == operation
    bare = Operation.parse(operation.header, None, None)
    assert bare == operation.without_body()
    assert (bare.id, bare.value()) == (operation.id, {})


def test_same_body_never_gives_the_same_digest() -> None:
    one, other = written(), written()
    assert one.body == other.body
    assert one.salt is not None
    assert len(one.salt) == SALT_BYTES
    assert len({one.salt, other.salt}) == len({one.body_digest, other.body_digest}) == len({one.id, other.id}) == 2


def test_what_is_left_without_a_body_tells_nothing_of_it() -> None:
    bare = written().without_body()
    assert b"secret" not in bare.header
    assert bare.body is None
    assert bare.salt is None
    bare.verify()


def test_every_flipped_bit_of_body_and_salt_is_found() -> None:
    operation = written()
    assert operation.body is not None
    assert operation.salt is not None
    for body in flipped(operation.body):
        with pytest.raises(InvalidOperation):
            Operation.parse(operation.header, body, operation.salt)
        with pytest.raises(InvalidOperation):
            replace(operation, body=body).verify()
    for salt in flipped(operation.salt):
        with pytest.raises(InvalidOperation):
            Operation.parse(operation.header, operation.body, salt)


def test_every_flipped_bit_of_the_header_is_found() -> None:
    """By what it says, or by the id, under which nobody knows it."""
    operation = written()
    for header in flipped(operation.header):
        with pytest.raises(InvalidOperation):
            replace(operation, header=header).verify()
        try:
            other = Operation.parse(header, operation.body, operation.salt)
        except InvalidOperation:
            continue
        assert other.id != operation.id


def test_body_and_salt_go_together() -> None:
    operation = written()
    for body, salt in ((operation.body, None), (None, operation.salt)):
        with pytest.raises(InvalidOperation):
            Operation.parse(operation.header, body, salt)


def test_fields_of_newer_releases_are_part_of_the_id() -> None:
    operation = written()
    header = canonical(parse_object(operation.header) | {"newer": {"field": 1}})
    newer = Operation.parse(header, operation.body, operation.salt)
    assert newer.header == header
    assert newer.id == sha256(header) != operation.id


BAD_FIELDS: list[dict[str, Any]] = [
    {"cube": 1},
    {"cube": None},
    {"kind": "delete"},
    {"kind": ["put"]},
    {"hlc": "5"},
    {"hlc": 5},
    {"actor": None},
    {"parents": None},
    {"parents": [1]},
    {"parents": 7},
    {"body": None},
]


@pytest.mark.parametrize("changes", BAD_FIELDS, ids=str)
def test_header_with_a_bad_field_is_refused(changes: dict[str, Any]) -> None:
    header = canonical(parse_object(written().header) | changes)
    with pytest.raises(InvalidOperation):
        Operation.parse(header, None, None)


def test_header_without_a_field_is_refused() -> None:
    fields = parse_object(written().header)
    for name in fields:
        with pytest.raises(InvalidOperation):
            Operation.parse(canonical({key: value for key, value in fields.items() if key != name}), None, None)


@pytest.mark.parametrize("change", [b" ", b"\n"])
def test_header_that_is_not_canonical_is_refused(change: bytes) -> None:
    header = written().header
    for spoilt in (header + change, change + header, header.replace(b",", b"," + change)):
        with pytest.raises(InvalidOperation):
            Operation.parse(spoilt, None, None)


@pytest.mark.parametrize("body", [{"v": float("nan")}, {"v": "\ud800"}, {"v": 2**60}, {"v": b"bytes"}])
def test_body_that_is_not_json_is_not_written(body: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        written(body=body)
