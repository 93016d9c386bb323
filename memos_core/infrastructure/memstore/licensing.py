"""Licences: signed tokens that are checked without a network, and the copies that are made for whoever has one.

What this can do is to refuse, to count and to make a leak traceable. Whoever can read a memory can also write it down:
``docs/MARKETPLACE.md`` says so.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from datetime import datetime

from memos_core.cube.clock import Timestamp
from memos_core.cube.listing import Licence
from memos_core.cube.memcube import Content, Governance, Kind, Origin, Provenance, Trust
from memos_core.cube.namespace import Namespace
from memos_core.cube.operation import Operation, OperationKind
from memos_core.cube.payload import Plaintext
from memos_core.errors import InvalidInput, LicenceError
from memos_core.infrastructure.exchange.encryption import recipient
from memos_core.infrastructure.exchange.signing import SigningKey
from memos_core.infrastructure.memstore.statements import LICENCE, follow, read, signed

MARKS = 3  # memories in each copy that say whose it is
CODE = 12  # characters of a mark


def new_licence(
    package: str,
    *,
    licensee: str,
    issued: datetime,
    since: str = "0.0.0",
    below: str | None = None,
    rights: Iterable[str] = ("recall",),
    expires: datetime | None = None,
    uses: int | None = None,
) -> Licence:
    """Make a licence, which counts once it is signed; see :class:`memos_core.cube.listing.Licence`.

    Raises
    ------
    InvalidKey
        If the licensee is no public key of age.
    """
    return Licence(
        id=secrets.token_hex(8),
        package=package,
        since=since,
        below=below,
        licensee=recipient(licensee),
        rights=tuple(rights),
        issued=issued,
        expires=expires,
        uses=uses,
    )


def sign(licence: Licence, key: SigningKey) -> bytes:
    """A licence as a token."""
    return signed(LICENCE, licence.package, licence.model_dump(mode="json"), key)


def verified(token: bytes, *, publisher: str, rotations: Iterable[str] = ()) -> Licence:
    """Read a token.

    Parameters
    ----------
    publisher
        Whose key signed it, or named the one that is the publisher's now.
    rotations
        Envelopes by which keys named their successors.

    Raises
    ------
    LicenceError
        If it is none, or signed by somebody else.
    """
    try:
        key, package, fields = read(token, LICENCE)
        licence = Licence.model_validate(fields)
    except ValueError as error:
        raise LicenceError(package="this package", detail=f"the token cannot be read ({error}).") from error
    if publisher not in follow(key, rotations) or licence.package != package:
        raise LicenceError(package=package, detail=f"it is signed by {key}, who is not the publisher.")
    return licence


def subject(token: bytes) -> str:
    """The package that a token is for, as far as it says so itself.

    Raises
    ------
    LicenceError
        If it is no licence.
    """
    try:
        return read(token, LICENCE)[1]
    except InvalidInput as error:
        raise LicenceError(package="this package", detail=f"the token cannot be read ({error}).") from error


def check(licence: Licence, *, name: str, version: str, at: datetime) -> None:
    """Refuse what a licence does not cover.

    Raises
    ------
    LicenceError
        If it is for another package or version, or over.
    """
    if licence.package != name or not licence.covers(version):
        until = f", before {licence.below}" if licence.below else ""
        detail = f"it is for {licence.package} from {licence.since} on{until}, and this is {name} {version}."
        raise LicenceError(package=name, detail=detail)
    if licence.has_ended(at):
        raise LicenceError(package=name, detail=f"it ended at {licence.expires}. Ask the publisher for another.")


def code(licence: str, number: int, key: SigningKey) -> str:
    """A mark of a copy: nobody can make it, or tell whose it is, without the publisher's key."""
    secret = hashlib.sha256(key.sign(b"memstore watermark")).digest()
    return hmac.new(secret, f"{licence} {number}".encode(), hashlib.sha256).hexdigest()[:CODE].upper()


def marks(licence: Licence, *, namespace: Namespace, key: SigningKey, after: Timestamp) -> list[Operation]:
    """Memories that make a copy traceable: they are recalled as the others are, and name an edition."""
    return [
        Operation.create(
            cube=f"mark-{code(licence.id, number, key)}",
            kind=OperationKind.PUT,
            hlc=Timestamp.unpack(after.pack() + 1 + number),
            actor="watermark",
            salt=hashlib.sha256(f"{licence.id} {number}".encode()).digest()[:16],
            body=_mark(code(licence.id, number, key), namespace).model_dump(mode="json"),
        )
        for number in range(MARKS)
    ]


def traced(text: str, licences: Iterable[str], key: SigningKey) -> list[str]:
    """Of these licences, by id, those whose copies a text comes from.

    Raises
    ------
    InvalidInput
        If there is no text.
    """
    if not text.strip():
        raise InvalidInput(detail="There is no text to look for marks in.")
    upper = text.upper()
    return [each for each in licences if any(code(each, number, key) in upper for number in range(MARKS))]


def _mark(text: str, namespace: Namespace) -> Content:
    return Content(
        namespace=namespace,
        kind=Kind.FACT,
        payload=Plaintext(text=f"This edition is numbered {text}."),
        provenance=Provenance(origin=Origin.IMPORT, source_id=f"edition {text}"),
        governance=Governance(trust=Trust.THIRD_PARTY, watermark=text),
    )
