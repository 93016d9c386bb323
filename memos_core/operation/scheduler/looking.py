"""Taking the snapshot that planning looks at: the only part of the scheduler that reads a vault."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from memos_core.cube.memcube import Kind, MemCube, State
from memos_core.cube.namespace import Namespace
from memos_core.cube.selection import Selection
from memos_core.operation.embedding import embedded_text
from memos_core.operation.scheduler.decisions import Alike, Conversation, Lap, Limits, Snapshot, Tier
from memos_core.operation.scheduler.planning import MERGEABLE
from memos_core.ports import Embedder, Span, Vault

PAGE = 500  # cubes read at a time
LIVING = frozenset(State) - {State.EXPIRED}
LIVELY = timedelta(days=1)  # since the last message of a conversation that goes on
TOPIC = 4  # last messages that say what a conversation is about
NEIGHBOURS = 4  # nearest, that a new cube is compared with
SCRUBBED, SEEN, LAP = "scheduler scrubbed", "scheduler seen", "scheduler lap"  # names of notes


def look(
    vault: Vault,
    embedder: Embedder,
    *,
    now: datetime,
    limits: Limits,
    tiers: Mapping[str, Tier],
    apart: Collection[Namespace] = (),
) -> Snapshot:
    """Read what planning needs. Of more cubes than may be looked at, half are the latest; the others come in turn.

    Parameters
    ----------
    apart
        Namespaces that are left as they are.
    """
    lap = Lap(*json.loads(vault.noted(LAP) or "[]"))
    latest, others, lap_next = _window(vault, limits.cubes, apart, lap, now)
    new = [*_since(latest, vault.noted(SEEN)), *_since(others, lap.since)]
    alike = tuple(_alike(new, vault, embedder, now=now, sameness=limits.sameness))
    cubes = {cube.id: cube for cube in (*latest, *others, *_whole_conversations(latest, others, vault, limits))}
    held = vault.operations({version for tier in tiers.values() for version in tier.held})
    also = {*(put.cube for put in held.values()), *(pair.older for pair in alike)}
    cubes |= {cube.id: cube for cube in vault.get(sorted(also - cubes.keys()))}
    scrubbed = vault.noted(SCRUBBED)
    return Snapshot(
        cubes=tuple(cubes.values()),
        alike=alike,
        conversations=tuple(_conversations(latest, vault, now)),
        tiers=tiers,
        unembedded=len(vault.unembedded(embedder.spec, limit=limits.cubes)),
        scrubbed=None if scrubbed is None else datetime.fromisoformat(scrubbed),
        lap=lap_next,
    )


def _window(
    vault: Vault, limit: int, apart: Collection[Namespace], lap: Lap, now: datetime
) -> tuple[list[MemCube], list[MemCube], Lap]:
    """The latest cubes, as many of the others as come next, and where the next round goes on."""
    everything = Selection(namespace=(), states=LIVING, without=frozenset(apart))
    total = vault.count(everything)
    latest = limit if total <= limit else limit - limit // 2
    start = max(lap.at, latest)
    found = [*_pages(vault, everything, 0, latest)]
    others = [*_pages(vault, everything, start, limit - latest)] if total > limit else []
    end = start + len(others)
    if total <= limit or end >= total:
        return found, others, Lap(0, lap.began, now.isoformat())
    return found, others, lap._replace(at=end)


def _pages(vault: Vault, selection: Selection, start: int, count: int) -> Iterator[MemCube]:
    at = start
    while at < start + count:
        page = vault.select(selection, limit=min(PAGE, start + count - at), offset=at)
        if not page:
            return
        yield from page
        at += len(page)


def _whole_conversations(
    latest: Iterable[MemCube], others: Sequence[MemCube], vault: Vault, limits: Limits
) -> Iterator[MemCube]:
    """All of the conversations of which a part is looked at, with their summaries: a part is not summed up."""
    if not others:
        return
    seen = Counter((cube.namespace, cube.provenance.session) for cube in latest if cube.kind is Kind.EPISODE)
    asked = {key for key, count in seen.items() if count >= limits.episode}
    asked |= {(cube.namespace, cube.provenance.session) for cube in others if cube.kind is Kind.EPISODE}
    for namespace, session in sorted((namespace, session) for namespace, session in asked if session):
        kinds = frozenset({Kind.EPISODE, Kind.SUMMARY})
        conversation = Selection(namespace=namespace, exact=True, session=session, kinds=kinds, states=LIVING)
        yield from vault.select(conversation, limit=limits.cubes)


def _since(cubes: Iterable[MemCube], moment: str | None) -> Iterator[MemCube]:
    return (cube for cube in cubes if not moment or cube.updated_at.isoformat() > moment)


def _alike(
    cubes: Iterable[MemCube], vault: Vault, embedder: Embedder, *, now: datetime, sameness: float
) -> Iterator[Alike]:
    """What is new, beside what is nearest to it."""
    if vault.spec != embedder.spec:
        return
    new = [cube for cube in cubes if cube.kind in MERGEABLE]
    texts = {cube.id: embedded_text(cube, Span(0, len(cube.text))) for cube in new}
    vectors = vault.known_vectors(list(texts.values()), embedder.spec)
    for cube in sorted(new, key=lambda cube: (cube.updated_at, cube.id)):
        if (vector := vectors.get(texts[cube.id])) is None:
            continue  # of several parts: long texts are not merged
        here = Selection(namespace=cube.namespace, exact=True, kinds=frozenset({cube.kind}), now=now)
        for found in vault.nearest(here, vector, limit=NEIGHBOURS):
            if found.cube < cube.id and found.score >= sameness:
                yield Alike(found.cube, cube.id, found.score)


def _conversations(cubes: Iterable[MemCube], vault: Vault, now: datetime) -> Iterator[Conversation]:
    lively: dict[tuple[Namespace, str], list[MemCube]] = {}
    for cube in cubes:
        session = cube.provenance.session
        if cube.kind is Kind.EPISODE and session and now - cube.created_at <= LIVELY:
            lively.setdefault((cube.namespace, session), []).append(cube)
    for (namespace, name), said in sorted(lively.items()):
        last = sorted(said, key=lambda cube: (cube.created_at, cube.id))[-TOPIC:]
        topic = "\n".join(cube.text for cube in last)
        yield Conversation(namespace, name, last[-1].created_at, topic, tuple(vault.working(namespace, name)))
