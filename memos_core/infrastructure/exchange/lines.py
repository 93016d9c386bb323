"""Operations as lines of JSON: the truth of a package."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from memos_core.cube.operation import SALT_BYTES, Operation
from memos_core.errors import InvalidInput, InvalidOperation, TooLarge

MAX_LINE = 10 * 1024 * 1024  # bytes: a header, a body, and what stands around them
PAGE = 500  # operations at a time

_HEADER = ',"header":'
_DECODER = json.JSONDecoder()


def line(operation: Operation) -> bytes:
    """An operation as canonical JSON, with the end of its line. Header and body are in it byte by byte."""
    if operation.body is None or operation.salt is None:
        return b'{"header":%s}\n' % operation.header
    return b'{"body":%s,"header":%s,"salt":"%s"}\n' % (
        operation.body,
        operation.header,
        operation.salt.hex().encode(),
    )


def parse(data: bytes) -> Operation:
    """Read a line, and verify the operation in it.

    Raises
    ------
    InvalidOperation
        If it is not exactly what :func:`line` writes.
    """
    try:
        text = data.decode("utf-8")
        body, at = _member(text, '{"body":', 0) if text.startswith('{"body":') else (None, 0)
        header, at = _member(text, _HEADER if body is not None else '{"header":', at)
        salt = None if body is None else bytes.fromhex(text[at + 9 : at + 9 + 2 * SALT_BYTES])
        operation = Operation.parse(header.encode(), None if body is None else body.encode(), salt)
    except (ValueError, RecursionError) as error:
        raise InvalidOperation(detail=f"A line is no operation: {error}.") from error
    if line(operation) != data:
        raise InvalidOperation(detail="A line is not written as the format wants it.")
    return operation


def pages(stream: BinaryIO) -> Iterator[list[Operation]]:
    """Read operations, some at a time; they must be in order, and none there twice.

    Raises
    ------
    InvalidInput
        If a line is no operation, or too long, or out of order.
    """
    last: tuple[object, ...] = ()
    number, page = 0, []
    while data := stream.readline(MAX_LINE + 1):
        number += 1
        if len(data) > MAX_LINE:
            raise TooLarge(what=f"Line {number} of operations.jsonl", size=len(data), limit=MAX_LINE, unit="bytes")
        try:
            operation = parse(data)
        except InvalidInput as error:
            raise InvalidOperation(detail=f"operations.jsonl, line {number}: {error}") from error
        if last and order(operation) <= last:
            raise InvalidOperation(detail=f"operations.jsonl, line {number}: it is out of order.")
        last = order(operation)
        page.append(operation)
        if len(page) == PAGE:
            yield page
            page = []
    if page:
        yield page


def order(operation: Operation) -> tuple[object, ...]:
    """Operations lie in a package by time and id."""
    return operation.hlc, operation.id


def write(stream: BinaryIO, operations: Iterable[Operation]) -> None:
    """Write operations, which must be in order."""
    stream.writelines(map(line, operations))


def _member(text: str, name: str, at: int) -> tuple[str, int]:
    """The JSON that follows a name, word for word, and where it ends."""
    if not text.startswith(name, at):
        raise InvalidOperation(detail=f"{name!r} is expected at character {at + 1}")
    start = at + len(name)
    _, end = _DECODER.raw_decode(text, start)
    return text[start:end], end
