"""Planning: from what is there to what should be done. Pure, and the same for the same snapshot."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from memos_core.cube.canonical import sha256
from memos_core.cube.memcube import RECALLED, Kind, MemCube, Trigger, Trust
from memos_core.cube.namespace import Namespace, covers
from memos_core.cube.payload import Plaintext
from memos_core.operation.lifecycle import activation, may
from memos_core.operation.scheduler.decisions import Action, Decision, Limits, Snapshot, Tier
from memos_core.operation.scheduler.policies import View, kept

#: What was worked out or written down, and may be said twice. What was said stays as it was said, and is summarised.
MERGEABLE = frozenset({Kind.FACT, Kind.PREFERENCE, Kind.EVENT, Kind.PROFILE, Kind.PROCEDURE})
SUMMARY_OF = "summary_of"  # metadata: the conversation that a summary is of
MESSAGES = "messages"  # metadata: how many it had then

_WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)*")
_ARTICLES = frozenset({"a", "an", "the"})


class Round(NamedTuple):
    """What a rule looks at."""

    snapshot: Snapshot
    now: datetime
    limits: Limits


Rule = Callable[[Round], Iterator[Decision]]


def plan(snapshot: Snapshot, now: datetime, limits: Limits | None = None) -> list[Decision]:
    """Decide what to do.

    Returns
    -------
    list[Decision]
        The most urgent first, at most ``limits.decisions``; no cube is in two that would move it.
    """
    round_ = Round(snapshot, now, limits or Limits())
    found: dict[str, Decision] = {}
    moved: set[str] = set()
    for rule in RULES:
        for decision in rule(round_):
            touched = set(decision.cubes) if decision.action in MOVING else set()
            if decision.key not in found and moved.isdisjoint(touched):
                found[decision.key] = decision
                moved |= touched
    order = list(Action)
    return sorted(found.values(), key=lambda decision: order.index(decision.action))[: round_.limits.decisions]


def _one(action: Action, cube: MemCube, reason: str) -> Decision:
    return Decision(
        action=action,
        namespace=cube.namespace,
        cubes=(cube.id,),
        reason=reason,
        key=f"{action.value}:{cube.id}:{cube.version}",
    )


def _expired(round_: Round) -> Iterator[Decision]:
    """The time of a memory has ended."""
    for cube in round_.snapshot.cubes:
        ends = cube.governance.expires_at
        if ends is not None and ends <= round_.now and may(cube, Trigger.EXPIRE):
            yield _one(Action.EXPIRE, cube, f"its time ended at {ends:%Y-%m-%d %H:%M} UTC")


def _faded(round_: Round) -> Iterator[Decision]:
    """A memory with a decay has faded: its activation is below the limit."""
    for cube in round_.snapshot.cubes:
        decay = cube.governance.decay
        if decay is None or not may(cube, Trigger.COOL):
            continue
        strength = activation(cube, round_.now, decay=decay)
        if strength < round_.limits.fading:
            yield _one(Action.COOL, cube, f"it has faded: activation {strength:.2f}, below {round_.limits.fading:g}")


def _used(round_: Round) -> Iterator[Decision]:
    """A memory was recalled for the first time."""
    for cube in round_.snapshot.cubes:
        if cube.usage.count and may(cube, Trigger.USE):
            yield _one(Action.ACTIVATE, cube, f"it was recalled {_times(cube.usage.count)}")


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count:,} times"


def _repeated(round_: Round) -> Iterator[Decision]:
    """Two facts say the same in the same words, but for case, punctuation and articles: the newer stays."""
    by_id = {cube.id: cube for cube in round_.snapshot.cubes}
    for older, newer, cosine in round_.snapshot.alike:
        first, second = by_id.get(older), by_id.get(newer)
        is_near = first and second and cosine >= round_.limits.sameness and _is_recalled(second, round_.now)
        if first and second and is_near and says_the_same(first, second):
            yield Decision(
                action=Action.MERGE,
                namespace=second.namespace,
                cubes=(second.id, first.id),
                reason=f"{second.id} says the same, cosine {cosine:.3f}",
                key=f"merge:{first.id}:{first.version}",
            )


def says_the_same(older: MemCube, newer: MemCube) -> bool:
    """Say whether one can stand for the other: the same words, of one kind, owner and speaker, about the same times.

    Nearness of meaning alone would merge "allergic to nuts" with "not allergic to nuts", "turn left" with "turn right"
    and "Bob is Ana's boss" with "Ana is Bob's boss".
    """
    trusted = newer.governance.trust >= older.governance.trust
    is_same = older.kind in MERGEABLE and statement(older) == statement(newer)
    return is_same and trusted and may(older, Trigger.MERGE)


def statement(cube: MemCube) -> tuple[object, ...]:
    """What a cube says, of what kind, of whom and about which times, but for case, punctuation and articles."""
    return (
        (cube.namespace, cube.kind, cube.provenance.speaker, cube.occurred),
        [mention.when for mention in cube.times],
        [claim.model_copy(update={"text": ""}) for claim in cube.claims],
        [word for word in _WORD.findall(cube.text.casefold()) if word not in _ARTICLES],
    )


def _is_recalled(cube: MemCube, now: datetime) -> bool:
    """Whether it may stand for others: not what is out of recall, such as what waits to be accepted."""
    ends = cube.governance.expires_at
    return cube.state in RECALLED and (ends is None or ends > now)


def _long(round_: Round) -> Iterator[Decision]:
    """A conversation is long, has rested, and is not summed up as it is now."""
    said: dict[tuple[Namespace, str], list[MemCube]] = defaultdict(list)
    known: dict[tuple[Namespace, object], int] = {}
    for cube in round_.snapshot.cubes:
        if cube.kind is Kind.EPISODE and cube.provenance.session and _is_recalled(cube, round_.now):
            said[cube.namespace, cube.provenance.session].append(cube)
        if cube.kind is Kind.SUMMARY and SUMMARY_OF in cube.metadata:
            count = cube.metadata.get(MESSAGES)
            known[cube.namespace, cube.metadata[SUMMARY_OF]] = count if isinstance(count, int) else 0
    for (namespace, session), cubes in sorted(said.items()):
        last = max(cube.said_at for cube in cubes)
        is_new = len(cubes) > known.get((namespace, session), 0)
        if is_new and len(cubes) >= round_.limits.episode and round_.now - last >= round_.limits.idle:
            reason = f"conversation {session!r} has {len(cubes)} messages and rests since {last:%Y-%m-%d}"
            yield summing_up(namespace, session, cubes, reason)


def summing_up(namespace: Namespace, session: str, cubes: Sequence[MemCube], reason: str) -> Decision:
    """The decision to sum up a conversation."""
    return Decision(
        action=Action.SUMMARISE,
        namespace=namespace,
        subject=session,
        cubes=tuple(cube.id for cube in sorted(cubes, key=lambda cube: (cube.said_at, cube.id))),
        reason=reason,
        key=f"summarise:{'/'.join(namespace)}:{session}:{len(cubes)}",
    )


def _stale(round_: Round) -> Iterator[Decision]:
    """Something that a summary rests on no longer holds."""
    for cube in round_.snapshot.cubes:
        if cube.is_stale and cube.kind is Kind.SUMMARY:
            yield _one(Action.RENEW, cube, "something that it sums up no longer holds")


def _hot(round_: Round) -> Iterator[Decision]:
    """A memory is recalled much, and lately or long unchanged; it leaves when that ends, or when it changes."""
    for backend, tier in sorted(round_.snapshot.tiers.items()):
        due = _due(tier, round_)
        leaving, room = _leaving(tier, due, round_)
        for version, reason in leaving.items():
            yield _demoted(backend, version, reason)
        yield from _promoted(backend, tier, [cube for cube in due if cube.version in room])


def _leaving(tier: Tier, due: Sequence[MemCube], round_: Round) -> tuple[dict[str, str], frozenset[str]]:
    """Versions that should leave faster memory, and why; and those for which there is room: what is due takes part."""
    present = {cube.version: cube for cube in round_.snapshot.cubes if cube.version in tier.held}
    reasons = dict.fromkeys(sorted(tier.held.keys() - present.keys()), "it is changed or erased")
    reasons |= {name: reason for name, cube in present.items() if (reason := _cold(cube, tier, round_))}
    if tier.is_for_stable:  # one adapter holds all of it: without a part of it, it would have to be trained again
        return reasons, frozenset(cube.version for cube in due)
    # What a memory will take is not known before: as much as the others do for their length.
    letters = sum(len(cube.text) for cube in present.values())
    usual = sum(map(tier.held.__getitem__, present)) / letters if letters else 0.0
    stays = kept(
        sorted(
            (*(cube for version, cube in present.items() if version not in reasons), *due),
            key=lambda cube: (cube.version not in present, cube.id),  # among equals, what is there stays
        ),
        by=round_.limits.held_by,
        view=View(labels=round_.limits.labels),
        budget=round_.limits.bytes,
        cost=lambda cube: tier.held.get(cube.version, math.ceil(usual * len(cube.text))),
    )
    room = frozenset(cube.version for cube in stays)
    full = present.keys() - reasons.keys() - room
    return reasons | dict.fromkeys(sorted(full), f"there is room for {round_.limits.bytes:,} bytes"), room


def _due(tier: Tier, round_: Round) -> list[MemCube]:
    """What should be in faster memory, and is not."""
    is_due = _is_stable if tier.is_for_stable else _is_hot
    return [
        cube
        for cube in round_.snapshot.cubes
        if cube.version not in tier.held
        and covers(tier.namespace, cube.namespace)
        and _is_sound(cube)
        and is_due(cube, round_)
    ]


def _promoted(backend: str, tier: Tier, due: Sequence[MemCube]) -> Iterator[Decision]:
    if tier.is_for_stable and due:  # to be learnt together
        versions = sha256("\n".join(sorted(cube.version for cube in due)).encode())
        yield Decision(
            action=Action.PROMOTE,
            namespace=tier.namespace,
            subject=backend,
            cubes=tuple(cube.id for cube in due),
            reason=f"{backend}: {len(due)} memories are stable",
            key=f"{Action.PROMOTE.value}:{backend}:{versions}",
        )
        return
    for cube in due:
        reason = f"{backend}: it was recalled {_times(cube.usage.count)}"
        yield _one(Action.PROMOTE, cube, reason).model_copy(
            update={"key": f"{Action.PROMOTE.value}:{backend}:{cube.id}:{cube.version}", "subject": backend}
        )


def _is_hot(cube: MemCube, round_: Round) -> bool:
    last = cube.usage.last_access
    return last is not None and cube.usage.count >= round_.limits.hot and round_.now - last < round_.limits.warm


def _is_stable(cube: MemCube, round_: Round) -> bool:
    is_settled = round_.now - cube.updated_at >= round_.limits.settled
    is_knowledge = cube.kind in MERGEABLE or bool(cube.claims)
    is_vouched_for = cube.governance.trust > Trust.THIRD_PARTY  # what is learnt steers
    return is_knowledge and is_vouched_for and is_settled and cube.usage.count >= round_.limits.hot


def _cold(cube: MemCube, tier: Tier, round_: Round) -> str | None:
    """Why a cube should leave faster memory; ``None`` if it should not. What is stable does not grow cold."""
    if not _is_sound(cube):
        return "it is stale" if cube.is_stale else f"it is {cube.state.value}"
    last, longest = cube.usage.last_access, round_.limits.cold
    is_cold = last is None or round_.now - last >= longest
    return f"it was not recalled for {longest.days} days" if is_cold and not tier.is_for_stable else None


def _is_sound(cube: MemCube) -> bool:
    return isinstance(cube.payload, Plaintext) and not cube.is_stale and may(cube, Trigger.SHAKE)


def _demoted(backend: str, version: str, reason: str) -> Decision:
    return Decision(
        action=Action.DEMOTE,
        namespace=(),
        subject=backend,
        cubes=(),
        reason=f"{backend}: {reason}",
        key=f"{Action.DEMOTE.value}:{backend}:{version}",
    )


def _spoken_of(round_: Round) -> Iterator[Decision]:
    """A conversation had a message within a day: what it needs is looked up."""
    for conversation in round_.snapshot.conversations:
        yield Decision(
            action=Action.REMEMBER,
            namespace=conversation.namespace,
            subject=conversation.name,
            cubes=(),
            reason=f"conversation {conversation.name!r} goes on",
            key=f"remember:{'/'.join(conversation.namespace)}:{conversation.name}:{conversation.last:%Y%m%dT%H%M%S}",
        )


def _upkeep(round_: Round) -> Iterator[Decision]:
    """Texts have no vector of the present model; or checksums were not compared for long."""
    if round_.snapshot.unembedded:
        reason = f"{round_.snapshot.unembedded} texts have no vector"
        yield Decision(action=Action.REEMBED, namespace=(), cubes=(), reason=reason, key="reembed")
    if round_.snapshot.scrubbed is None or round_.now - round_.snapshot.scrubbed >= round_.limits.scrub_every:
        last = "never" if round_.snapshot.scrubbed is None else f"last on {round_.snapshot.scrubbed:%Y-%m-%d}"
        yield Decision(
            action=Action.SCRUB, namespace=(), cubes=(), reason=f"checksums were compared {last}", key="scrub"
        )


#: All rules, in the order in which they may lay hands on a cube, and what they decide.
RULES: Mapping[Rule, tuple[Action, ...]] = {
    _expired: (Action.EXPIRE,),
    _faded: (Action.COOL,),
    _repeated: (Action.MERGE,),
    _used: (Action.ACTIVATE,),
    _stale: (Action.RENEW,),
    _long: (Action.SUMMARISE,),
    _hot: (Action.PROMOTE, Action.DEMOTE),
    _spoken_of: (Action.REMEMBER,),
    _upkeep: (Action.REEMBED, Action.SCRUB),
}
#: What changes the state of a cube: only one of these may happen to it at a time.
MOVING = frozenset({Action.EXPIRE, Action.COOL, Action.MERGE, Action.ACTIVATE, Action.RENEW})
