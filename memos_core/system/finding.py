"""Finding: what a vault holds, and the memories that answer a question."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import partial

from typing_extensions import Unpack

from memos_core.cube.answer import Change, Context, Difference, Hit
from memos_core.cube.audit import OWNER
from memos_core.cube.fold import content_of
from memos_core.cube.memcube import Content, MemCube, Provenance, State
from memos_core.cube.message import aware, names
from memos_core.cube.namespace import Namespace, NamespaceLike, covers
from memos_core.cube.namespace import namespace as parse_namespace
from memos_core.cube.operation import OperationKind
from memos_core.cube.payload import Plaintext
from memos_core.cube.selection import Filters, Selection, selection
from memos_core.cube.versions import change, differences
from memos_core.errors import CubeNotFound, VersionNotFound
from memos_core.system.opened import OpenVault

MAX_HITS = 1000  # of one search


class Finding(OpenVault):
    """The part of :class:`memos_core.MemOS` that reads."""

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
            least so far. ``source_ids``, ``session``: only from there. ``id_prefix``: whose ids begin so.
            ``exact``: this namespace, and none below it.

        Raises
        ------
        InvalidInput
            If an argument cannot be understood; without a namespace there is no search.
        EmbedderMismatch
            If the vault's vectors come from another embedder.
        """
        from memos_core.interface.reader.text import sound

        question = sound(query, "The question")
        self._let_lapse()
        now = self._clock.now()
        wanted = selection(namespace, now=now, **filters)
        find = self._finder(wanted, now=now)
        if self._llm is None:
            hits = find(question, limit=limit)
        else:
            from memos_core.operation.recall.refining import refined

            packages = self._vault.packages.all()
            hits = refined(
                question, lambda text, most: find(text, limit=most), model=self._llm, limit=limit, packages=packages
            )
        return self._counted(hits, wanted, now=now)

    def nearest(
        self, vector: Sequence[float], *, namespace: NamespaceLike, limit: int = 10, **filters: Unpack[Filters]
    ) -> builtins.list[Hit]:
        """Find the memories whose texts mean what a vector does: for callers that have a vector and no question.

        Nothing but nearness counts. :meth:`search` finds more with the words of a question.

        Parameters
        ----------
        vector
            ``(dim,)`` finite numbers, made by :attr:`embedder`.
        limit
            At most so many hits, 1 to 1,000.
        **filters
            As in :meth:`search`.

        Returns
        -------
        list[Hit]
            Nearest first; the score is the cosine similarity, -1 to 1.

        Raises
        ------
        InvalidVector
            If it is no vector of the dimension that the vault's have.
        EmbedderMismatch
            If the vault's vectors come from another embedder.
        InvalidInput
            If another argument cannot be understood.
        """
        from memos_core.operation.recall import nearby

        self._let_lapse()
        now = self._clock.now()
        wanted = selection(namespace, now=now, **filters)
        self._fitting_embedder()  # a vector of it means nothing among those of another
        hits = nearby(vector, wanted, vault=self._vault, limit=limit, packages=self._vault.packages.all())
        return self._counted(hits, wanted, now=now)

    def _finder(self, wanted: Selection, *, now: datetime) -> Callable[..., builtins.list[Hit]]:
        """What finds memories by a question; nobody has recalled them yet, and no chat model is asked."""
        from memos_core.operation.recall import recall

        embedder, packages = self._fitting_embedder(), self._vault.packages.all()
        return partial(recall, selection=wanted, vault=self._vault, embedder=embedder, now=now, packages=packages)

    def _counted(self, hits: builtins.list[Hit], wanted: Selection, *, now: datetime) -> builtins.list[Hit]:
        """Note what is given out; licensed memories are given out only where that can be noted."""
        if self._vault.packages.all():
            from memos_core.infrastructure.memstore.metering import Meter

            meter = Meter(self._whole)
            meter.warn(wanted.namespace, now=now)
            hits = meter.counted(hits, now=now, principal=self._principal or OWNER)
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
        conversation: str | None = None,
        previous: Context | None = None,
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
        conversation
            Its working memory, which the scheduler keeps, comes before everything else.
        previous
            The context of the turn before. What it said, and still holds, stays in its place as far as there is room
            beside what is found now, so that the prompt begins as it did and the provider's cache of it hits. Give
            ``max_tokens`` several times the room that ``limit`` memories take.
        **filters
            As in :meth:`search`.
        """
        from memos_core.interface.context import render
        from memos_core.operation.recall.distrust import spread

        seen = frozenset(names(shown, "shown"))
        found = self.search(query, namespace=namespace, limit=max(limit, min(limit + len(seen), MAX_HITS)), **filters)
        held = self.working(conversation, namespace=namespace, **filters) if conversation else []
        first = frozenset(cube.id for cube in held)
        in_mind = [Hit(cube=cube, score=1.0, why={"working": 1.0}, source_ids=cube.source_ids) for cube in held]
        hits = [
            hit
            for hit in (*in_mind, *(hit for hit in found if hit.cube.id not in first))
            if not seen.issuperset(hit.source_ids)
        ]
        hits = spread(hits, limit, packages=self._vault.packages.all())
        before = [] if previous is None else self._still(previous, namespace, seen, filters)
        count_tokens = self._loaded_embedder().count_tokens
        return render(hits, max_tokens=max_tokens, count_tokens=count_tokens, first=first, before=before)

    def _still(
        self, previous: Context, namespace: NamespaceLike, seen: frozenset[str], filters: Filters
    ) -> builtins.list[MemCube]:
        """What a context has said that may be said again, in its order."""
        now = self._clock.now()
        wanted = self._vault.packages.recalled(selection(namespace, now=now, **filters), now)
        found = self._vault.get(previous.order, known_at=wanted.known_at)
        cubes = [cube for cube in found if wanted.admits(cube) and not seen.issuperset(cube.source_ids)]
        holding = self._holding(cubes)
        return [cube for cube in cubes if cube.id in holding]

    def _holding(self, cubes: builtins.list[MemCube]) -> frozenset[str]:
        """Ids of the memories that nothing has replaced: on the others nothing can rest."""
        from memos_core.operation.truth import Labels

        if not cubes:
            return frozenset()
        versions = tuple(cube.version for cube in cubes)
        probe = cubes[0].model_copy(
            update={"provenance": Provenance(derived_from=versions), "payload": Plaintext(text=""), "claims": ()}
        )
        labels = Labels(self._whole, at=self._clock.now())
        holding = {ground.version for ground in labels.grounds(probe) if ground.holds}
        return frozenset(cube.id for cube in cubes if cube.version in holding)

    def working(
        self, conversation: str, *, namespace: NamespaceLike, **filters: Unpack[Filters]
    ) -> builtins.list[MemCube]:
        """The working memory of a conversation: what the scheduler thinks it needs, the foremost first.

        Parameters
        ----------
        conversation
            Its name, the ``session`` of its messages.
        **filters
            As in :meth:`search`.

        Raises
        ------
        InvalidInput
            If the name is no text.
        """
        (named,) = names([conversation], "conversation")
        now = self._clock.now()
        wanted = self._vault.packages.recalled(selection(namespace, now=now, **filters), now)
        cubes = self._vault.get(self._vault.working(wanted.namespace, named), known_at=wanted.known_at)
        return [cube for cube in cubes if wanted.admits(cube)]

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
        self._let_lapse()
        wanted = selection(namespace, now=self._clock.now(), states=states, **filters)
        return self._vault.select(wanted, limit=limit, offset=offset)

    def count(
        self, *, namespace: NamespaceLike, states: Iterable[State | str] | None = None, **filters: Unpack[Filters]
    ) -> int:
        """How many cubes of a namespace and those below it there are; arguments and errors are those of :meth:`list`.

        Parameters
        ----------
        **filters
            As in :meth:`search`.
        """
        self._let_lapse()
        return self._vault.count(selection(namespace, now=self._clock.now(), states=states, **filters))

    def namespaces(
        self, *, namespace: NamespaceLike, states: Iterable[State | str] | None = None, **filters: Unpack[Filters]
    ) -> builtins.list[Namespace]:
        """A namespace and those below it, as far as they hold anything; with arguments of :meth:`list`, what it gives.

        Parameters
        ----------
        **filters
            As in :meth:`search`.
        """
        outer = parse_namespace(namespace)
        if states is None and not filters:
            return [inner for inner in self._vault.namespaces() if covers(outer, inner)]
        self._let_lapse()
        return self._vault.namespaces(selection(namespace, now=self._clock.now(), states=states, **filters))

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

    def _let_lapse(self) -> None:
        """Let what rests on memories whose time is over follow them; :class:`.writing.Writing` knows how."""

    def _content(self, cube_id: str, version: str) -> Content:
        self.get(cube_id)
        for operation in self._vault.history(cube_id):
            if operation.id == version and operation.kind is OperationKind.PUT and operation.body is not None:
                return content_of(operation)
        raise VersionNotFound(cube_id=cube_id, version=version)
