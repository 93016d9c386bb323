"""The reference vault: the port's words in the plainest code, in memory.

What it answers is folded from the operations when asked. It is slow and short on purpose: others are compared with it.
"""

from __future__ import annotations

import json
import os
import threading
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from memos_core.cube.answer import Damage, VaultStats
from memos_core.cube.clock import Timestamp
from memos_core.cube.fold import content_of, fold, is_erased
from memos_core.cube.identity import new_actor
from memos_core.cube.interval import Interval
from memos_core.cube.memcube import Content, MemCube, State, Usage
from memos_core.cube.message import aware
from memos_core.cube.namespace import Namespace
from memos_core.cube.operation import Operation, OperationKind
from memos_core.cube.selection import Selection
from memos_core.errors import ForkedVault, VaultClosed
from memos_core.infrastructure.vault import brute, dumping
from memos_core.infrastructure.vault.gate import check, check_page, check_parts, check_usage, united, vector_length
from memos_core.infrastructure.vault.holding import HeldBlobs
from memos_core.infrastructure.vault.local import LocalRows
from memos_core.ports import Batch, Clock, Edge, EmbeddingSpec, Part, Passage, Scored, Topic, Walk

if TYPE_CHECKING:
    from memos_core.ports import Vector

SCHEMA = 1
_STATE = "_spec _operations _blobs _numbers _stored _ids _vectors _usage _jobs _notes _audit _working _begun".split()


