"""What a vault takes and gives."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Union

from memos_core.cube.namespace import Namespace
from memos_core.cube.operation import Operation
from memos_core.cube.payload import BlobRef
from memos_core.ports.models import EmbeddingSpec, Span

if TYPE_CHECKING:
    from memos_core.ports.models import Vector

BlobSource = Union[bytes, memoryview, Path]  #: the bytes of a blob, or a file that has them, which stays as it is


@dataclass(frozen=True)
class Part:
    """A span of a cube's text, what was embedded for it, and the vector: ``(dim,)`` float32 of length one.

    Attributes
    ----------
    text
        The span's text, perhaps with words around it that help, such as the speaker's name. The vault keeps only
        its digest, for ``known_vectors``.
    """

    span: Span
    text: str
    vector: Vector


@dataclass(frozen=True)
class Batch:
    """The one unit of writing: all of it is stored, or nothing.

    Attributes
    ----------
    operations
        Known ones are ignored, so a merge is a commit; only a body that had not arrived with its header is added.
        Where one erases a cube, the bodies of the cube's puts and state changes go, and those that arrive later too.
    parts
        Vectors of put operations in this batch, by operation id. A put without any waits for ``reembed``.
    spec
        Of the vectors; required where there are any.
    blobs
        By their SHA-256, what put operations refer to that are in this batch, or came without it. A put without its
        blob is stored too: it can come later.
    """

    operations: Sequence[Operation]
    parts: Mapping[str, Sequence[Part]] = field(default_factory=dict)
    spec: EmbeddingSpec | None = None
    blobs: Mapping[str, BlobSource] = field(default_factory=dict)


class MissingBlob(NamedTuple):
    """A blob that is not here, and the version of a cube that refers to it."""

    cube: str
    version: str
    blob: BlobRef


class Scored(NamedTuple):
    """A candidate: a cube and how well it fits, higher is better. The scale is the list's own."""

    cube: str
    score: float


MENTIONS = "mentions"
SAID_BY = "said_by"
FOLLOWS = "follows"
DERIVED_FROM = "derived_from"


class Edge(NamedTuple):
    """An edge of the memory graph. A node is ``cube:<id>``, ``entity:<lower-case name>`` or ``version:<id>``.

    A cube ``mentions`` an entity, is ``said_by`` one, ``follows`` a cube and is ``derived_from`` versions; other
    relations are predicates of claims.
    """

    source: str
    relation: str
    target: str


@dataclass(frozen=True)
class Walk:
    """How far the memory graph is walked.

    Attributes
    ----------
    hops
        Steps away from the seeds.
    fanout
        Edges by which each node leads on, at most; those whose relation comes first in the alphabet.
    limit
        Edges in all, at most.
    only
        Relations that are walked; all without.
    """

    hops: int
    fanout: int
    limit: int
    only: Collection[str] | None = None


class Topic(NamedTuple):
    """What claims are about; without an object, all objects of a subject and predicate.

    Letter case and spacing of subject and object make no difference.
    """

    subject: str
    predicate: str
    object: str | None = None


class Passage(NamedTuple):
    """The light view of a cube that ranking needs, for hundreds of candidates at a time.

    Attributes
    ----------
    length
        Of the text, in characters.
    follows, followed_by
        Ids of the neighbours in its conversation or document that the selection admits; of several that follow,
        the least.
    """

    cube: str
    speaker: str | None
    role: str | None
    length: int
    follows: str | None
    followed_by: str | None


class Job(NamedTuple):
    """Something to be done once, by whoever leases it.

    Attributes
    ----------
    key
        Says what it is about: a job of a key that is noted already is the same one.
    subject
        A conversation or back end, where it is about one.
    cubes
        Ids.
    attempts
        How often it was leased.
    """

    key: str
    action: str
    namespace: Namespace
    subject: str
    cubes: tuple[str, ...]
    reason: str
    attempts: int = 0
