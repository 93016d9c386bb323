"""Writing: what is remembered, changed, forgotten and erased."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from memos_core.cube.answer import Added, Receipt
from memos_core.cube.canonical import json_object
from memos_core.cube.memcube import MemCube, State, Trigger
from memos_core.cube.message import name, names
from memos_core.cube.namespace import Namespace, NamespaceLike
from memos_core.cube.namespace import namespace as parse_namespace
from memos_core.cube.selection import selection
from memos_core.operation.writer import Progress
from memos_core.system.finding import Finding

if TYPE_CHECKING:
    from memos_core.interface.reader.read import Addable

MAX_CLAIMS = 10_000  # cubes with claims, compared at a time


class Writing(Finding):
    """The part of :class:`memos_core.MemOS` that writes."""

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
            cube = self.get(cube_id)
            content = cube.content()
            changes: dict[str, Any] = {}
            if metadata is not None:
                changes["metadata"] = json_object(metadata)
            if tags is not None:
                changes["tags"] = names(tags, "tags")
            if text is not None:
                content = reread(content, text, now=self._clock.now())
            self._writer.put(cube, content.model_copy(update=changes))
            return self.get(cube_id)

    def rollback(self, cube_id: str, version: str) -> MemCube:
        """Make an older content the present one; itself a change that can be rolled back."""
        with self._lock:
            self._writer.put(self.get(cube_id), self._content(cube_id, version))
            return self.get(cube_id)

    def forget(self, cube_id: str, *, reason: str = "forgotten on request") -> MemCube:
        """Archive a cube: it is no longer recalled, and :meth:`list` finds it only when asked for archived ones."""
        with self._lock:
            cube = self.get(cube_id)
            if cube.state is not State.ARCHIVED:
                self._writer.move(cube, Trigger.FORGET, reason=reason)
            return self.get(cube_id)

    def erase(self, cube_ids: str | Iterable[str], *, reason: str = "erased on request") -> Receipt:
        """Erase cubes for ever: content, history, index terms and vectors. This cannot be undone.

        If one of them does not exist, none is erased.
        """
        with self._lock:
            cubes = [self.get(cube_id) for cube_id in ([cube_ids] if isinstance(cube_ids, str) else cube_ids)]
            operations = tuple(erasure.id for erasure in self._writer.erase(cubes, reason=reason))
            return Receipt(cubes=tuple(cube.id for cube in cubes), operations=operations, at=self._clock.now())

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
