"""MemOS: the facade, and the only place where the three layers meet."""

from __future__ import annotations

import builtins
import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from os import PathLike, fspath
from types import TracebackType
from typing import TYPE_CHECKING, Any

from typing_extensions import Self, Unpack

from memos_core.cube.answer import Added, Change, Context, Damage, Difference, Hit, Receipt, VaultStats
from memos_core.cube.canonical import json_object
from memos_core.cube.clock import HybridClock
from memos_core.cube.fold import content_of
from memos_core.cube.memcube import Content, MemCube, State
from memos_core.cube.message import aware, name, names
from memos_core.cube.namespace import Namespace, NamespaceLike, covers
from memos_core.cube.namespace import namespace as parse_namespace
from memos_core.cube.operation import OperationKind
from memos_core.cube.selection import Filters, selection
from memos_core.cube.versions import change, differences
from memos_core.errors import CubeNotFound, EmbedderMismatch, ForkedVault, VaultClosed, VersionNotFound
from memos_core.infrastructure.clock import SystemClock
from memos_core.operation.author import Author
from memos_core.operation.usage import UsageBuffer
from memos_core.operation.writer import Progress, Writer
from memos_core.ports import Clock, Embedder, Vault

if TYPE_CHECKING:
    from memos_core.interface.reader.read import Addable

PAGE = 500  # operations embedded at a time
MAX_HITS = 1000  # of one search


