"""Scheduling: rounds in which memories are activated, merged, summarised, archived and checked, as planned."""

from __future__ import annotations

import builtins
import json
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from memos_core.cube.grant import Right
from memos_core.cube.memcube import RECALLED, MemCube, State, Trigger
from memos_core.cube.message import aware
from memos_core.cube.namespace import Namespace
from memos_core.cube.selection import Selection
from memos_core.errors import BackendFailed, InvalidInput, MemOSError, MemOSWarning, VaultClosed
from memos_core.operation.scheduler.decisions import Action, Done, Limits, Tier, as_job, decided
from memos_core.ports import Job, MemoryBackend
from memos_core.system.finding import MAX_HITS
from memos_core.system.summing import Summing

if TYPE_CHECKING:
    from memos_core.prompting.budget import Budget

LEASE = timedelta(minutes=5)
DEPTH = 50  # hits among which those of other conversations are looked for
TRIES = 3  # of a job, before it is given up
KNOWN = frozenset(action.value for action in Action)  # a newer release may have noted others
PRESENT = RECALLED | {State.MERGED}  # what a summary made anew may rest on

_TRIGGERS = {
    Action.EXPIRE: Trigger.EXPIRE,
    Action.COOL: Trigger.COOL,
    Action.ACTIVATE: Trigger.USE,
    Action.MERGE: Trigger.MERGE,
}


