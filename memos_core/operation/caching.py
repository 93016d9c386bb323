"""Which caches of a model serve a prompt, and what a new one is. Pure.

A cache holds what a model computed for the beginning of a prompt: some memories in one order. Another may go on from
it, so that all of a model's caches are trees of prefixes, and what two of them share is computed and stored once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from memos_core.cube.canonical import canonical, sha256
from memos_core.cube.memcube import RECALLED, Content, Governance, Kind, MemCube, Origin, Provenance
from memos_core.cube.namespace import Namespace
from memos_core.cube.payload import Activation, BlobRef
from memos_core.ports import KVCache

CACHE = "cache"  # metadata: what follows


class Node(NamedTuple):
    """A cache as it is kept.

    Attributes
    ----------
    of
        Ids of all memories that it stands for, in their order; the last ones, from ``since`` on, are its own.
    after
        Version of the cache that it goes on from; empty if there is none.
    end
        Tokens of the prompt up to its end.
    skip
        Of these, those before its first own memory.
    digest
        Of all that was written up to its end.
    model
        Name of the back end.
    """

    cube: MemCube
    of: tuple[str, ...]
    since: int
    after: str
    end: int
    skip: int
    digest: str
    model: str

    @property
    def own(self) -> tuple[str, ...]:
        """Ids of the memories that it adds."""
        return self.of[self.since :]

    @property
    def fingerprint(self) -> str:
        """Of the model that made it."""
        payload = self.cube.payload
        return payload.model if isinstance(payload, Activation) else ""

    @property
    def dtype(self) -> str:
        """Of what is stored."""
        payload = self.cube.payload
        return payload.dtype if isinstance(payload, Activation) else ""

    @property
    def is_lossy(self) -> bool:
        """Whether something was lost when it was stored."""
        return bool(self.cube.metadata[CACHE].get("lossy"))

    @property
    def versions(self) -> tuple[str, ...]:
        """Of the memories that it adds."""
        return self.cube.provenance.derived_from[self.since : len(self.of)]

    @property
    def is_usable(self) -> bool:
        """Whether it has neither fallen nor been put away."""
        return self.cube.state in RECALLED and not self.cube.is_stale


def node(cube: MemCube) -> Node | None:
    """Read a cache; ``None`` for what is none, or was written by something else."""
    told = cube.metadata.get(CACHE)
    if not isinstance(cube.payload, Activation) or not isinstance(told, Mapping):
        return None
    try:
        return Node(
            cube,
            of=tuple(map(str, told["of"])),
            since=int(told["since"]),
            after=str(told["after"]),
            end=int(told["end"]),
            skip=int(told["skip"]),
            digest=str(told["digest"]),
            model=str(told["model"]),
        )
    except (KeyError, TypeError, ValueError):
        return None


def chains(cubes: Iterable[MemCube], *, fingerprint: str, of: Collection[str]) -> Iterator[tuple[Node, ...]]:
    """Caches of this model that stand for nothing but these memories, each with those that it goes on from.

    Yields
    ------
    tuple[Node, ...]
        From the first, the longest chains before the others. A chain of which a part is missing, has fallen or is stale
        is left out.
    """
    wanted = frozenset(of)
    nodes = {
        each.cube.version: each
        for each in map(node, cubes)
        if each and each.fingerprint == fingerprint and wanted.issuperset(each.of) and each.is_usable
    }
    for last in sorted(nodes.values(), key=lambda each: (-each.end, each.cube.id)):
        if chain := _upwards(last, nodes):
            yield chain


def _upwards(last: Node, nodes: Mapping[str, Node]) -> tuple[Node, ...]:
    chain = [last]
    while chain[0].after:
        before = nodes.get(chain[0].after)
        if before is None or before.end >= chain[0].end:
            return ()
        chain.insert(0, before)
    return tuple(chain)


def digest_of(before: Sequence[int], written: Iterable[tuple[str, str]]) -> str:
    """Digest of the beginning of a prompt: the tokens of the chat form, and texts as they were cut into tokens."""
    return sha256(canonical({"before": list(before), "written": [list(pair) for pair in written]}))


class Made(NamedTuple):
    """What was computed, and for what."""

    kv: KVCache
    memories: Sequence[MemCube]
    since: int
    after: MemCube | None
    skip: int
    digest: str
    model: str
    fingerprint: str
    is_lossy: bool
    adapters: Sequence[MemCube] = ()  # that the model wears


def cache_content(made: Made, namespace: Namespace) -> Content:
    """A cache as a memory: it falls with any of the memories it stands for, and is trusted like the least of them."""
    memories = made.memories
    after = made.after if made.kv.start else None  # what holds all tokens needs no other
    premises = (*dict.fromkeys(each.version for each in memories), *([after.version] if after else []))
    premises += tuple(each.version for each in made.adapters)
    ends = [each.governance.expires_at for each in (*memories, *made.adapters) if each.governance.expires_at]
    told: dict[str, Any] = {
        "of": [each.id for each in memories],
        "since": made.since if after else 0,
        "after": after.version if after else "",
        "end": made.kv.start + made.kv.tokens,
        "skip": made.skip,
        "digest": made.digest,
        "model": made.model,
        "lossy": made.is_lossy,
    }
    return Content(
        namespace=namespace,
        kind=Kind.ACTIVATION,
        payload=Activation(
            blob=BlobRef(sha256=sha256(made.kv.data), size=len(made.kv.data)),
            model=made.fingerprint,
            tokens=made.kv.tokens,
            dtype=made.kv.dtype,
            shape=made.kv.shape,
        ),
        metadata={CACHE: told},
        provenance=Provenance(
            origin=Origin.DERIVED,
            source_id=f"cache:{made.fingerprint[:16]}:{made.kv.dtype}:{made.digest}",
            model=made.model,
            derived_from=premises,
            justifications=(premises,),
        ),
        governance=Governance(
            trust=min(each.governance.trust for each in (*memories, *made.adapters)),
            expires_at=min(ends, default=None),
            sensitivity=tuple(dict.fromkeys(tag for each in memories for tag in each.governance.sensitivity)),
        ),
    )
