"""Taking the snapshot that planning looks at: the only part of the scheduler that reads a vault."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime, timedelta

from memos_core.cube.memcube import Kind, MemCube, State
from memos_core.cube.namespace import Namespace
from memos_core.cube.selection import Selection
from memos_core.operation.embedding import embedded_text
from memos_core.operation.scheduler.decisions import Alike, Conversation, Limits, Snapshot, Tier
from memos_core.operation.scheduler.planning import MERGEABLE
from memos_core.ports import Embedder, Span, Vault

PAGE = 500  # cubes read at a time
LIVING = frozenset(State) - {State.EXPIRED}
LIVELY = timedelta(days=1)  # since the last message of a conversation that goes on
TOPIC = 4  # last messages that say what a conversation is about
NEIGHBOURS = 4  # nearest, that a new cube is compared with
SCRUBBED, SEEN = "scheduler scrubbed", "scheduler seen"  # names of notes


def look(
    vault: Vault,
    embedder: Embedder,
    *,
    now: datetime,
    limits: Limits,
    tiers: Mapping[str, Tier],
    apart: Collection[Namespace] = (),
) -> Snapshot:
    """Read what planning needs, the latest versions first where there are more cubes than may be looked at.

    Parameters
    ----------
    apart
        Namespaces that are left as they are.
    """
    cubes = tuple(_cubes(vault, limits.cubes, apart))
    held = vault.operations({version for tier in tiers.values() for version in tier.held})
    cubes += tuple(vault.get(sorted({put.cube for put in held.values()}.difference(cube.id for cube in cubes))))
    scrubbed = vault.noted(SCRUBBED)
    return Snapshot(
        cubes=cubes,
        alike=tuple(_alike(cubes, vault, embedder, since=vault.noted(SEEN), now=now, sameness=limits.sameness)),
        conversations=tuple(_conversations(cubes, vault, now)),
        tiers=tiers,
        unembedded=len(vault.unembedded(embedder.spec, limit=limits.cubes)),
        scrubbed=None if scrubbed is None else datetime.fromisoformat(scrubbed),
    )


def _cubes(vault: Vault, limit: int, apart: Collection[Namespace]) -> Iterator[MemCube]:
    left = limit
    for root in dict.fromkeys(namespace[:1] for namespace in vault.namespaces()):
        selection, offset = Selection(namespace=root, states=LIVING, without=frozenset(apart)), 0
        while left and (page := vault.select(selection, limit=min(PAGE, left), offset=offset)):
            yield from page
            offset += len(page)
            left -= len(page)


def _alike(
    cubes: tuple[MemCube, ...], vault: Vault, embedder: Embedder, *, since: str | None, now: datetime, sameness: float
) -> Iterator[Alike]:
    """What is new since the last round, beside what is nearest to it."""
    new = [cube for cube in cubes if cube.kind in MERGEABLE and (since is None or cube.updated_at.isoformat() > since)]
    if vault.spec != embedder.spec:
        return
    texts = {cube.id: embedded_text(cube, Span(0, len(cube.text))) for cube in new}
    vectors = vault.known_vectors(list(texts.values()), embedder.spec)
    for cube in sorted(new, key=lambda cube: (cube.updated_at, cube.id)):
        if (vector := vectors.get(texts[cube.id])) is None:
            continue  # of several parts: long texts are not merged
        here = Selection(namespace=cube.namespace, exact=True, kinds=frozenset({cube.kind}), now=now)
        for found in vault.nearest(here, vector, limit=NEIGHBOURS):
            if found.cube < cube.id and found.score >= sameness:
                yield Alike(found.cube, cube.id, found.score)


def _conversations(cubes: tuple[MemCube, ...], vault: Vault, now: datetime) -> Iterator[Conversation]:
    lively: dict[tuple[Namespace, str], list[MemCube]] = {}
    for cube in cubes:
        session = cube.provenance.session
        if cube.kind is Kind.EPISODE and session and now - cube.created_at <= LIVELY:
            lively.setdefault((cube.namespace, session), []).append(cube)
    for (namespace, name), said in sorted(lively.items()):
        last = sorted(said, key=lambda cube: (cube.created_at, cube.id))[-TOPIC:]
        topic = "\n".join(cube.text for cube in last)
        yield Conversation(namespace, name, last[-1].created_at, topic, tuple(vault.working(namespace, name)))