class Scheduling(Summing):
    """The part of :class:`memos_core.MemOS` that looks after memories by itself; ``docs/SCHEDULER.md`` shows it."""

    def tick(
        self, now: datetime | None = None, *, dry_run: bool = False, limits: Limits | None = None
    ) -> builtins.list[Done]:
        """Run the scheduler once: look, decide, and do it; return every decision with its reason and outcome.

        Decisions are noted durably before they are carried out, each in one commit. What a killed process has left
        undone, the next round does, here or elsewhere, once its lease of five minutes is over; what takes a
        back end longer is held for longer.

        Parameters
        ----------
        now
            The moment to decide for; the present one by default.
        dry_run
            Decide and do nothing.
        limits
            What the round may look at and spend.

        Raises
        ------
        InvalidInput
            If ``now`` has no time zone.
        """
        from memos_core.operation.scheduler.looking import LAP, SEEN, look
        from memos_core.operation.scheduler.planning import plan

        at, bounds = aware(now, "now") or self._clock.now(), limits or Limits()
        self._usage.flush_if_possible()
        tiers = {name: _tier(backend, self._tiers.get(name, ())) for name, backend in self._backends.items()}
        snapshot = look(
            self._vault, self._loaded_embedder(), now=at, limits=bounds, tiers=tiers, apart=self._vault.packages.all()
        )
        decisions = plan(snapshot, at, bounds)
        if dry_run:
            noted = [decided(job) for job in self._vault.jobs() if job.action in KNOWN]
            unplanned = {decision.key: decision for decision in (*noted, *decisions)}.values()
            return [Done(decision=decision, outcome="planned") for decision in unplanned]
        with self.transaction():
            self._vault.enqueue([as_job(decision) for decision in decisions], at=at)
            if len(decisions) < bounds.decisions:  # otherwise what is new must be looked at once more
                self._vault.note(LAP, json.dumps(snapshot.lap))
                self._vault.note(SEEN, max((cube.updated_at for cube in snapshot.cubes), default=at).isoformat())
        return self._work(at, bounds)

    @contextmanager
    def background(self, *, every: timedelta = timedelta(minutes=1), limits: Limits | None = None) -> Iterator[None]:
        """Run the scheduler in a thread while this lasts: once at the start, and then again and again.

        What fails is a ``MemOSWarning``, and is tried again.

        Parameters
        ----------
        every
            Between two rounds.

        Raises
        ------
        InvalidInput
            If ``every`` is not positive.
        """
        if every <= timedelta(0):
            raise InvalidInput(detail=f"every must be longer than nothing, and is {every}.")
        self._vault.authorise(Right.KEEP, ())
        stop = threading.Event()
        thread = threading.Thread(target=self._go_on, args=(stop, every, limits), name="memos scheduler", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def _go_on(self, stop: threading.Event, every: timedelta, limits: Limits | None) -> None:
        while True:
            try:
                self.tick(limits=limits)
            except VaultClosed:
                return
            except MemOSError as error:
                warnings.warn(MemOSWarning(f"A round of the scheduler failed: {error}"), stacklevel=2)
            if stop.wait(every.total_seconds()):
                return

    def _work(self, at: datetime, limits: Limits) -> builtins.list[Done]:
        from memos_core.prompting.budget import Budget

        found: list[Done] = []
        budget = Budget(calls=limits.calls, tokens=limits.tokens)
        ends = self._clock.now() + timedelta(seconds=limits.seconds)
        while len(found) < limits.decisions and self._clock.now() < ends:
            claimed = self._vault.claim(limit=1, at=at, lease=LEASE)
            if not claimed:
                break
            found += [self._outcome(job, limits, budget, at) for job in claimed if job.action in KNOWN]
        return found

    def _outcome(self, job: Job, limits: Limits, budget: Budget, at: datetime) -> Done:
        try:
            outcome = self._run(job, limits, budget, at)
        except MemOSError as error:
            outcome = f"failed: {error}"
            if job.attempts >= TRIES:
                self._vault.finish(job.key)
                outcome = f"given up after {job.attempts} tries: {error}"
        return Done(decision=decided(job), outcome=outcome)

    def _run(self, job: Job, limits: Limits, budget: Budget, at: datetime) -> str:
        action = Action(job.action)
        if action in _TRIGGERS:
            return self._moved(job, _TRIGGERS[action])
        if action in {Action.SUMMARISE, Action.RENEW}:
            return self._summed_up(job, limits, budget)
        if action is Action.REMEMBER:
            return self._brought_to_mind(job, limits)
        if action in {Action.PROMOTE, Action.DEMOTE}:
            return self._changed_tier(job, action)
        return self._kept_up(job, action, at)

    def _moved(self, job: Job, trigger: Trigger) -> str:
        from memos_core.operation.lifecycle import may

        with self.transaction():
            self._vault.finish(job.key)
            cube, others = self._due(job), self._vault.get(job.cubes[:-1])
            is_carried = len(others) == len(job.cubes) - 1 and all(other.state in RECALLED for other in others)
            if cube is None or not is_carried or not may(cube, trigger):
                return "no longer due"
            self._move(cube, trigger, job.reason)
            return "done"

    def _due(self, job: Job) -> MemCube | None:
        """The cube that a job is about, the last of those named, if it is still in the version that was looked at."""
        cube = next(iter(self._vault.get(job.cubes[-1:])), None)
        return cube if cube is not None and job.key.endswith(f":{cube.id}:{cube.version}") else None

    def _summed_up(self, job: Job, limits: Limits, budget: Budget) -> str:
        """Sum up a conversation, or sum up anew what is left of what a summary rests on."""
        from memos_core.operation.lifecycle import standings
        from memos_core.operation.scheduler.planning import MESSAGES, SUMMARY_OF
        from memos_core.operation.summary import summary_of

        old = None if job.action == Action.SUMMARISE.value else self._due(job)
        premises = [cube for cube in self._premises(job, old) if cube.namespace == job.namespace]
        if not premises:
            self._vault.finish(job.key)
            return "nothing is left to sum up" if old or job.action == Action.SUMMARISE.value else "no longer due"
        seen = standings(premises)
        text, by = self._summary(premises, limits.summary_words, budget)
        if old is None:
            source, session, metadata = f"summary:{job.subject}", job.subject or None, {SUMMARY_OF: job.subject}
        else:
            source, session = old.provenance.source_id or f"summary:{old.id}", old.provenance.session
            metadata = {name: value for name, value in old.metadata.items() if name != MESSAGES}
        content = summary_of(premises, text, model=by, source_id=source, session=session)
        content = content.model_copy(update={"metadata": {**metadata, MESSAGES: len(premises)}})
        with self._lock:
            draft = self._writer.draft([content], previous=None, now=self._clock.now())
            with self.transaction():
                self._vault.finish(job.key)
                if standings(self._vault.get([*seen])) != seen:
                    return "no longer due: what it sums up was changed meanwhile"
                self._store(draft)
        return "done"

    def _premises(self, job: Job, old: MemCube | None) -> Iterator[MemCube]:
        """What a summary is to be made of: messages that are recalled, or what is left under the old one."""
        from memos_core.operation.truth import Labels

        if job.action == Action.SUMMARISE.value:
            yield from (cube for cube in self._vault.get(job.cubes) if cube.state in RECALLED)
        elif old is not None:
            for ground in Labels(self._vault, at=self._clock.now()).grounds(old):
                cube = ground.cube
                if cube and cube.state is not State.EXPIRED and (ground.holds or cube.state in PRESENT):
                    yield cube

    def _brought_to_mind(self, job: Job, limits: Limits) -> str:
        from memos_core.operation.scheduler.looking import TOPIC
        from memos_core.operation.scheduler.policies import View, kept

        now, packages = self._clock.now(), frozenset(self._vault.packages.all())
        spoken = Selection(namespace=job.namespace, exact=True, session=job.subject, now=now)
        said = self._vault.select(spoken, limit=TOPIC)
        topic = "\n".join(cube.text for cube in reversed(said) if cube.text.strip())
        if topic:
            find = self._finder(Selection(namespace=job.namespace, without=packages, now=now), now=now)
            hits = find(topic, limit=min(max(DEPTH, 3 * limits.working), MAX_HITS))
            others = [hit for hit in hits if hit.cube.provenance.session != job.subject]
            nearness = {hit.cube.id: hit.score for hit in others}
            count_tokens = self._loaded_embedder().count_tokens
            chosen = kept(
                [hit.cube for hit in others],
                by=limits.working_by,
                view=View(nearness=nearness, labels=limits.labels),
                most=limits.working,
                budget=limits.working_tokens,
                cost=lambda cube: count_tokens(cube.text),
            )
            self._vault.keep_working(job.namespace, job.subject, [cube.id for cube in chosen])
        self._vault.finish(job.key)
        return "done"

    def _changed_tier(self, job: Job, action: Action) -> str:
        """Have a back end take cubes in or let go of one; the outcome says what that took."""
        backend, began, told = self._backends.get(job.subject), self._clock.now(), None
        cubes: builtins.list[MemCube] = []
        with _told_apart(job.subject), self._leased(job):
            if backend is not None and action is Action.DEMOTE:
                told = backend.demote([job.key.rpartition(":")[2]])
            elif backend is not None:
                cubes = self._still_due(job, is_for_stable=backend.is_for_stable)
                told = backend.promote(cubes) if cubes else None
        self._vault.finish(job.key)
        if backend is None or not (cubes or action is Action.DEMOTE):
            return "no longer due"
        return f"done: {told}, {(self._clock.now() - began).total_seconds():.1f} s" if told else "done"

    @contextmanager
    def _leased(self, job: Job) -> Iterator[None]:
        """Hold the lease of a job for as long as this lasts: a model may take longer to learn than a lease."""
        ended, half = threading.Event(), LEASE / 2

        def renew() -> None:
            while not ended.wait(half.total_seconds()):
                with suppress(MemOSError):  # then half a lease is left for the next time
                    self._whole.renew(job.key, by=half)

        thread = threading.Thread(target=renew, name="memos lease", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _still_due(self, job: Job, *, is_for_stable: bool) -> builtins.list[MemCube]:
        """The cubes that a back end takes: the one it is about, as it was; or all that are to be learnt together."""
        if is_for_stable:
            return [cube for cube in self._vault.get(job.cubes) if cube.state in RECALLED and not cube.is_stale]
        cube = self._due(job)
        return [] if cube is None else [cube]

    def _kept_up(self, job: Job, action: Action, at: datetime) -> str:
        from memos_core.operation.scheduler.looking import SCRUBBED

        if action is Action.REEMBED:
            outcome = f"done: {self.reembed()} texts"
        else:
            damages = self.verify()
            self._vault.note(SCRUBBED, at.isoformat())
            outcome = "done: all is well" if not damages else f"{len(damages)} damages, the first in {damages[0].where}"
        self._vault.finish(job.key)
        return outcome


@contextmanager
def _told_apart(backend: str) -> Iterator[None]:
    """Let a job fail alone where a back end raises, whatever it raises: it is others' code."""
    try:
        yield
    except MemOSError:
        raise
    except Exception as error:
        raise BackendFailed(backend=backend, detail=repr(error)) from error


def _tier(backend: MemoryBackend, namespace: Namespace) -> Tier:
    with _told_apart(backend.name):
        return Tier(backend.held(), backend.is_for_stable, namespace)
