"""What a package says of itself, and what taking it in did."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum
from typing import Any

from pydantic import Field, ValidationInfo, field_validator

from memos_core.cube.frozen import Frozen
from memos_core.cube.message import Given
from memos_core.cube.namespace import Namespace
from memos_core.errors import InvalidInput

FORMAT = "memcube/1"

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}/[a-z0-9][a-z0-9-]{0,63}")
_VERSION = re.compile(r"(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})")
_DIGEST = r"^[0-9a-f]{64}$"


class Disclosure(str, Enum):
    """What becomes of memories with sensitive content when a package is made."""

    INCLUDE = "include"
    LEAVE_OUT = "leave out"
    REDACT = "redact"


class About(Given):
    """What a package is called, and how it may be used.

    Attributes
    ----------
    name
        ``publisher/name``, in small letters, digits and hyphens.
    version
        Semantic: ``major.minor.patch``.
    licence
        Its name, such as ``"CC-BY-4.0"``.
    licence_text
        The whole text; it is written as the package's ``LICENSE``.
    rights
        What else is said of its use; data only, nothing is enforced by it.
    """

    name: str
    version: str
    description: str = ""
    licence: str | None = None
    licence_text: str | None = None
    rights: dict[str, Any] = Field(default_factory=dict)

    @field_validator("name", "version")
    @classmethod
    def _formed(cls, given: str, field: ValidationInfo) -> str:
        return package_name(given) if field.field_name == "name" else version(given)


def package_name(text: str) -> str:
    """Read the name of a package.

    Raises
    ------
    InvalidInput
        If it is none.
    """
    if not isinstance(text, str) or not _NAME.fullmatch(text):
        raise InvalidInput(
            detail=f"{text!r} is no name of a package: publisher/name is, in small letters, digits and hyphens."
        )
    return text


def version(text: str) -> str:
    """Read a semantic version.

    Raises
    ------
    InvalidInput
        If it is none.
    """
    if not isinstance(text, str) or not _VERSION.fullmatch(text):
        raise InvalidInput(detail=f"{text!r} is no version: three numbers are, such as 1.0.2.")
    return text


def version_key(text: str) -> tuple[int, ...]:
    """Orders versions.

    Examples
    --------
    >>> sorted(["1.10.0", "1.9.0"], key=version_key)
    ['1.9.0', '1.10.0']
    """
    return tuple(map(int, version(text).split(".")))


class Member(Frozen):
    """A file in a package: its digest, and its size in bytes."""

    sha256: str = Field(pattern=_DIGEST)
    size: int = Field(ge=0)


class Embeddings(Frozen):
    """Vectors in a package.

    Attributes
    ----------
    path
        Of the member that holds them.
    spec
        Of the embedder that made them.
    count
        How many.
    """

    path: str
    spec: dict[str, Any]
    count: int = Field(ge=0)


class Manifest(Frozen):
    """What a package is and holds.

    Attributes
    ----------
    name, version, description, licence, rights
        As its publisher gave them; an archive of one's own has none.
    publisher
        Public key of who signed it; ``None`` if nobody did.
    namespace
        That it was taken from; empty for a whole vault.
    cubes, operations, erased
        How many it holds; erased cubes are marks without content.
    source
        The random name of the vault it was made from.
    since, until
        Which part of that vault's log it covers: what was stored after ``since``, up to ``until``.
    left_out
        How many memories, or earlier versions of them, are not in it, by reason.
    files
        Every other member, by path.
    """

    format: str = FORMAT
    name: str | None = None
    version: str | None = None
    description: str = ""
    licence: str | None = None
    rights: dict[str, Any] = Field(default_factory=dict)
    publisher: str | None = None
    namespace: Namespace = ()
    cubes: int = Field(ge=0)
    operations: int = Field(ge=0)
    erased: int = Field(default=0, ge=0)
    source: str
    since: int = Field(default=0, ge=0)
    until: int = Field(ge=0)
    left_out: Mapping[str, int] = Field(default_factory=dict)
    embeddings: tuple[Embeddings, ...] = ()
    files: Mapping[str, Member]


class Rendered(Frozen):
    """What writing memories in a form of others did.

    Attributes
    ----------
    memories
        How many were written.
    left_out
        How many were not, by reason.
    """

    memories: int
    left_out: Mapping[str, int] = Field(default_factory=dict)


class Merged(Frozen):
    """What taking in the memories of another vault did.

    Attributes
    ----------
    operations
        How many were new here.
    new, changed, erased
        Ids of cubes.
    conflicts
        Ids of cubes that now have versions written apart; ``memos.resolve`` settles them.
    unembedded
        How many texts still have no vector; ``memos.reembed()`` makes them.
    stayed
        How many memories of packages that are installed there stayed there: ``store.lock()`` names what to install.
    missing_blobs
        How many caches and adapters still have no bytes here; merging what has them brings them.
    """

    operations: int = 0
    new: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    erased: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    unembedded: int = 0
    stayed: int = 0
    missing_blobs: int = 0
