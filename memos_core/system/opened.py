"""A vault that is open: who writes to it, its lifetime, and its upkeep."""

from __future__ import annotations

import builtins
import json
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from os import PathLike, fspath
from types import TracebackType
from typing import cast

from typing_extensions import Self

from memos_core.cube.answer import Damage, VaultStats
from memos_core.cube.clock import HybridClock
from memos_core.cube.memcube import Content
from memos_core.cube.message import name
from memos_core.cube.namespace import Namespace
from memos_core.cube.policy import Policy, in_force, policy
from memos_core.errors import EmbedderMismatch, ForkedVault, VaultClosed
from memos_core.infrastructure.clock import SystemClock
from memos_core.infrastructure.governance import GuardedVault
from memos_core.operation.author import Author
from memos_core.operation.usage import UsageBuffer
from memos_core.operation.writer import Gate, Known, Progress, Writer
from memos_core.ports import ChatModel, Clock, Embedder, MemoryBackend, Vault

PAGE = 500  # operations embedded at a time
POLICIES = "policies"  # the note that they are kept in


class OpenVault:
    """A vault with an embedder, an author and a clock: the ground on which the other parts of the facade stand."""

    def __init__(
        self,
        vault: Vault,
        *,
        embedder: object | None = None,
        llm: object | None = None,
        actor: str | None = None,
        clock: Clock | None = None,
        backends: Iterable[object] = (),
    ) -> None:
        self._whole = vault
        self._llm = None if llm is None else _chat_model(llm)
        self._given_embedder = embedder
        self._embedders: builtins.list[Embedder] = []  # the one in use, once it is loaded
        self._actor = name(actor, "actor")
        self._clock = clock or SystemClock()
        self._backends = {backend.name: backend for backend in map(self._as_backend, backends)}
        self._tiers: dict[str, Namespace] = {}  # of back ends that take what is in one namespace only
        self._author = Author(vault.actor, HybridClock(self._clock.now))
        self._usage = UsageBuffer(vault, self._clock)
        self._lock = threading.RLock()
        self._first_end: tuple[str | None, datetime | None] = (None, None)  # the note of ends, and the first in it
        self._act_as(None)

    def _act_as(self, principal: str | None) -> None:
        """See no more than this principal may, and write what it may; what follows from it is written for it."""
        self._principal = principal
        self._actor = principal or self._actor
        self._vault = GuardedVault(self._whole, principal=principal, clock=self._clock)
        gate = Gate(self._vault.commit, admit=self._admitted, waits=self._vault.waits)
        self._writer = Writer(self._whole, self._author, self._loaded_embedder, gate=gate)
        self._copier = Writer(self._whole, self._author, None, gate=Gate(self._vault.commit, admit=self._screened))
        self._stocker = Writer(self._whole, self._author, None, gate=Gate(self._vault.follow, admit=self._screened))
        self._follower = Writer(self._whole, self._author, self._loaded_embedder, gate=Gate(self._vault.follow))

    def _admitted(self, content: Content) -> Content:
        """A content as the policy of its namespace wants it, trusted no further than whoever writes it may be."""
        content = self._screened(content)
        trust = min(content.governance.trust, self._vault.trust_in(content))
        return content if trust == content.governance.trust else content.governed(trust=trust)

    def _screened(self, content: Content) -> Content:
        """A content as the policy of its namespace wants it."""
        from memos_core.interface.reader.read import reread
        from memos_core.operation.screening import screened

        policy = in_force(self._policies(), content.namespace)
        return screened(content, policy, reread=lambda content, text: reread(content, text, now=self._clock.now()))

    def _policies(self) -> dict[Namespace, Policy]:
        """Policies by the namespace that they were set for."""
        noted: dict[str, str] = json.loads(self._whole.noted(POLICIES) or "{}")
        return {tuple(where.split("/")): policy(text) for where, text in noted.items()}

    @classmethod
    def open(
        cls,
        path: str | PathLike[str],
        *,
        embedder: object | None = None,
        llm: object | None = None,
        actor: str | None = None,
        clock: Clock | None = None,
        backends: Iterable[object] = (),
        key: str | None = None,
    ) -> Self:
        """Open a vault file, or create one; ``":memory:"`` keeps it in memory only.

        Parameters
        ----------
        key
            Of a vault that is encrypted at rest, or is to be: see ``docs/ENCRYPTION.md``.

        Raises
        ------
        NotAVault, VaultTooNew, VaultCorrupt, WrongKey
            If the file cannot be used; it is left untouched.
        ExtraMissing
            If there is a key, and what encrypts is not installed.
        """
        from memos_core.infrastructure.vault.sqlite import SQLiteVault

        clock = clock or SystemClock()
        return cls(
            SQLiteVault(fspath(path), clock=clock, key=key),
            embedder=embedder,
            llm=llm,
            actor=actor,
            clock=clock,
            backends=backends,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Write what is buffered and give the file back; harmless when repeated. A principal's handle does not."""
        try:
            # Closed already; or this is a forked child, and its parent still has the counts.
            with suppress(VaultClosed, ForkedVault):
                self._usage.flush()
                self._vault.flush()
        finally:
            if self._principal is None:
                self._whole.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make one commit of all that this thread does inside, or on an error nothing.

        A call that fails inside has changed nothing, and the rest goes on if its error is caught. Others, threads and
        processes, see the state before and write after it: keep it short. One inside another is part of it.

        Raises
        ------
        VaultBusy, VaultFull
            If it cannot be written. Nothing was stored then.
        """
        with self._lock, self._vault.transaction():
            yield

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
        return self._fill_in_vectors(progress, known=None)

    def _fill_in_vectors(self, progress: Progress | None, *, known: Known | None) -> int:
        """Make vectors, but for those that are known from elsewhere."""
        embedder, done = self._loaded_embedder(), 0
        while missing := dict(self._vault.unembedded(embedder.spec, limit=PAGE)):
            with self._lock:
                self._vault.reembed(embedder.spec, self._writer.embed(missing, known=known).parts)
            done += len(missing)
            if progress:
                stats, is_same = self._vault.stats(), self._vault.spec == embedder.spec
                progress(done, done + stats.unembedded if is_same else stats.operations)
        if self._vault.spec not in {None, embedder.spec}:  # nothing had text, so nothing has switched yet
            self._vault.reembed(embedder.spec, {})
        return done

    @property
    def clock(self) -> Clock:
        """What tells this memory the time."""
        return self._clock

    @property
    def embedder(self) -> Embedder:
        """What makes the vectors of this vault; it is loaded when first asked for."""
        return self._loaded_embedder()

    def stats(self) -> VaultStats:
        """Counts and sizes of the vault."""
        return self._vault.stats()

    def backup(self, path: str | PathLike[str]) -> None:
        """Write a consistent copy, while others read and write; the copy lives on under an actor of its own.

        ``InvalidInput`` if something is there already; ``VaultError`` if it cannot be written.
        """
        self._usage.flush_if_possible()
        self._vault.backup(fspath(path))

    def _as_backend(self, given: object) -> MemoryBackend:
        """What the scheduler fills and empties, made of what was given; the parts that know such things say how."""
        return cast("MemoryBackend", given)

    def _fitting_embedder(self) -> Embedder:
        """The embedder, if the vault's vectors are its own.

        Raises
        ------
        EmbedderMismatch
            If they are another's.
        """
        embedder = self._loaded_embedder()
        if self._whole.spec not in {None, embedder.spec}:
            raise EmbedderMismatch(expected=str(self._whole.spec), actual=str(embedder.spec))
        return embedder

    def _loaded_embedder(self) -> Embedder:
        if self._embedders:  # who searches does not wait for who writes
            return self._embedders[0]
        with self._lock:
            if not self._embedders:
                from memos_core.infrastructure.models.adapt import as_embedder
                from memos_core.infrastructure.models.minilm import MiniLM

                given = self._given_embedder
                self._embedders.append(MiniLM() if given is None else as_embedder(given))
            return self._embedders[0]


def _chat_model(given: object) -> ChatModel:
    from memos_core.infrastructure.models.chat import as_chat_model

    return as_chat_model(given)
