"""MemOS: the facade, and the only place where the three layers meet."""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from typing_extensions import Unpack

from memos_core.cube.answer import Added, Change, Context, Difference, Hit, Receipt
from memos_core.cube.canonical import json_object
from memos_core.cube.fold import content_of
from memos_core.cube.memcube import Content, Kind, MemCube, State
from memos_core.cube.message import aware, name, names
from memos_core.cube.namespace import Namespace, NamespaceLike, covers
from memos_core.cube.namespace import namespace as parse_namespace
from memos_core.cube.operation import OperationKind
from memos_core.cube.selection import Filters, selection
from memos_core.cube.versions import change, differences
from memos_core.errors import CubeNotFound, EmbedderMismatch, VersionNotFound
from memos_core.opened import OpenVault
from memos_core.operation.writer import Progress

if TYPE_CHECKING:
    from memos_core.interface.reader.read import Addable
    from memos_core.operation.beliefs import Belief

MAX_HITS = 1000  # of one search
MAX_CLAIMS = 10_000  # cubes with claims, compared at a time


class MemOS(OpenVault):
    """A memory that an agent can add to, search, change, roll back and forget.

    Parameters
    ----------
    vault
        Keeps the memory; :meth:`open` makes one from a path.
    embedder
        Anything that embeds: see ``docs/EMBEDDERS.md``. The default is a local model and needs no network.
    llm
        A chat model, if there is one: see ``docs/CHAT_MODELS.md``. It reads more claims, puts questions in other
        words and sorts what was found. Where it fails, the result of the rules is kept, with a ``ModelWarning``.
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
            namespace knows is updated, and a claim may replace another's or contradict it without an order.

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
            if self._llm is not None:
                from memos_core.interface.reader.stated import with_stated_claims

                contents = with_stated_claims(contents, model=self._llm)
            added = self._writer.remember(contents, previous=previous, now=now, progress=progress)
            return self._with_consequences(added, address) if any(cube.claims for cube in added.written) else added

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
        """Settle a conflict: the version named, or the one shown, replaces all others.

        Cubes whose claims contradict this one's without an order are archived.
        """
        with self._lock:
            chosen = self.get(cube_id)
            rivals = [
                belief for belief in self.claims(namespace=chosen.namespace, exact=True) if belief.cube.id == cube_id
            ]
            for rival in sorted({name for belief in rivals for name in belief.conflicts_with}):
                self.forget(rival, reason=f"contradicts {cube_id}, which was chosen")
            return self.rollback(cube_id, version or chosen.version)

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
        find = partial(recall, selection=wanted, vault=self._vault, embedder=embedder, now=now)
        if self._llm is None:
            hits = find(question, limit=limit)
        else:
            from memos_core.operation.recall.refining import refined

            hits = refined(question, lambda text, most: find(text, limit=most), model=self._llm, limit=limit)
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
        """Cubes that were changed apart in two places, and those whose claims contradict one another without an order.

        :meth:`resolve` settles each.
        """
        wanted = selection(namespace, now=self._clock.now(), states=State)
        apart = [cube for cube in self._vault.select(wanted, limit=self._vault.count(wanted)) if cube.conflicts]
        disputed = [belief.cube for belief in self.claims(namespace=namespace) if belief.conflicts_with]
        return [*{cube.id: cube for cube in (*apart, *disputed)}.values()]

    def claims(
        self, *, namespace: NamespaceLike, limit: int = MAX_CLAIMS, **filters: Unpack[Filters]
    ) -> builtins.list[Belief]:
        """What is claimed in a namespace and those below it, in the order in which it was learnt, and what holds of it.

        Parameters
        ----------
        limit
            Only the latest so many cubes with claims are read.
        **filters
            As in :meth:`search`; with ``as_of``, what held then.
        """
        from memos_core.operation.aliases import canonical, grouped, pairs
        from memos_core.operation.beliefs import beliefs

        now = self._clock.now()
        wanted = selection(namespace, now=now, **filters)
        latest = self._vault.claiming(wanted, limit=limit)
        cubes = self._vault.get(latest[::-1], known_at=wanted.known_at)
        admitted = [cube for cube in cubes if wanted.admits(cube)]
        return beliefs(admitted, at=wanted.as_of or now, same=canonical(grouped(pairs(admitted))))

    def merge_entities(self, one: str, other: str, *, namespace: NamespaceLike) -> MemCube:
        """Remember that two names stand for one person or thing; what is claimed of them is then compared.

        It is a memory like others: :meth:`split_entities`, or forgetting it, undoes it.

        Raises
        ------
        InvalidInput
            If a name is no text.
        """
        from memos_core.operation.aliases import alias

        content = alias(*names([one, other], "names"), namespace=parse_namespace(namespace))
        with self._lock:
            return self._writer.remember([content], previous=None, now=self._clock.now()).written[0]

    def split_entities(self, one: str, other: str, *, namespace: NamespaceLike) -> builtins.list[MemCube]:
        """Forget the memories that merged two names in this namespace; return them. Messages that say so stay.

        Raises
        ------
        InvalidInput
            If a name is no text.
        """
        from memos_core.operation.aliases import joins

        one, other = names([one, other], "names")
        with self._lock:
            judged = self.claims(namespace=namespace, exact=True)
            facts = {belief.cube.id: belief.cube for belief in judged if belief.cube.kind is Kind.FACT}
            merged = [cube.id for cube in facts.values() if joins(cube, one, other)]
            return [self.forget(cube, reason="entities were split") for cube in merged]

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

    # -- within -----------------------------------------------------------------------------------

    def _with_consequences(self, added: Added, address: Namespace) -> Added:
        """Say which versions of others the claims in what was written replace or contradict."""
        from memos_core.operation.beliefs import beliefs, topic

        here = selection(address, now=self._clock.now(), exact=True)
        about = {topic(claim) for cube in added.written for claim in cube.claims}
        rivals = self._vault.claiming(here, about, limit=MAX_CLAIMS)
        written = {cube.id for cube in added.written}
        judged = [one for one in beliefs(self._vault.get(rivals), at=self._clock.now()) if one.cube.id not in written]
        replaced = {one.cube.version: None for one in judged if not written.isdisjoint(one.outdated_by)}
        disputed = {one.cube.version: None for one in judged if not written.isdisjoint(one.conflicts_with)}
        superseded = (*added.superseded, *replaced)
        return added.model_copy(update={"superseded": superseded, "conflicts": tuple(disputed)})

    def _content(self, cube_id: str, version: str) -> Content:
        self.get(cube_id)
        for operation in self._vault.history(cube_id):
            if operation.id == version and operation.kind is OperationKind.PUT and operation.body is not None:
                return content_of(operation)
        raise VersionNotFound(cube_id=cube_id, version=version)
