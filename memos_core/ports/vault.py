"""What MemOS asks of a vault."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from memos_core.cube.answer import Damage, VaultStats
from memos_core.cube.audit import AuditEntry, AuditQuery
from memos_core.cube.clock import Timestamp
from memos_core.cube.interval import Interval
from memos_core.cube.memcube import Content, MemCube
from memos_core.cube.namespace import Namespace
from memos_core.cube.operation import Operation
from memos_core.cube.selection import Selection
from memos_core.ports.models import EmbeddingSpec
from memos_core.ports.values import Batch, Edge, Job, MissingBlob, Part, Passage, Scored, Topic, Walk

if TYPE_CHECKING:
    from memos_core.ports.models import Vector


class Vault(Protocol):
    """Keeps operations for good and answers from them.

    A vault is a grow-only set of operations. Everything else it holds follows from them and can be rebuilt.
    Methods that take a selection never reveal, by result, order or count, a cube that it does not admit.
    Thread-safe. All raise ``VaultClosed`` after ``close`` and ``ForkedVault`` in a forked child.
    """

    @property
    def actor(self) -> str:
        """The random name under which this vault file writes."""
        ...

    @property
    def spec(self) -> EmbeddingSpec | None:
        """Of the vectors it holds; ``None`` while there are none."""
        ...

    @property
    def latest(self) -> Timestamp:
        """The greatest timestamp it holds; an author must follow it."""
        ...

    @property
    def has_traces(self) -> bool:
        """Whether erased bytes may still lie in a file that is in use; they go with the first commit after that."""
        ...

    def commit(self, batch: Batch) -> int:
        """Store a batch in one durable transaction; return how many operations were new.

        Raises
        ------
        InvalidInput
            If anything in it is malformed, oversized, not finite or not valid Unicode.
        EmbedderMismatch
            If the vectors are not comparable with those held.
        VaultFull, VaultBusy
            If it cannot be written. In every case nothing was stored.
        """
        ...

    def transaction(self) -> AbstractContextManager[None]:
        """Make one durable transaction of all that this thread does inside: on an error, nothing of it is stored.

        Inside, this thread reads what it has written, and a call that raises has changed nothing; others read the
        state before and write after it. One inside another is part of it.

        Raises
        ------
        VaultFull, VaultBusy
            If it cannot be written. Nothing was stored.
        """
        ...

    def record_usage(self, recalled: Mapping[str, int], at: datetime) -> None:
        """Add to this actor's recall counts, by cube id; cubes that are not there are passed over.

        Not part of the operation set.
        """
        ...

    # reading

    def get(self, ids: Sequence[str], *, known_at: datetime | None = None) -> list[MemCube]:
        """Cubes in the order asked for; missing, erased and not yet known ones are left out."""
        ...

    def select(self, selection: Selection, *, limit: int, offset: int = 0) -> list[MemCube]:
        """Admitted cubes, the latest version first by its hybrid timestamp, then by id."""
        ...

    def count(self, selection: Selection) -> int:
        """How many cubes are admitted."""
        ...

    def namespaces(self, selection: Selection | None = None) -> list[tuple[str, ...]]:
        """Namespaces that hold an admitted cube, sorted; without a selection, any cube that is not erased."""
        ...

    def history(self, cube: str) -> list[Operation]:
        """All operations on a cube, by time; empty if there is none."""
        ...

    def operations(self, ids: Collection[str]) -> dict[str, Operation]:
        """Operations by id; unknown ones are left out."""
        ...

    def resting_on(self, cubes: Collection[str], *, ever: bool = False) -> list[str]:
        """Ids of cubes whose present content is derived from any version of these, sorted; in all namespaces.

        Expired ones rest on nothing any more. With ``ever``, those of which any version was, expired ones as well.
        """
        ...

    def log(self, *, after: int = 0, limit: int = 1000) -> list[tuple[int, Operation]]:
        """Operations in the order in which this vault stored them, with their cursor, from beyond ``after``.

        One whose body came later stands where its body came: whoever follows the log misses nothing.
        """
        ...

    def changes(
        self, namespace: Namespace, *, since: datetime | None = None, until: datetime | None = None, limit: int
    ) -> list[Operation]:
        """Operations on cubes that a namespace, or one below it, holds or has held, the latest first.

        Those learnt after ``since``, and at ``until`` or before. Erased cubes are in no namespace.
        """
        ...

    def blob(self, cube: str, *, version: str | None = None) -> memoryview:
        """The bytes of the blob that a cube refers to, by what it shows or by a version of it; read-only.

        Where they lie in a file as they are, nothing is copied: the file is mapped, and a view stays good when the blob
        is erased. Their number is checked; their digest is not: ``verify`` does that, or ``sha256(view)``.

        Raises
        ------
        CubeNotFound, VersionNotFound
            If there is no such cube, or no content of this version.
        BlobMissing
            If the content refers to no blob, or its blob is not here: it never came, or it went when the cube expired.
        VaultCorrupt
            If it cannot be read as what it is.
        """
        ...

    def missing_blobs(self) -> list[MissingBlob]:
        """What refers to blobs that have not come, by version; a commit may bring them."""
        ...

    # finding: candidates by one signal each, best first, ties by cube id

    def match(self, selection: Selection, terms: Sequence[str], *, limit: int) -> list[Scored]:
        """Full text by BM25 over the stemmed text and, with less weight, the text of the admitted cube it follows.

        Any term may match; a term of several words is a phrase. Nothing in a term is syntax.
        """
        ...

    def nearest(self, selection: Selection, vector: Vector, *, limit: int) -> list[Scored]:
        """Exact nearest neighbours by cosine similarity (-1..1), each cube once, by its best part.

        Raises
        ------
        InvalidVector
            If the vector is not finite, is zero, or has another dimension than those held.
        """
        ...

    def during(self, selection: Selection, interval: Interval, *, limit: int) -> list[Scored]:
        """Cubes with a resolved time mention that overlaps, and those that occurred then.

        Scored by the share of the mention that lies inside: all of an instant; of what has no end, all if the
        interval has none either and began before it, otherwise nothing.
        """
        ...

    def neighbourhood(self, selection: Selection, seeds: Sequence[str], walk: Walk) -> list[Edge]:
        """Edges around the seed nodes, walked both ways, nearest first.

        Only admitted cubes state edges and appear in them.
        """
        ...

    def passages(self, selection: Selection, ids: Sequence[str]) -> dict[str, Passage]:
        """The light view of the admitted ones among these cubes."""
        ...

    def claiming(self, selection: Selection, about: Collection[Topic] | None = None, *, limit: int) -> list[str]:
        """Ids of admitted cubes with claims about one of these topics, or about any: the greatest, so latest, first."""
        ...

    # local to this vault: none of it is truth, and none travels

    def enqueue(self, jobs: Sequence[Job], *, at: datetime) -> int:
        """Note jobs durably, in this order, but for those whose keys are noted already. Return how many were new."""
        ...

    def claim(self, *, limit: int, at: datetime, lease: timedelta) -> list[Job]:
        """Lease the oldest jobs that nobody holds: until the lease is over, nobody else gets them."""
        ...

    def renew(self, key: str, *, by: timedelta) -> None:
        """Hold a leased job for so much longer."""
        ...

    def finish(self, key: str) -> None:
        """Forget a job, done or given up; in the transaction of what it did."""
        ...

    def jobs(self) -> list[Job]:
        """All jobs, the oldest first."""
        ...

    def note(self, name: str, text: str) -> None:
        """Keep a short text under a name, instead of what was there."""
        ...

    def noted(self, name: str) -> str | None:
        """What is kept under a name."""
        ...

    def keep_unfinished(self, name: str, data: bytes, *, cubes: Collection[str]) -> None:
        """Keep how far long work has come, under a name, instead of what was there.

        Parameters
        ----------
        cubes
            That it is made of: with the first of them that is erased, it goes.

        Raises
        ------
        InvalidInput
            If one of these is not there. Nothing is kept then.
        """
        ...

    def unfinished(self, name: str) -> memoryview | None:
        """What is kept under a name of work that was begun."""
        ...

    def drop_unfinished(self, name: str) -> None:
        """Let go of it, whether it is there or not."""
        ...

    def keep_working(self, namespace: Namespace, conversation: str, cubes: Sequence[str]) -> None:
        """Replace the working memory of a conversation: ids of cubes, the foremost first."""
        ...

    def working(self, namespace: Namespace, conversation: str) -> list[str]:
        """The working memory of a conversation."""
        ...

    def record(self, entries: Sequence[AuditEntry]) -> None:
        """Add entries to the audit log, in the transaction of what they tell of; ``verify`` finds a lost one."""
        ...

    def audited(self, wanted: AuditQuery, *, limit: int) -> list[AuditEntry]:
        """Entries of the audit log that are meant, the latest first."""
        ...

    # upkeep

    def known_vectors(self, texts: Sequence[str], spec: EmbeddingSpec) -> dict[str, Vector]:
        """Vectors already held for parts embedded from exactly these texts, so that nothing is embedded twice."""
        ...

    def unembedded(self, spec: EmbeddingSpec, *, limit: int) -> list[tuple[str, Content]]:
        """Put operations with text and without vectors of this specification, by id, and their contents."""
        ...

    def reembed(self, spec: EmbeddingSpec, parts: Mapping[str, Sequence[Part]]) -> None:
        """Store vectors of a specification, beside the present ones until none is ``unembedded``; then switch.

        Vectors of what has been erased meanwhile are dropped. Without vectors, only the switch is made if it is due.
        """
        ...

    def verify(self) -> Iterator[Damage]:
        """Compare everything stored with its digest, and every derived row with the operations."""
        ...

    def rebuild(self) -> None:
        """Make all that is derived anew from the operations; vectors are kept where they verify."""
        ...

    def stats(self) -> VaultStats:
        """Counts and sizes."""
        ...

    def backup(self, path: str) -> None:
        """Write a consistent copy, with an actor id of its own, to a path where nothing is yet."""
        ...

    def close(self) -> None:
        """Give everything back; harmless when repeated."""
        ...
