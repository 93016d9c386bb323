"""Operations: the immutable, content-addressed changes that are the truth of a vault.

An operation is a header and a body. The id is the digest of the canonical header; the header holds only a
salted digest of the body. So a body can be erased, salt and all, and what is left still verifies and tells
nothing.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from memos_core.cube.canonical import canonical, is_canonical, parse_object, sha256
from memos_core.cube.clock import Timestamp
from memos_core.errors import InvalidInput, InvalidOperation

SALT_BYTES = 16


class OperationKind(str, Enum):
    """What an operation changes."""

    PUT = "put"  #: the content
    STATE = "state"  #: the place in the life cycle
    ERASE = "erase"  #: existence, for ever


@dataclass(frozen=True)
class Operation:
    """One change of one cube.

    Attributes
    ----------
    id
        SHA-256 of ``header``.
    header
        Canonical JSON of the fields below, and of fields that only newer releases know.
    hlc
        When the actor learnt it.
    parents
        Ids of the cube's operations that this one has seen and replaces.
    body
        Canonical JSON; ``None`` once erased.
    salt
        Goes and is kept together with the body.
    """

    id: str
    header: bytes
    cube: str
    kind: OperationKind
    hlc: Timestamp
    actor: str
    parents: tuple[str, ...]
    body_digest: str
    body: bytes | None
    salt: bytes | None

    @classmethod
    def create(
        cls,
        *,
        cube: str,
        kind: OperationKind,
        hlc: Timestamp,
        actor: str,
        parents: Iterable[str] = (),
        body: Mapping[str, Any],
        salt: bytes | None = None,
    ) -> Operation:
        """Write a new operation, with a fresh salt unless one is given."""
        salt, data = salt or secrets.token_bytes(SALT_BYTES), canonical(body)
        header = canonical(
            {
                "cube": cube,
                "kind": kind.value,
                "hlc": str(hlc),
                "actor": actor,
                "parents": sorted(set(parents)),
                "body": sha256(salt, data),
            }
        )
        return cls.parse(header, data, salt)

    @classmethod
    def parse(cls, header: bytes, body: bytes | None, salt: bytes | None) -> Operation:
        """Read an operation written anywhere, and verify it.

        Raises
        ------
        InvalidOperation
            If the header is not canonical or incomplete, or the body is not the one it names.
        """
        try:
            fields = parse_object(header)
            if not is_canonical(header, fields):
                raise InvalidOperation(detail="An operation's header is not in canonical form.")
            operation = cls(
                id=sha256(header),
                header=header,
                cube=_text(fields["cube"]),
                kind=OperationKind(fields["kind"]),
                hlc=Timestamp.parse(_text(fields["hlc"])),
                actor=_text(fields["actor"]),
                parents=tuple(_text(parent) for parent in fields["parents"]),
                body_digest=_text(fields["body"]),
                body=body,
                salt=salt,
            )
        except (KeyError, TypeError, ValueError) as error:
            raise InvalidOperation(detail=f"An operation cannot be read: {error!r}") from error
        operation.verify()
        return operation

    def verify(self) -> None:
        """Check id and body against the header.

        Raises
        ------
        InvalidOperation
            If either does not match.
        """
        if sha256(self.header) != self.id:
            raise InvalidOperation(detail=f"Operation {self.id} does not match its header.")
        if (self.body is None) != (self.salt is None):
            raise InvalidOperation(detail=f"Operation {self.id} has a body without a salt, or a salt without a body.")
        if self.body is not None and self.salt is not None and sha256(self.salt, self.body) != self.body_digest:
            raise InvalidOperation(detail=f"The body of operation {self.id} is not the one its header names.")

    def value(self) -> dict[str, Any]:
        """The body as a JSON object; empty once erased."""
        return {} if self.body is None else parse_object(self.body)

    def without_body(self) -> Operation:
        """What is left after erasure."""
        return replace(self, body=None, salt=None)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise InvalidInput(detail=f"{value!r} is not a string")
    return value