class DictVault(LocalRows, HeldBlobs):
    """A vault in memory.

    Parameters
    ----------
    clock
        Dates its backups.

    Notes
    -----
    Words are compared without regard to case but not stemmed. The statistics of BM25 are those of the admitted
    cubes alone, so that even the order of results tells nothing of others.
    """

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock
        self._actor = new_actor()
        self._spec: EmbeddingSpec | None = None
        self._numbers: dict[str, int] = {}  # in the log, where what gets its body later comes again
        self._stored = 0
        self._ids: dict[str, list[str]] = defaultdict(list)  # of operations, by cube
        self._vectors: dict[EmbeddingSpec, dict[str, list[dumping.Embedded]]] = defaultdict(dict)
        self._usage: dict[str, dict[str, Usage]] = defaultdict(dict)  # by cube, by actor
        self._folded: dict[str, dict[datetime | None, MemCube | None]] = defaultdict(dict)  # what has been asked for
        self._lock = threading.RLock()
        self._process = os.getpid()
        self._closed = False

    @property
    def actor(self) -> str:
        with self._access():
            return self._actor

    @property
    def spec(self) -> EmbeddingSpec | None:
        with self._access():
            return self._spec

    @property
    def latest(self) -> Timestamp:
        with self._access():
            return max((op.hlc for op in self._operations.values()), default=Timestamp(0))

    def commit(self, batch: Batch) -> int:
        with self._access():
            check(batch, self._spec)
            blobs, before = self._given_blobs(batch), len(self._operations)
            erased = {op.cube for op in batch.operations if op.kind is OperationKind.ERASE}
            for operation in brute.arriving(united(batch.operations), self._operations, erased):
                known = self._operations.get(operation.id)
                if known is None:
                    self._ids[operation.cube].append(operation.id)
                if known is None or (known.body is None and operation.body is not None):
                    self._stored += 1
                    self._numbers[operation.id] = self._stored
                    self._operations[operation.id] = operation
                self._folded.pop(operation.cube, None)
            if batch.parts and batch.spec is not None:
                self._spec = batch.spec
                self._embed(batch.spec, batch.parts)
            self._strip({operation.cube for operation in batch.operations})
            self._keep_blobs(blobs)
            self._forget(erased, self._cubes())
            return len(self._operations) - before

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with self._access():
            before = {name: deepcopy(getattr(self, name)) for name in _STATE}
            try:
                yield
            except BaseException:
                vars(self).update(before)
                self._folded.clear()
                raise

    def record_usage(self, recalled: Mapping[str, int], at: datetime) -> None:
        with self._access():
            check_usage(recalled, at)
            for cube, count in recalled.items():
                if self._cube(cube) is not None:
                    had = self._usage[cube].get(self._actor, Usage())
                    last = at if had.last_access is None else max(at, had.last_access)
                    self._usage[cube][self._actor] = Usage(count=had.count + count, last_access=last)
                    self._folded.pop(cube, None)

    # reading

    def get(self, ids: Sequence[str], *, known_at: datetime | None = None) -> list[MemCube]:
        aware(known_at, "known_at")
        with self._access():
            return [cube for cube in (self._cube(name, known_at) for name in ids) if cube is not None]

    def select(self, selection: Selection, *, limit: int, offset: int = 0) -> list[MemCube]:
        check_page(limit, offset)
        with self._access():
            admitted = list(self._admitted(selection).values())
            admitted.sort(key=lambda cube: cube.id)
            admitted.sort(key=lambda cube: self._operations[cube.version].hlc, reverse=True)
            return admitted[offset : offset + limit]

    def count(self, selection: Selection) -> int:
        with self._access():
            return len(self._admitted(selection))

    def namespaces(self, selection: Selection | None = None) -> list[Namespace]:
        with self._access():
            return sorted({c.namespace for c in (self._admitted(selection).values() if selection else self._cubes())})

    def history(self, cube: str) -> list[Operation]:
        with self._access():
            return sorted(self._of(cube), key=lambda op: (op.hlc, op.actor, op.id))

    def operations(self, ids: Collection[str]) -> dict[str, Operation]:
        with self._access():
            return {name: self._operations[name] for name in self._operations.keys() & ids}

    def resting_on(self, cubes: Collection[str], *, ever: bool = False) -> list[str]:
        with self._access():
            versions = {op.id for cube in cubes for op in self._of(cube)}
            if ever:
                return sorted({op.cube for op in self._puts() if versions & {*content_of(op).provenance.derived_from}})
            resting = (cube for cube in self._cubes() if not versions.isdisjoint(cube.provenance.derived_from))
            return sorted(cube.id for cube in resting if not self._is_expired(cube.id))

    def log(self, *, after: int = 0, limit: int = 1000) -> list[tuple[int, Operation]]:
        check_page(limit, after)
        with self._access():
            numbered = sorted((self._numbers[name], op) for name, op in self._operations.items())
            return [entry for entry in numbered if entry[0] > after][:limit]

    def changes(
        self, namespace: Namespace, *, since: datetime | None = None, until: datetime | None = None, limit: int
    ) -> list[Operation]:
        check_page(limit)
        since, until = aware(since, "since"), aware(until, "until")
        with self._access():
            return brute.changes(self._operations.values(), namespace, since=since, until=until)[:limit]

    # finding

    def match(self, selection: Selection, terms: Sequence[str], *, limit: int) -> list[Scored]:
        check_page(limit)
        with self._access():
            admitted = self._indexed(selection)
        scores = brute.matching(admitted, terms)
        return brute.ranked({name: score for name, score in scores.items() if score > 0}, limit)

    def nearest(self, selection: Selection, vector: Vector, *, limit: int) -> list[Scored]:
        check_page(limit)
        with self._access():
            length = vector_length(vector, self._spec)
            held = self._held(self._spec)
            wanted = vector.astype(np.float64) / length
            return brute.ranked(
                {
                    name: max(brute.cosine(part.vector, wanted) for part in held[cube.version])
                    for name, cube in self._indexed(selection).items()
                    if cube.version in held
                },
                limit,
            )

    def during(self, selection: Selection, interval: Interval, *, limit: int) -> list[Scored]:
        check_page(limit)
        with self._access():
            admitted = self._indexed(selection)
        shares = {name: brute.shares(cube, interval) for name, cube in admitted.items()}
        found = {name: max(inside) for name, inside in shares.items() if inside}
        return brute.ranked(found, limit)

    def neighbourhood(self, selection: Selection, seeds: Sequence[str], walk: Walk) -> list[Edge]:
        check_page(walk.limit, min(walk.hops, walk.fanout))
        with self._access():
            admitted = self._indexed(selection)
        return brute.neighbourhood(brute.visible_edges(admitted), seeds, walk)

    def passages(self, selection: Selection, ids: Sequence[str]) -> dict[str, Passage]:
        with self._access():
            admitted = self._indexed(selection)
        followed_by = {admitted[name].follows or "": name for name in sorted(admitted, reverse=True)}
        return {
            name: brute.passage(admitted[name], admitted, followed_by.get(name)) for name in ids if name in admitted
        }

    def claiming(self, selection: Selection, about: Collection[Topic] | None = None, *, limit: int) -> list[str]:
        check_page(limit)
        with self._access():
            admitted = self._indexed(selection)
        claiming = (name for name, cube in admitted.items() if brute.claims_about(cube, about))
        return sorted(claiming, reverse=True)[:limit]

    # upkeep

    def known_vectors(self, texts: Sequence[str], spec: EmbeddingSpec) -> dict[str, Vector]:
        with self._access():
            held = {part.digest: part.vector for parts in self._held(spec).values() for part in parts}
            return {text: held[digest] for text in texts if (digest := dumping.digest_of(text)) in held}

    def unembedded(self, spec: EmbeddingSpec, *, limit: int) -> list[tuple[str, Content]]:
        check_page(limit)
        with self._access():
            return self._unembedded(spec)[:limit]

    def reembed(self, spec: EmbeddingSpec, parts: Mapping[str, Sequence[Part]]) -> None:
        with self._access():
            check_parts(parts, spec, self._operations)
            self._embed(spec, parts)
            if not self._unembedded(spec):
                self._spec = spec
                self._vectors = defaultdict(dict, {spec: dict(self._held(spec))})

    def verify(self) -> Iterator[Damage]:
        with self._access():
            return iter(self._damages())

    def rebuild(self) -> None:
        with self._access():
            self._folded.clear()

    def stats(self) -> VaultStats:
        with self._access():
            cubes = [*self._cubes()]
            return VaultStats(
                cubes=len(cubes),
                operations=len(self._operations),
                unembedded=len(self._texts().keys() - self._held(self._spec).keys()),
                conflicts=sum(bool(cube.conflicts) for cube in cubes),
                size=sum(len(op.header) + len(op.body or b"") for op in self._operations.values()),
                schema=SCHEMA,
                by_kind=Counter(cube.kind.value for cube in cubes),
                by_state=Counter(cube.state.value for cube in cubes),
                by_namespace=Counter("/".join(cube.namespace) for cube in cubes),
                blobs=len(self._blobs),
                blob_size=sum(map(len, self._blobs.values())),
            )

    def backup(self, path: str) -> None:
        """Write what :meth:`load` reads: one JSON object."""
        with self._access():
            dumping.dump(
                path,
                made_at=self._clock.now().isoformat(),
                operations=[dumping.to_json(op) for op in self._operations.values()],
                spec=None if self._spec is None else list(vars(self._spec).values()),
                vectors=dumping.vector_rows(self._vectors),
                blobs=dumping.blob_rows(self._blobs),
                usage=dumping.usage_rows(self._usage),
            )

    @classmethod
    def load(cls, path: str, clock: Clock) -> DictVault:
        """Read a backup."""
        whole = json.loads(Path(path).read_text(encoding="utf-8"))
        vault = cls(clock)
        vault.commit(
            Batch(
                [dumping.from_json(*fields) for fields in whole["operations"]], blobs=dumping.blobs_of(whole["blobs"])
            )
        )
        vault._spec = whole["spec"] and EmbeddingSpec(*whole["spec"])
        for spec, name, parts in whole["vectors"]:
            embedded = [dumping.Embedded(digest, np.array(vector, np.float32)) for digest, vector in parts]
            vault._vectors[EmbeddingSpec(*spec)][name] = embedded
        for cube, actor, usage in whole["usage"]:
            vault._usage[cube][actor] = Usage.model_validate(usage)
        vault._folded.clear()  # without usage so far
        return vault

    def close(self) -> None:
        self._closed = True

    @contextmanager
    def _access(self) -> Iterator[None]:
        if os.getpid() != self._process:
            raise ForkedVault(opened_by=self._process, used_by=os.getpid())
        with self._lock:
            if self._closed:
                raise VaultClosed
            yield

    def _of(self, cube: str) -> list[Operation]:
        return [self._operations[name] for name in self._ids.get(cube, ())]

    def _cube(self, name: str, known_at: datetime | None = None) -> MemCube | None:
        folded = self._folded[name]
        if known_at not in folded:
            operations = self._of(name)
            horizon = None if known_at is None else Timestamp.last_of(known_at)
            known = [op for op in operations if horizon is None or op.hlc <= horizon]
            folded[known_at] = None if is_erased(operations) else self._fold(known)
        return folded[known_at]

    def _fold(self, operations: Sequence[Operation]) -> MemCube | None:
        cube = fold(operations)
        used = None if cube is None else list(self._usage.get(cube.id, {}).values())
        if cube is None or not used:
            return cube
        last = max(usage.last_access for usage in used if usage.last_access is not None)
        return cube.model_copy(update={"usage": Usage(count=sum(each.count for each in used), last_access=last)})

    def _cubes(self, known_at: datetime | None = None) -> Iterator[MemCube]:
        for name in self._ids:
            cube = self._cube(name, known_at)
            if cube is not None:
                yield cube

    def _indexed(self, selection: Selection) -> dict[str, MemCube]:
        return {name: cube for name, cube in self._admitted(selection).items() if not self._is_expired(name)}

    def _is_expired(self, name: str) -> bool:
        return (cube := self._cube(name)) is not None and cube.state is State.EXPIRED

    def _admitted(self, selection: Selection) -> dict[str, MemCube]:
        return {cube.id: cube for cube in self._cubes(selection.known_at) if selection.admits(cube)}

    def _strip(self, cubes: Iterable[str]) -> None:
        for cube in cubes:
            operations = self._of(cube)
            gone = is_erased(operations)
            for held in self._vectors.values() if gone or self._is_expired(cube) else ():
                for op in operations:
                    held.pop(op.id, None)
            if gone:
                self._usage.pop(cube, None)
                for op in operations:
                    if op.kind is not OperationKind.ERASE:
                        self._operations[op.id] = op.without_body()

    def _embed(self, spec: EmbeddingSpec, parts: Mapping[str, Sequence[Part]]) -> None:
        for name, its_parts in parts.items():
            if its_parts and self._operations[name].body is not None:
                embedded = [dumping.Embedded(dumping.digest_of(part.text), part.vector.copy()) for part in its_parts]
                self._vectors[spec].setdefault(name, embedded)

    def _held(self, spec: EmbeddingSpec | None) -> Mapping[str, list[dumping.Embedded]]:
        return {} if spec is None else self._vectors.get(spec, {})

    def _texts(self) -> dict[str, Content]:
        puts = sorted((op for op in self._puts() if not self._is_expired(op.cube)), key=lambda op: op.id)
        return {op.id: content for op in puts if (content := content_of(op)).text}

    def _puts(self) -> list[Operation]:
        return [op for op in self._operations.values() if op.kind is OperationKind.PUT and op.body is not None]

    def _unembedded(self, spec: EmbeddingSpec) -> list[tuple[str, Content]]:
        return [(name, content) for name, content in self._texts().items() if name not in self._held(spec)]

    def _damages(self) -> list[Damage]:
        found = self._damaged_blobs()
        found += [damage for op in self._operations.values() for damage in dumping.damages_of(op)]
        for spec, held in self._vectors.items():
            stray = held.keys() - self._texts().keys()
            found += [Damage(f"vectors of {spec}", f"{name} has vectors and no text") for name in sorted(stray)]
        return found
