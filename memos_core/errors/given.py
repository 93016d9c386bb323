"""What a caller handed in."""

from __future__ import annotations

from memos_core.errors.root import MemOSError


class InvalidInput(MemOSError, ValueError):
    """An argument that cannot be accepted; nothing was changed."""


class InvalidText(InvalidInput):
    """Text that is empty, has NUL characters or is not valid Unicode."""

    detail: str


class TooLarge(InvalidInput):
    """Something over its size limit. ``size`` and ``limit`` are in ``unit``."""

    what: str
    size: int
    limit: int
    unit: str
    template = "{what} has {size:,} {unit}; the limit is {limit:,}. Shorten it, or split it into parts."


class InvalidNamespace(InvalidInput):
    """A namespace that is missing or malformed."""

    detail: str


class NaiveDatetime(InvalidInput):
    """A datetime without a time zone."""

    field: str
    template = "{field} has no time zone. Pass an aware datetime, e.g. datetime.now(timezone.utc)."


class InvalidVector(InvalidInput):
    """An embedding that is not a finite, non-zero vector of the right dimension."""

    detail: str


class InvalidFilter(InvalidInput):
    """A filter that is not understood."""

    detail: str


class InvalidOperation(InvalidInput):
    """An operation whose bytes do not verify, or which no vault could have written."""

    detail: str


class InvalidRule(InvalidInput):
    """A rule of truth maintenance that is not understood."""

    detail: str


class InvalidGrant(InvalidInput):
    """A grant that is not understood."""

    detail: str


class InvalidPolicy(InvalidInput):
    """A policy on sensitive content that is not understood."""

    detail: str


class SensitiveContent(InvalidInput):
    """Something that a policy says must not be stored. The message tells its kind, and never what it is."""

    kinds: str
    namespace: str
    template = (
        "This holds {kinds}, which the policy of {namespace} refuses. Take it out, or let its owner change that: "
        "memos.set_policy(...)."
    )


class UnknownFormat(InvalidInput):
    """A file that no importer understands."""

    path: str
    template = "{path} is in no format known here. {detail}"