class MemOS:
    """A memory that an agent can add to, search, change, roll back and forget.

    Parameters
    ----------
    vault
        Keeps the memory; :meth:`open` makes one from a path.
    embedder
        Anything that embeds: see ``docs/EMBEDDERS.md``. The default is a local model and needs no network.
    actor
        Name of the user, agent or application that writes; recorded as provenance.
    clock
        The only source of the present time.

    Notes
    -----
    Errors that many methods share. Where one is raised, nothing was changed.

    - ``InvalidInput`` for an argument that cannot be accepted, as ``InvalidText``, ``TooLarge``, ``InvalidNamespace``,
      ``NaiveDatetime`` or ``InvalidFilter`` where that says more. Without a namespace nothing is done.
    - ``CubeNotFound`` for the id of no cube; ``VersionNotFound`` for a version that is not the cube's, or erased.
    - ``VaultFull`` and ``VaultBusy`` where something cannot be written, ``VaultCorrupt`` for a damaged file,
      ``VaultClosed`` after :meth:`close`, ``ForkedVault`` in a forked child.

    Thread-safe. Every write is one durable transaction: when the call returns, it survives a crash.
    """

    def __init__(
        self, vault: Vault, *, embedder: object | None = None, actor: str | None = None, clock: Clock | None = None
    ) -> None:
        self._vault = vault
        self._given_embedder = embedder
        self._embedder: Embedder | None = None
        self._actor = name(actor, "actor")
        self._clock = clock or SystemClock()
        self._writer = Writer(vault, Author(vault.actor, HybridClock(self._clock.now)), self._loaded_embedder)
        self._usage = UsageBuffer(vault, self._clock)
        self._lock = threading.RLock()

    @classmethod
    def open(
        cls,
        path: str | PathLike[str],
        *,
        embedder: object | None = None,
        actor: str | None = None,
        clock: Clock | None = None,
    ) -> Self:
        """Open a vault file, or create one; ``":memory:"`` keeps it in memory only.

        Raises
        ------
        NotAVault, VaultTooNew, VaultCorrupt
            If the file cannot be used; it is left untouched.
        """
        from memos_core.infrastructure.vault.sqlite import SQLiteVault

        clock = clock or SystemClock()
        return cls(SQLiteVault(fspath(path), clock=clock), embedder=embedder, actor=actor, clock=clock)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Write what is buffered and give the file back; harmless when repeated."""
        try:
            # Closed already; or this is a forked child, and its parent still has the counts.
            with suppress(VaultClosed, ForkedVault):
                self._usage.flush()
        finally:
            self._vault.close()

    # -- writing ----------------------------------------------------------------------------------

    def add(
        self,
        what: Addable,
        *,
        namespace: NamespaceLike,
        session: str | None = None,
        progress: Progress | None = None,
    ) -> Added:
        """Remember a text, messages or a document.

        Parameters
        ----------
        what
            A text, a message, a sequence of messages (or of mappings with their fields) in the order in which
            they were said, or a document.
        namespace
            Whose memory it becomes, e.g. ``"acme/alice"``.
        session
            Name of the conversation, if it goes on over several calls: the first message then follows the last
            one remembered.
        progress
            Called with the number of embedded texts, done and in all.

        Returns
        -------
        Added
            What was written, what was there already, and what was replaced: a message or document whose id the
            namespace knows is updated.

        Raises
        ------
        InvalidInput
            If anything in it cannot be accepted. Nothing of it is stored then.
        EmbeddingError
            If the embedder fails, or is not the vault's. Nothing is stored then either.
        """
        from memos_core.interface.reader.read import read

        address = parse_namespace(namespace)
        with self._lock:
            now = self._clock.now()
            previous = self._writer.last_of(address, name(session, "session"))
            contents = read(what, namespace=address, session=session, previous=previous, actor=self._actor, now=now)
            return self._writer.remember(contents, previous=previous, now=now, progress=progress)

    def update(
        self,
        cube_id: str,
        text: str | None = None,
        *,
        metadata: Mapping[str, Any] | None = None,
        tags: Iterable[str] | None = None,
    ) -> MemCube:
        """Write a new version of a cube; what is not given stays. The old version remains in its history."""
        from memos_core.interface.reader.read import reread

        with self._lock:
            content = self.get(cube_id).content()
            changes: dict[str, Any] = {}
            if metadata is not None:
                changes["metadata"] = json_object(metadata)
            if tags is not None:
                changes["tags"] = names(tags, "tags")
            if text is not None:
                content = reread(content, text, now=self._clock.now())
            self._writer.put(cube_id, content.model_copy(update=changes))
            return self.get(cube_id)

    def rollback(self, cube_id: str, version: str) -> MemCube:
        """Make an older content the present one; itself a change that can be rolled back."""
        with self._lock:
            self._writer.put(cube_id, self._content(cube_id, version))
            return self.get(cube_id)

    def resolve(self, cube_id: str, version: str | None = None) -> MemCube:
        """Settle a conflict: the version named, or the one shown, replaces all others."""
        return self.rollback(cube_id, version or self.get(cube_id).version)

    def forget(self, cube_id: str, *, reason: str = "forgotten on request") -> MemCube:
        """Archive a cube: it is no longer recalled, and :meth:`list` finds it only when asked for archived ones."""
        with self._lock:
            if self.get(cube_id).state is not State.ARCHIVED:
                self._writer.move(cube_id, State.ARCHIVED, reason=reason)
            return self.get(cube_id)

    def erase(self, cube_ids: str | Iterable[str], *, reason: str = "erased on request") -> Receipt:
        """Erase cubes for ever: content, history, index terms and vectors. This cannot be undone.

        If one of them does not exist, none is erased.
        """
        with self._lock:
            ids = [self.get(cube_id).id for cube_id in ([cube_ids] if isinstance(cube_ids, str) else cube_ids)]
            operations = tuple(erasure.id for erasure in self._writer.erase(ids, reason=reason))
            return Receipt(cubes=tuple(ids), operations=operations, at=self._clock.now())

    # -- finding ----------------------------------------------------------------------------------

    def search(
        self, query: str, *, namespace: NamespaceLike, limit: int = 10, **filters: Unpack[Filters]
    ) -> builtins.list[Hit]:
        """Find the memories that answer a question, best first.

        Parameters
        ----------
        query
            A question or a few words.
        namespace
            Where to look; sub-namespaces are included.
        limit
            At most so many hits, 1 to 1,000.
        **filters
            ``as_of``: only what was true then. ``known_at``: what the memory held then; later additions and changes do
            not count. ``kinds``, ``where``, ``min_trust``: only cubes of these kinds, with these metadata, trusted at
            least so far. ``source_ids``, ``session``: only from there. ``exact``: this namespace, and none below it.

        Raises
        ------
        InvalidInput
            If an argument cannot be understood; without a namespace there is no search.
        EmbedderMismatch
            If the vault's vectors come from another embedder.
        """
        from memos_core.interface.reader.text import sound
        from memos_core.operation.recall import recall

        question = sound(query, "The question")
        now = self._clock.now()
        wanted = selection(namespace, now=now, **filters)
        embedder = self._loaded_embedder()
        if self._vault.spec not in {None, embedder.spec}:
            raise EmbedderMismatch(expected=str(self._vault.spec), actual=str(embedder.spec))
        hits = recall(question, wanted, vault=self._vault, embedder=embedder, limit=limit, now=now)
        self._usage.count(hit.cube.id for hit in hits)
        return hits

    def context(
        self,
        query: str,
        *,
        namespace: NamespaceLike,
        max_tokens: int = 1500,
        limit: int = 50,
        shown: Iterable[str] = (),
        **filters: Unpack[Filters],
    ) -> Context:
        """Find memories and write them down for a model, within a budget of tokens. Errors are those of :meth:`search`.

        Parameters
        ----------
        max_tokens
            Upper limit of the text, in tokens of the embedder.
        limit
            At most so many memories.
        shown
            Source ids of messages that the model sees anyway; memories that rest on these alone are left out.
        **filters
            As in :meth:`search`.
        """
        from memos_core.interface.context import render

        seen = frozenset(names(shown, "shown"))
        found = self.search(query, namespace=namespace, limit=max(limit, min(limit + len(seen), MAX_HITS)), **filters)
        hits = [hit for hit in found if not seen.issuperset(hit.source_ids)][:limit]
        return render(hits, max_tokens=max_tokens, count_tokens=self._loaded_embedder().count_tokens)

    def get(self, cube_id: str, *, known_at: datetime | None = None) -> MemCube:
        """The cube of this id, now or as it was known then."""
        found = self._vault.get([cube_id], known_at=aware(known_at, "known_at"))
        if not found:
            raise CubeNotFound(cube_id=cube_id)
        return found[0]

    def list(
        self,
        *,
        namespace: NamespaceLike,
        limit: int = 100,
        offset: int = 0,
        states: Iterable[State | str] | None = None,
        **filters: Unpack[Filters],
    ) -> builtins.list[MemCube]:
        """Cubes of a namespace and those below it, latest change first.

        Parameters
        ----------
        states
            E.g. ``["archived"]``; by default those that are recalled.
        **filters
            As in :meth:`search`.
        """
        wanted = selection(namespace, now=self._clock.now(), states=states, **filters)
        return self._vault.select(wanted, limit=limit, offset=offset)

    def namespaces(self, *, namespace: NamespaceLike) -> builtins.list[Namespace]:
        """A namespace and those below it, as far as they hold anything."""
        outer = parse_namespace(namespace)
        return [inner for inner in self._vault.namespaces() if covers(outer, inner)]

    def conflicts(self, *, namespace: NamespaceLike) -> builtins.list[MemCube]:
        """Cubes that were changed apart in two places; :meth:`resolve` settles each."""
        wanted = selection(namespace, now=self._clock.now(), states=State)
        return [cube for cube in self._vault.select(wanted, limit=self._vault.count(wanted)) if cube.conflicts]

    def history(self, cube_id: str) -> builtins.list[Change]:
        """Everything that happened to a cube, oldest first.

        Of an erased cube it shows that it was, and no content.
        """
        operations = self._vault.history(cube_id)
        if not operations:
            raise CubeNotFound(cube_id=cube_id)
        return [change(operation) for operation in operations]

    def diff(self, cube_id: str, before: str, after: str | None = None) -> builtins.list[Difference]:
        """Fields that differ between two versions of a cube; the second is the present one by default."""
        present = after or self.get(cube_id).version
        return differences(self._content(cube_id, before), self._content(cube_id, present))

    # -- upkeep -----------------------------------------------------------------------------------

    def verify(self) -> builtins.list[Damage]:
        """Compare everything stored with its digests; an empty list means that all is well."""
        return builtins.list(self._vault.verify())

    def rebuild(self) -> None:
        """Make every index anew from the operations. Answers stay the same."""
        with self._lock:
            self._vault.rebuild()

    def reembed(self, *, progress: Progress | None = None) -> int:
        """Make vectors for what has none of the present embedder; return for how many operations.

        Until it is done, searches see the old vectors. An ``EmbeddingError`` breaks it off; it can be run again.
        """
        embedder, done = self._loaded_embedder(), 0
        while missing := dict(self._vault.unembedded(embedder.spec, limit=PAGE)):
            with self._lock:
                self._vault.reembed(embedder.spec, self._writer.embed(missing).parts)
            done += len(missing)
            if progress:
                progress(done, self._vault.stats().operations)
        if self._vault.spec not in {None, embedder.spec}:  # nothing had text, so nothing has switched yet
            self._vault.reembed(embedder.spec, {})
        return done

    def stats(self) -> VaultStats:
        """Counts and sizes of the vault."""
        return self._vault.stats()

    def backup(self, path: str | PathLike[str]) -> None:
        """Write a consistent copy, while others read and write; the copy lives on under an actor of its own.

        ``InvalidInput`` if something is there already; ``VaultError`` if it cannot be written.
        """
        self._usage.flush_if_possible()
        self._vault.backup(fspath(path))

    # -- within -----------------------------------------------------------------------------------

    def _content(self, cube_id: str, version: str) -> Content:
        self.get(cube_id)
        for operation in self._vault.history(cube_id):
            if operation.id == version and operation.kind is OperationKind.PUT and operation.body is not None:
                return content_of(operation)
        raise VersionNotFound(cube_id=cube_id, version=version)

    def _loaded_embedder(self) -> Embedder:
        with self._lock:
            if self._embedder is None:
                from memos_core.infrastructure.models.adapt import as_embedder
                from memos_core.infrastructure.models.minilm import MiniLM

                self._embedder = MiniLM() if self._given_embedder is None else as_embedder(self._given_embedder)
            return self._embedder
