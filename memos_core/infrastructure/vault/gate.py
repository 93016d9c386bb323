"""The write gate: what every vault checks before it stores anything, and with the same words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from memos_core.cube.canonical import canonical, is_canonical
from memos_core.cube.fold import content_of, move_of
from memos_core.cube.memcube import Content, Kind
from memos_core.cube.message import aware
from memos_core.cube.namespace import namespace
from memos_core.cube.operation import Operation, OperationKind
from memos_core.cube.payload import Plaintext
from memos_core.errors import (
    EmbedderMismatch,
    InvalidInput,
    InvalidOperation,
    InvalidText,
    InvalidVector,
    TooLarge,
)
from memos_core.ports import Batch, EmbeddingSpec, Part

if TYPE_CHECKING:
    from memos_core.ports import Vector

MAX_TEXT = 1_000_000  # characters of one cube
MAX_METADATA = 64 * 1024  # bytes of canonical JSON
MAX_HEADER = 1024 * 1024  # bytes
MAX_BODY = 8 * 1024 * 1024  # bytes; a text of control characters alone takes six times its length
MAX_ID = 256  # characters
LENGTH_TOLERANCE = 1e-3  # float32 rounding, and models that work in lower precision

_DIGEST = re.compile(r"[0-9a-f]{64}")


def check(batch: Batch, spec: EmbeddingSpec | None) -> None:
    """Refuse a batch that a vault must not store.

    Parameters
    ----------
    spec
        Of the vectors that the vault holds; ``None`` while there are none.

    Raises
    ------
    InvalidInput
        In the form that says most: ``InvalidOperation``, ``InvalidText``, ``TooLarge``, ``InvalidNamespace``,
        ``InvalidVector``.
    EmbedderMismatch
        If the vectors are not comparable with those held.
    """
    for operation in batch.operations:
        _check_operation(operation)
    if not batch.parts:
        return
    if batch.spec is None:
        raise InvalidInput(detail="A batch with vectors must say by Batch.spec which embedder made them.")
    if spec is not None and batch.spec != spec:
        raise EmbedderMismatch(expected=str(spec), actual=str(batch.spec))
    check_parts(batch.parts, batch.spec, {operation.id: operation for operation in batch.operations})


def united(operations: Iterable[Operation]) -> dict[str, Operation]:
    """Operations by id, each once; one that came with its body and without keeps it."""
    found: dict[str, Operation] = {}
    for op in operations:
        if op.id not in found or found[op.id].body is None:
            found[op.id] = op
    return found


def check_parts(parts: Mapping[str, Sequence[Part]], spec: EmbeddingSpec, operations: Mapping[str, Operation]) -> None:
    """Refuse vectors that do not fit their put operations.

    Parameters
    ----------
    parts
        By operation id.
    operations
        At least those that ``parts`` names; an erased one may have lost its body.

    Raises
    ------
    InvalidInput
        If ``parts`` names an unknown operation, or one that puts nothing, or a span outside its text.
    InvalidVector
        If a vector is not finite, not of length one, or of another dimension than ``spec`` says.
    """
    for name, its_parts in parts.items():
        operation = operations.get(name)
        if operation is None or operation.kind is not OperationKind.PUT:
            raise InvalidInput(detail=f"Vectors are given for {name!r}, which is no put operation known here.")
        text = None if operation.body is None else content_of(operation).text
        for part in its_parts:
            _check_text(part.text)
            check_vector(part.vector, spec)
            if text is not None and not 0 <= part.span.start < part.span.end <= len(text):
                raise InvalidInput(
                    detail=f"{part.span} lies outside the text of operation {name}, {len(text):,} characters long."
                )


def check_vector(vector: Vector, spec: EmbeddingSpec) -> None:
    """Refuse a vector that cannot be stored: it must be ``(dim,)`` float32, finite and of length one.

    Raises
    ------
    InvalidVector
        If it is anything else.
    """
    if not isinstance(vector, np.ndarray) or vector.dtype != np.float32:
        raise InvalidVector(detail="A vector must be a numpy array of float32.")
    length = vector_length(vector, spec)
    if abs(length - 1.0) > LENGTH_TOLERANCE:
        raise InvalidVector(detail=f"A vector has length {length:.4g}; divide it by its length before it is stored.")


def vector_length(vector: Vector, spec: EmbeddingSpec | None) -> float:
    """Length of a vector that can be compared at all; any positive length will do for a question.

    Raises
    ------
    InvalidVector
        If it is not one finite, non-zero row of numbers, or of another dimension than ``spec`` says.
    """
    if vector.ndim != 1 or (spec is not None and vector.shape != (spec.dim,)):
        wanted = "(dim,)" if spec is None else f"({spec.dim},)"
        raise InvalidVector(detail=f"A vector has shape {vector.shape}, and {wanted} is needed.")
    if not np.isfinite(vector).all():
        raise InvalidVector(detail="A vector holds NaN or infinity; the embedder that made it is at fault.")
    length = float(np.linalg.norm(vector.astype(np.float64)))
    if length == 0.0:
        raise InvalidVector(detail="A vector is zero and so has no direction; the embedder that made it is at fault.")
    return length


def check_page(limit: int, offset: int = 0) -> None:
    """Refuse a negative limit or offset.

    Raises
    ------
    InvalidInput
        If either is below zero.
    """
    if limit < 0 or offset < 0:
        raise InvalidInput(detail=f"limit={limit} and offset={offset} must not be negative.")


def check_usage(recalled: Mapping[str, int], at: datetime) -> None:
    """Refuse counts below zero, and a moment without a time zone.

    Raises
    ------
    InvalidInput
        If either is found.
    """
    aware(at, "at")
    for cube, count in recalled.items():
        if count < 0:
            raise InvalidInput(detail=f"Cube {cube!r} cannot have been recalled {count} times.")


def _check_operation(operation: Operation) -> None:
    _check_size("The header of an operation", len(operation.header), MAX_HEADER, "bytes")
    if Operation.parse(operation.header, operation.body, operation.salt) != operation:
        raise InvalidOperation(detail=f"Operation {operation.id} claims what its header does not say.")
    _check_name("cube id", operation.cube)
    _check_name("actor", operation.actor)
    if not all(_DIGEST.fullmatch(parent) for parent in operation.parents):
        raise InvalidOperation(detail=f"Operation {operation.id} has a parent that is no operation id.")
    if operation.body is not None:
        _check_size("The body of an operation", len(operation.body), MAX_BODY, "bytes")
        _check_body(operation, operation.body)


def _check_body(operation: Operation, body: bytes) -> None:
    value = _value(operation)
    for text in _strings(value):
        _check_text(text, blank=True)
    if not is_canonical(body, value):
        raise InvalidOperation(detail=f"The body of operation {operation.id} is not in canonical form.")
    if operation.kind is OperationKind.PUT:
        _check_content(content_of(operation))
    elif operation.kind is OperationKind.STATE:
        move_of(operation)
    if operation.kind is not OperationKind.PUT and not isinstance(value.get("reason", ""), (str, type(None))):
        raise InvalidOperation(detail=f"The reason of a change must be a text, and is {value['reason']!r}.")


def _value(operation: Operation) -> dict[str, Any]:
    try:
        return operation.value()
    except InvalidInput as error:
        raise InvalidOperation(detail=f"The body of operation {operation.id} cannot be read: {error}") from error


def _check_content(content: Content) -> None:
    namespace(content.namespace)
    if isinstance(content.payload, Plaintext):
        _check_text(content.text, blank=content.kind is Kind.LINK)
        _check_size("The text of a cube", len(content.text), MAX_TEXT, "characters")
    _check_size("The metadata of a cube", len(canonical(content.metadata)), MAX_METADATA, "bytes")


def _check_text(text: str, *, blank: bool = False) -> None:
    if not blank and not text.strip():
        raise InvalidText(detail="The text is empty or blank; there is nothing to remember.")
    if "\0" in text:
        raise InvalidText(detail=f"The text has a NUL character at {text.index(chr(0))}; remove it.")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InvalidText(detail=f"The text is not valid Unicode: a lone surrogate at {error.start}.") from error


def _check_name(what: str, name: str) -> None:
    if not name or len(name) > MAX_ID or "\0" in name:
        raise InvalidOperation(detail=f"{name[:MAX_ID]!r} is no {what}: 1 to {MAX_ID} characters without NUL are.")


def _check_size(what: str, size: int, limit: int, unit: str) -> None:
    if size > limit:
        raise TooLarge(what=what, size=size, limit=limit, unit=unit)


def _strings(value: object) -> list[str]:
    """Every string in a JSON value, keys too."""
    found: list[str] = []
    waiting = [value]
    while waiting:
        match waiting.pop():
            case str() as text:
                found.append(text)
            case dict() as members:
                waiting += [*members.keys(), *members.values()]
            case list() as items:
                waiting += items
            case _:
                pass
    return found
