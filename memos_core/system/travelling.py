"""Travelling in time: snapshots, what changed since, and the way back."""

from __future__ import annotations

import builtins
import json
import sys
from collections.abc import Container
from datetime import datetime, timedelta
from os import PathLike, fspath
from typing import Union

from memos_core.cube.answer import Change, Contrast, Snapshot
from memos_core.cube.clock import EPOCH, Timestamp, milliseconds
from memos_core.cube.grant import Right
from memos_core.cube.memcube import MemCube, Origin, State
from memos_core.cube.message import aware, name, names
from memos_core.cube.namespace import Namespace, NamespaceLike, covers
from memos_core.cube.namespace import namespace as parse_namespace
from memos_core.cube.selection import Selection
from memos_core.cube.versions import change, contrast
from memos_core.errors import InvalidInput, SnapshotNotFound
from memos_core.system.scheduling import Scheduling

SNAPSHOTS = "snapshots"  # the note that they are kept in

Moment = Union[str, datetime]  # a snapshot, or a time


class Travelling(Scheduling):
    """The part of :class:`memos_core.MemOS` that goes back in time; ``docs/TIME_MACHINE.md`` shows it."""

    def snapshot(self, name: str, *, namespace: NamespaceLike | None = None) -> Snapshot:
        """Give the present moment a name, to come back to with :meth:`restore`. It costs nothing: no memory is copied.

        Parameters
        ----------
        namespace
            What it is of; by default the whole vault.

        Raises
        ------
        InvalidInput
            If the name is blank, or taken there.
        """
        scope = _scope(namespace)
        (named,) = names([name], "name")
        self._vault.authorise(Right.WRITE, scope)
        with self.transaction():
            known = self._snapshots()
            if not named.strip() or any((each.name, each.namespace) == (named, scope) for each in known):
                raise InvalidInput(detail=f"{named!r} is blank or the name of another snapshot here; pass another.")
            taken = Snapshot(name=named, namespace=scope, at=self._between())
            self._whole.note(SNAPSHOTS, json.dumps([each.model_dump(mode="json") for each in (*known, taken)]))
        return taken

    def snapshots(self, *, namespace: NamespaceLike | None = None) -> builtins.list[Snapshot]:
        """Snapshots of a namespace and those below it, of the whole vault by default, the oldest first."""
        scope = _scope(namespace)
        self._vault.authorise(Right.READ, scope)
        return [each for each in self._snapshots() if covers(scope, each.namespace)]

    def log(
        self,
        *,
        namespace: NamespaceLike | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 100,
    ) -> builtins.list[Change]:
        """What happened to the memories of a namespace and those below it, of the whole vault by default, latest first.

        Parameters
        ----------
        since, until
            After this moment; at this moment or before.

        Raises
        ------
        NaiveDatetime
            If a moment has no time zone.
        """
        found = self._vault.changes(
            _scope(namespace), since=aware(since, "since"), until=aware(until, "until"), limit=limit
        )
        return [change(operation) for operation in found]

    def compare(
        self, before: Moment, after: Moment | None = None, *, namespace: NamespaceLike | None = None
    ) -> builtins.list[Contrast]:
        """How the memories of a namespace, of the whole vault by default, differ between two moments.

        Parameters
        ----------
        before, after
            Names of snapshots, or times; the latter is the present by default.

        Raises
        ------
        SnapshotNotFound
            If there is no snapshot of that name.
        """
        scope = _scope(namespace)
        since, until = self._moment(before, scope), None if after is None else self._moment(after, scope)
        past, present = self._then_and_now(scope, since, until)
        found = (contrast(cube, past.get(cube), present.get(cube)) for cube in sorted({*past, *present}))
        return [each for each in found if each.differences or None in (each.before, each.after)]

    def restore(
        self,
        to: Moment,
        *,
        namespace: NamespaceLike | None = None,
        cube: str | None = None,
        dry_run: bool = False,
    ) -> builtins.list[Contrast]:
        """Make memories what they were, in one commit: a change like others, which another restore undoes.

        What was not there yet is archived. What was erased stays erased, and what is frozen or has expired stays as it
        is, and is reported. Conclusions follow what they rest on.

        Parameters
        ----------
        to
            Name of a snapshot, or a time.
        namespace
            Of which memories, with all below it; by default those of the whole vault.
        cube
            Id, if only this one is meant.
        dry_run
            Say what would be done, and do nothing.

        Returns
        -------
        list[Contrast]
            What each memory was before, and what it becomes.

        Raises
        ------
        SnapshotNotFound
            If there is no snapshot of that name.
        CubeNotFound
            If the one that is meant is not there, or is erased: then no moment brings it back.
        """
        from memos_core.operation.timemachine import returning

        meant = None if cube is None else self.get(cube)
        scope = meant.namespace if meant is not None and namespace is None else _scope(namespace)
        self._vault.authorise(Right.READ if dry_run else Right.WRITE, scope)
        moment = self._moment(to, scope)
        with self.transaction():
            past, present = self._then_and_now(scope, moment, None, cube=cube)
            aims = returning(past, present.values())
            asked_for = frozenset() if cube is None else {cube}
            return aims if dry_run else self._bring_about(aims, scope, f"restored to {to}", asked_for=asked_for)

    def undo(
        self,
        *,
        namespace: NamespaceLike | None = None,
        source_id: str | None = None,
        session: str | None = None,
        actor: str | None = None,
        origin: Origin | str | None = None,
        dry_run: bool = False,
    ) -> builtins.list[Contrast]:
        """Undo all that came from a source, in one commit: as if it had said nothing.

        Memories that are from nowhere else are archived, others go back to what they were before it wrote to them, and
        conclusions that rest on nothing else leave recall.

        Parameters
        ----------
        namespace
            And those below it; by default the whole vault.
        source_id, session, actor, origin
            Which source, as the provenance of a memory names it. What is given must all agree.
        dry_run
            Say what would be done, and do nothing.

        Raises
        ------
        InvalidInput
            If no source is given.
        """
        from memos_core.operation.timemachine import source, without

        scope, wanted = _scope(namespace), None if origin is None else _origin(origin)
        given = {"source_id": source_id, "session": session, "actor": actor}
        named = {field: name(value, field) for field, value in given.items()}
        if wanted is None and not any(named.values()):
            raise InvalidInput(detail="Say whose doings to undo: source_id, session, actor or origin.")
        self._vault.authorise(Right.READ if dry_run else Right.WRITE, scope)
        is_meant = source(**named, origin=wanted)
        with self.transaction():
            present = Selection(
                namespace=scope,
                states=frozenset(State),
                source_ids=None if source_id is None else frozenset({source_id}),
                session=session,
                without=frozenset(self._vault.packages.all()),
            )
            cubes = self._vault.select(present, limit=self._vault.count(present))
            touched = [cube for cube in cubes if is_meant(cube.provenance)]
            found = [without(is_meant, cube, self._vault.history(cube.id)) for cube in touched]
            aims = [each for each in found if each is not None]
            return aims if dry_run else self._bring_about(aims, scope, f"undone: {_told(named, wanted)}")

    def fork(
        self, path: str | PathLike[str], *, to: Moment | None = None, namespace: NamespaceLike | None = None
    ) -> int:
        """Write a vault of its own that goes on from a moment; return how many operations it begins with.

        Grants, the audit log, snapshots and installed packages stay here.

        Parameters
        ----------
        path
            Where nothing is yet.
        to
            Name of a snapshot, or a time; by default the present.
        namespace
            Only of its memories, with all below it; by default all.

        Raises
        ------
        InvalidInput
            If something is there already.
        """
        from memos_core.infrastructure.vault.forking import fork

        scope = _scope(namespace)
        self._vault.authorise(Right.KEEP, ())
        until = None if to is None else self._moment(to, scope)
        with self._lock:
            return fork(
                self._whole,
                fspath(path),
                scope=scope,
                until=until,
                brought=self._vault.packages.brought,
                embed=self._writer.embed,
                clock=self._clock,
            )

    # what these share

    def _then_and_now(
        self, scope: Namespace, since: datetime, until: datetime | None, *, cube: str | None = None
    ) -> tuple[dict[str, MemCube], dict[str, MemCube]]:
        """The memories of a scope that were changed in between, before and after; those in neither are left out."""
        changed = self._vault.changes(scope, since=since, until=until, limit=sys.maxsize)
        ids = [*dict.fromkeys(each.cube for each in changed if cube in {None, each.cube})]
        past = {each.id: each for each in self._vault.get(ids, known_at=since)}
        present = {each.id: each for each in self._vault.get(ids, known_at=until)}
        here = {each.id for each in (*past.values(), *present.values()) if self._is_within(scope, each)}
        before, after = ({name: side[name] for name in side if name in here} for side in (past, present))
        return before, after

    def _is_within(self, scope: Namespace, cube: MemCube) -> bool:
        """Say whether a memory is of a scope, and its owner's: installed packages have a history of their own."""
        return covers(scope, cube.namespace) and self._vault.packages.holding(cube.namespace) is None

    def _bring_about(
        self, aims: builtins.list[Contrast], scope: Namespace, reason: str, *, asked_for: Container[str] = ()
    ) -> builtins.list[Contrast]:
        """Do what was planned: contents first, then states, then what follows from both."""
        from memos_core.operation.timemachine import contents, is_same

        wanted = {each.cube_id: each.after for each in aims if not each.kept and isinstance(each.after, MemCube)}
        before = [each.before for each in aims if each.cube_id in wanted and each.before is not None]
        self._writer.store(self._writer.draft_of(contents(aims)))
        written = {cube.id: cube for cube in self._vault.get([*wanted])}
        self._writer.restate((aim for name, aim in wanted.items() if not is_same(written[name], aim)), reason=reason)
        self._settle(self._vault.get([*wanted]), before=before, asked_for=asked_for)
        self._vault.audit("restore", scope, detail=reason)
        return aims

    def _moment(self, given: Moment, scope: Namespace) -> datetime:
        if not isinstance(given, str):
            moment = aware(given, "a moment")
            if not isinstance(moment, datetime):
                raise InvalidInput(detail=f"{given!r} is neither the name of a snapshot nor a datetime.")
            return moment
        known = [each for each in self._snapshots() if each.name == given and covers(each.namespace, scope)]
        if not known:
            raise SnapshotNotFound(name=given)
        return max(known, key=lambda each: len(each.namespace)).at

    def _snapshots(self) -> builtins.list[Snapshot]:
        return [Snapshot.model_validate(each) for each in json.loads(self._whole.noted(SNAPSHOTS) or "[]")]

    def _between(self) -> datetime:
        """A moment after all that was written and before all that will be: that is of a later millisecond."""
        wall = max(self._whole.latest.wall, milliseconds(self._clock.now()) - 1)
        moment = EPOCH + timedelta(milliseconds=wall)
        self._author.clock.observe(Timestamp.last_of(moment))
        return moment


def _scope(namespace: NamespaceLike | None) -> Namespace:
    return () if namespace is None else parse_namespace(namespace)


def _origin(given: Origin | str) -> Origin:
    try:
        return Origin(given)
    except ValueError as error:
        known = ", ".join(origin.value for origin in Origin)
        raise InvalidInput(detail=f"{given!r} is no origin; known are {known}.") from error


def _told(named: dict[str, str | None], origin: Origin | None) -> str:
    said = {**named, "origin": None if origin is None else origin.value}
    return ", ".join(f"{field} {value}" for field, value in said.items() if value is not None)
