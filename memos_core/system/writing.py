"""Writing: what is remembered, changed, forgotten and erased."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Container, Iterable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from memos_core.cube.answer import Added, Receipt
from memos_core.cube.canonical import json_object
from memos_core.cube.fold import content_of
from memos_core.cube.memcube import Content, MemCube, State, Trigger
from memos_core.cube.message import name, names
from memos_core.cube.namespace import Namespace, NamespaceLike
from memos_core.cube.namespace import namespace as parse_namespace
from memos_core.cube.selection import selection
from memos_core.errors import VaultBusy, VaultFull
from memos_core.operation.writer import Draft, Progress, Writer
from memos_core.system.finding import Finding

if TYPE_CHECKING:
    from memos_core.interface.reader.read import Addable

MAX_CLAIMS = 10_000  # cubes with claims, compared at a time
ENDS = "ends of premises"  # the note that they are kept in


class Writing(Finding):
    """The part of :class:`memos_core.MemOS` that writes."""

    def add(
        self,
        what: Addable,
        *,
        namespace: NamespaceLike,
        session: str | None = None,
        ttl: timedelta | None = None,
        progress: Progress | None = None,
    ) -> Added:
        """Remember a text, messages, a document or notes.

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
        ttl
            All of it expires after so long.
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
        return self._add(what, parse_namespace(namespace), session=session, ttl=ttl, progress=progress)

    def _add(
        self,
        what: Addable,
        address: Namespace,
        *,
        session: str | None,
        ttl: timedelta | None = None,
        progress: Progress | None = None,
        wanted: Callable[[Content], bool] = lambda _: True,
    ) -> Added:
        """Remember what is wanted of something."""
        from memos_core.interface.reader.read import read
        from memos_core.operation.lifecycle import end_of

        with self._lock:
            now = self._clock.now()
            previous = self._writer.last_of(address, name(session, "session"))
            contents = read(what, namespace=address, session=session, previous=previous, actor=self._actor, now=now)
            contents = [content for content in contents if wanted(content)]
            if not contents:
                return Added(written=())
            if ttl is not None:
                ends = end_of(ttl, now=now)
                contents = [content.governed(expires_at=ends) for content in contents]
            if self._llm is not None:
                from memos_core.interface.reader.stated import with_stated_claims

                screened = [self._screened(content) for content in contents]
                contents = with_stated_claims(screened, model=self._llm)
            draft = self._writer.draft(contents, previous=previous, now=now, progress=progress)
            with self.transaction():
                added = self._store(draft)
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
            return self._put(cube, content.model_copy(update=changes))

    def rollback(self, cube_id: str, version: str) -> MemCube:
        """Make an older content the present one; itself a change that can be rolled back."""
        with self._lock:
            return self._put(self.get(cube_id), self._content(cube_id, version))

    def forget(self, cube_id: str, *, reason: str = "forgotten on request") -> MemCube:
        """Archive a cube: it is no longer recalled, and :meth:`list` finds it only when asked for archived ones."""
        with self.transaction():
            cube = self.get(cube_id)
            return cube if cube.state is State.ARCHIVED else self._move(cube, Trigger.FORGET, reason)

    def erase(self, cube_ids: str | Iterable[str], *, reason: str = "erased on request") -> Receipt:
        """Erase cubes for ever: content, history, index terms and vectors. This cannot be undone.

        What rests on them alone is erased with them, and so is every summary in which their words may stand; the
        scheduler sums up anew what is left of the conversation. An import does not bring them back. If one of them
        does not exist, none is erased.
        """
        from memos_core.operation.erasure import going_with, mark_of, summaries_again

        with self.transaction():
            now = self._clock.now()
            wanted = dict.fromkeys([cube_ids] if isinstance(cube_ids, str) else cube_ids)
            named = [self.get(cube_id) for cube_id in wanted]
            derived = going_with(named, self._whole, at=now)
            shown = self._vault.get([cube.id for cube in derived])
            erasures = self._writer.erase(named, reason=reason) + self._follower.erase(derived, reason=reason)
            self._writer.mark(filter(None, map(mark_of, named)))
            self._whole.enqueue([*summaries_again(derived, self._whole)], at=now)
            self._settle((), before=[*named, *derived])
        return Receipt(
            cubes=tuple(dict.fromkeys(cube.id for cube in (*named, *shown))),
            derived=tuple(cube.id for cube in shown),
            operations=tuple(erasure.id for erasure in erasures),
            at=now,
            pending=self._vault.has_traces,
        )

    def _put(self, cube: MemCube, content: Content) -> MemCube:
        """Give a cube a new content, and let others follow it."""
        draft = self._writer.draft_of([(cube, content)])
        with self.transaction():
            self._store(draft)
            return self.get(cube.id)

    def _remember(self, content: Content) -> MemCube:
        """Store one content; what is there already stays."""
        draft = self._writer.draft([content], previous=None, now=self._clock.now())
        with self.transaction():
            return self.get(self._store(draft).ids[0])

    def _store(self, draft: Draft, *, writer: Writer | None = None) -> Added:
        """Store what was prepared, and let others follow it: in one transaction."""
        before = self._contents(draft.superseded)
        added = (writer or self._writer).store(draft)
        self._settle(added.written, before=before)
        return added

    def _move(self, cube: MemCube, trigger: Trigger, reason: str) -> MemCube:
        """Let something happen to a cube, and let others follow it: in one transaction."""
        self._writer.move(cube, trigger, reason=reason)
        self._settle([self.get(cube.id)], before=(), asked_for={cube.id})
        return self.get(cube.id)

    def _settle(
        self, changed: Iterable[MemCube], *, before: Iterable[Content] = (), asked_for: Container[str] = ()
    ) -> None:
        """Let what rests on changed cubes follow them, and on those whose claims they contradict.

        Parameters
        ----------
        before
            What they said before; of erased cubes, what they were.
        asked_for
            Ids of those whose state was asked for, and is left as it is.
        """
        from memos_core.operation.truth import consequences, justifications, touched

        self._author.clock.observe(self._whole.latest)
        now, cubes, old = self._author.clock.moment(), list(changed), list(before)
        names = {cube.id for cube in (*cubes, *old) if isinstance(cube, MemCube)}
        names |= touched([*cubes, *old], self._whole, at=now)
        supports = self._whole.resting_on(names)
        if not supports and not any(justifications(cube.provenance) for cube in cubes):
            return
        if supports:
            self._await_end(cubes)
        for cube, trigger, why in consequences(names, self._whole, at=now):
            if cube.id not in asked_for:
                self._follower.move(cube, trigger, reason=why)

    def _await_end(self, cubes: Iterable[MemCube]) -> None:
        """Note when the time of cubes is over on which others rest."""
        ends = {cube.id: cube.governance.expires_at.isoformat() for cube in cubes if cube.governance.expires_at}
        if ends:
            self._whole.note(ENDS, json.dumps(json.loads(self._whole.noted(ENDS) or "{}") | ends))

    def _let_lapse(self) -> None:
        now = self._clock.now()
        if not self._ends_before(now):
            return
        # Where it cannot be written now, the next one who asks does it: reading goes on.
        with suppress(VaultBusy, VaultFull), self.transaction():
            ends = json.loads(self._whole.noted(ENDS) or "{}")  # again: others may have written meanwhile
            over = [name for name, end in ends.items() if datetime.fromisoformat(end) <= now]
            self._whole.note(ENDS, json.dumps({name: end for name, end in ends.items() if name not in over}))
            self._settle(self._whole.get(over))

    def _ends_before(self, now: datetime) -> bool:
        """Say whether the time of a cube is over on which others rest. The note is read anew when it has changed."""
        noted = self._whole.noted(ENDS)
        if noted != self._first_end[0]:
            ends = json.loads(noted or "{}").values()
            self._first_end = noted, min(map(datetime.fromisoformat, ends), default=None)
        _, first = self._first_end
        return first is not None and first <= now

    def _follow_rules(self, address: Namespace, changed: Collection[str], *, spare: Container[str]) -> None:
        """Do what rules of this namespace and those above it say of predicates under which claims were replaced."""
        from memos_core.operation.rules import meant, rules_on

        rules = rules_on(changed, address, self._whole, now=self._clock.now())
        for cube, rule, predicate in meant(rules, address, self._whole, now=self._clock.now()):
            if cube.id not in spare:
                self._follower.move(cube, rule.trigger, reason=f'a rule: "{predicate}" has changed')
                self._settle(self._whole.get([cube.id]), asked_for={cube.id})

    def _contents(self, versions: Iterable[str]) -> list[Content]:
        return [content_of(put) for put in self._whole.operations(list(versions)).values() if put.body is not None]

    def _with_consequences(self, added: Added, address: Namespace) -> Added:
        """Say which versions of others the claims in what was written replace or contradict."""
        from memos_core.operation.beliefs import beliefs, topic

        here = selection(address, now=self._clock.now(), exact=True)
        about = {topic(claim) for cube in added.written for claim in cube.claims}
        rivals = self._vault.claiming(here, about, limit=MAX_CLAIMS)
        written = {cube.id for cube in added.written}
        judged = [one for one in beliefs(self._vault.get(rivals), at=self._clock.now()) if one.cube.id not in written]
        replaced = [one for one in judged if not written.isdisjoint(one.outdated_by)]
        disputed = {one.cube.version: None for one in judged if not written.isdisjoint(one.conflicts_with)}
        self._follow_rules(address, {one.claim.predicate for one in replaced}, spare=written)
        superseded = (*added.superseded, *dict.fromkeys(one.cube.version for one in replaced))
        return added.model_copy(update={"superseded": superseded, "conflicts": tuple(disputed)})
