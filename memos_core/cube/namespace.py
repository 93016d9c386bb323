"""Namespaces: the address of a cube, and the unit of ownership and sharing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Union

from memos_core.errors import InvalidNamespace

Namespace = tuple[str, ...]
NamespaceLike = Union[str, Sequence[str]]

MAX_LABELS = 16
MAX_LABEL_LENGTH = 256  # characters


def namespace(value: NamespaceLike | None) -> Namespace:
    """Make a namespace of ``"acme/alice"`` or ``("acme", "alice")``.

    Raises
    ------
    InvalidNamespace
        If there is none, if a label is empty or too long, or holds ``/``, NUL or a lone surrogate.

    Examples
    --------
    >>> namespace("acme/alice")
    ('acme', 'alice')
    """
    if value is None:
        raise InvalidNamespace(detail='A namespace is required: whose memory is meant, e.g. namespace="alice"?')
    labels = tuple(value.split("/") if isinstance(value, str) else value) if isinstance(value, Sequence) else ()
    if not labels or not all(isinstance(label, str) and label.strip() for label in labels):
        raise InvalidNamespace(detail=f"{value!r} is not a namespace: every label must be a non-empty string.")
    if len(labels) > MAX_LABELS or any(len(label) > MAX_LABEL_LENGTH for label in labels):
        raise InvalidNamespace(
            detail=f"A namespace has at most {MAX_LABELS} labels of at most {MAX_LABEL_LENGTH} characters."
        )
    for label in labels:
        if "/" in label or "\0" in label or any("\ud800" <= char <= "\udfff" for char in label):
            raise InvalidNamespace(detail=f"{label!r} is not a label: '/', NUL and lone surrogates are not allowed.")
    return labels


def covers(outer: Namespace, inner: Namespace) -> bool:
    """Say whether ``inner`` is ``outer`` or lies below it. Whole labels count, not characters."""
    return inner[: len(outer)] == outer
