"""The SQLite vault and the reference vault, driven side by side through whatever Hypothesis makes up, always agree."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from memos_core.cube.canonical import sha256
from memos_core.cube.fold import heads
from memos_core.cube.memcube import Governance, Kind, Provenance, State, Trust
from memos_core.cube.operation import Operation, OperationKind
from memos_core.cube.selection import Selection, conditions
from memos_core.errors import MemOSError
from memos_core.infrastructure.vault.dict import DictVault
from memos_core.infrastructure.vault.sqlite import SQLiteVault
from memos_core.ports import Batch, Scored, Vault, Walk
from memos_core.testing.clock import ManualClock
from memos_core.testing.vault.blobs import cache, ref
from memos_core.testing.vault.desk import OTHER_SPEC, SPEC, Desk, days, mention, parts_of, vector

# Words of one form, so that stemming makes no difference.
WORDS = ("fox", "owl", "elk", "yak", "cod")
NAMESPACES = (("a",), ("a", "b"), ("ab",))
DIRECTIONS = ((1, 0, 0, 0), (0, 1, 0, 0), (1, 2, 0, 0), (3, 0, 1, 0), (-1, 0, 0, 1), (1, 1, 1, 5))
ASKED = (days(1, 3), days(2, 12), days(4, 5), days(5, None))
EVERYTHING = [Selection(namespace=(top,), states=frozenset(State)) for top in ("a", "ab")]
ALL = 1000
BLOBS = (b"", b"one", b"two" * 500)

texts = st.lists(st.sampled_from(WORDS), min_size=1, max_size=4).map(" ".join)
intervals = st.tuples(st.integers(1, 9), st.integers(0, 4) | st.none()).map(
    lambda pair: days(pair[0], None if pair[1] is None else pair[0] + pair[1])
)
vectors = st.lists(st.sampled_from(DIRECTIONS), max_size=2, unique=True)
fields = st.fixed_dictionaries(
    {"namespace": st.sampled_from(NAMESPACES), "kind": st.sampled_from([Kind.EPISODE, Kind.FACT])},
    optional={
        "occurred": intervals,
        "times": intervals.map(lambda when: (mention(when),)),
        "entities": st.sampled_from([("Ana",), ("Bob",), ("Ana", "Bob")]),
        "metadata": st.sampled_from([{"year": 1}, {"year": 2.5}, {"year": "1"}, {"year": True}]),
        "governance": st.builds(Governance, trust=st.sampled_from([Trust.TOOL, Trust.USER])),
        "provenance": st.builds(Provenance, speaker=st.sampled_from(["Ana", "Eve"]), session=st.just("s")),
    },
)
selections = st.builds(
    Selection,
    namespace=st.sampled_from(NAMESPACES),
    exact=st.sampled_from([False, False, True]),
    states=st.sampled_from([frozenset(State), Selection(namespace=("a",)).states, frozenset({State.ARCHIVED})]),
    kinds=st.sampled_from([None, frozenset({Kind.FACT})]),
    min_trust=st.sampled_from([None, Trust.USER]),
    session=st.sampled_from([None, "s"]),
    where=st.sampled_from([(), conditions({"year": 1}), conditions({"year": {"$gt": 1}}), conditions({"year": None})]),
)
blobs = st.sampled_from(BLOBS)
moments = st.none() | st.integers(0, 60)


class VaultMachine(RuleBasedStateMachine):
    cubes = Bundle("cubes")

    @initialize(target=cubes, text=texts, own=fields, directions=vectors)
    def open(self, text: str, own: dict[str, Any], directions: list[tuple[int, ...]]) -> str:
        self.folder = TemporaryDirectory()
        self.path = str(Path(self.folder.name) / "vault.db")
        self.sqlite = SQLiteVault(self.path, clock=ManualClock())
        self.model = DictVault(ManualClock())
        self.here = Desk(self.model, number=1)
        self.there = Desk(self.model, number=2)  # writes elsewhere; what it wrote arrives by merging
        self.unsent: list[Operation] = []
        self.spec = SPEC
        return self.add(text, own, directions)

    def teardown(self) -> None:
        if hasattr(self, "sqlite"):
            with self.folder, closing(self.sqlite):
                for at, (_, operation) in enumerate(self.model.log()[::3]):
                    selection = EVERYTHING[at % len(EVERYTHING)]
                    self.compare(selection.model_copy(update={"known_at": operation.hlc.datetime()}))
                for selection in EVERYTHING:
                    self.compare(selection)
                assert list(self.sqlite.verify()) == []

    @property
    def both(self) -> tuple[Vault, Vault]:
        return self.sqlite, self.model

    def commit(
        self, operations: Sequence[Operation], directions: Sequence[tuple[int, ...]] = (), blobs: Sequence[bytes] = ()
    ) -> None:
        numbers = [vector(*direction, *(0,) * (self.spec.dim - 4)) for direction in directions]
        parts = {operations[0].id: parts_of(operations[0], numbers)} if numbers else {}
        batch = Batch(operations, parts, self.spec if numbers else None, {sha256(data): data for data in blobs})
        new, expected = (vault.commit(batch) for vault in self.both)
        assert new == expected

    def parents(self, cube: str, *, stale: bool) -> tuple[str, ...]:
        known = self.model.history(cube)
        return heads(known[: len(known) // 2] if stale else known)

    # writing

    @rule(target=cubes, text=texts, own=fields, directions=vectors)
    def add(self, text: str, own: dict[str, Any], directions: list[tuple[int, ...]]) -> str:
        put = self.here.write_put(text, **own)
        self.commit([put], directions)
        return put.cube

    @rule(target=cubes, before=cubes, text=texts, own=fields, directions=vectors)
    def add_after(self, before: str, text: str, own: dict[str, Any], directions: list[tuple[int, ...]]) -> str:
        return self.add(text, own | {"follows": before}, directions)

    @rule(cube=cubes, text=texts, own=fields, directions=vectors, stale=st.booleans())
    def update(self, cube: str, text: str, own: dict[str, Any], directions: list[tuple[int, ...]], stale: bool) -> None:
        self.commit([self.here.write_put(text, cube=cube, parents=self.parents(cube, stale=stale), **own)], directions)

    @rule(cube=cubes, data=blobs, comes=st.booleans(), stale=st.booleans())
    def cache(self, cube: str, data: bytes, comes: bool, stale: bool) -> None:
        """With its blob or without."""
        parents = self.parents(cube, stale=stale)
        written = self.here.write_put("", cube=cube, parents=parents, payload=cache(ref(data)), namespace="a")
        self.commit([written], blobs=[data] if comes else [])

    @rule()
    def bring(self) -> None:
        """What is missing comes."""
        missing = {each.blob.sha256 for each in self.model.missing_blobs()}
        self.commit([], blobs=[data for data in BLOBS if sha256(data) in missing])

    @rule(cube=cubes, which=st.integers(0, 9))
    def roll_back(self, cube: str, which: int) -> None:
        puts = [op for op in self.model.history(cube) if op.kind is OperationKind.PUT and op.body is not None]
        if puts:
            body = puts[which % len(puts)].value()
            self.here.clock.advance(timedelta(seconds=1))
            parents = self.parents(cube, stale=False)
            put = Operation.create(
                cube=cube,
                kind=OperationKind.PUT,
                hlc=self.here.author.clock.tick(),
                actor=self.here.author.actor,
                parents=parents,
                body=body,
            )
            self.commit([put])

    @rule(cube=cubes, state=st.sampled_from([State.ARCHIVED, State.ACTIVATED, State.FROZEN]), stale=st.booleans())
    def move(self, cube: str, state: State, stale: bool) -> None:
        self.here.clock.advance(timedelta(seconds=1))
        parents = self.parents(cube, stale=stale)
        self.commit([self.here.author.move(cube, state, parents=parents, reason="test")])

    @rule(cube=cubes, sure=st.sampled_from([False, False, True]))
    def erase(self, cube: str, sure: bool) -> None:
        if sure:
            self.here.clock.advance(timedelta(seconds=1))
            erased = self.here.author.erase(cube, parents=self.parents(cube, stale=False), reason="test")
            self.commit([erased])

    @rule(cube=cubes, text=texts, own=fields, kind=st.sampled_from(["put", "put", "state", "erase", "new"]))
    def write_elsewhere(self, cube: str, text: str, own: dict[str, Any], kind: str) -> None:
        parents = self.parents(cube, stale=True)
        if kind == "put":
            written = self.there.write_put(text, cube=cube, parents=parents, **own)
        elif kind == "state":
            written = self.there.author.move(cube, State.ARCHIVED, parents=parents, reason="test")
        elif kind == "erase":
            written = self.there.author.erase(cube, parents=parents, reason="test")
        else:
            written = self.there.write_put(text, **own)
        self.unsent.append(written)

    @rule(random=st.randoms(use_true_random=False))
    def merge(self, random: Any) -> None:
        if self.unsent:  # some never, some twice, in any order, with their bodies or without
            told = random.choices(self.unsent, k=random.randint(1, len(self.unsent) + 1))
            self.commit([each if random.random() < 0.7 else each.without_body() for each in told])

    # upkeep

    @rule(cube=cubes, what=st.sampled_from(["use", "reopen", "rebuild", "verify"]))
    def keep_up(self, cube: str, what: str) -> None:
        if what == "use":
            for vault in self.both:
                for count in (2, 1):
                    vault.record_usage({cube: count}, self.here.clock.now())
        elif what == "reopen":
            self.sqlite.close()
            self.sqlite = SQLiteVault(self.path, clock=ManualClock())
        elif what == "rebuild":
            self.sqlite.rebuild()
        else:
            assert list(self.sqlite.verify()) == []
            got, expected = (vault.stats() for vault in self.both)
            assert {**vars(got), "size": 0, "schema": 0} == {**vars(expected), "size": 0, "schema": 0}

    @rule(limit=st.integers(1, 3))
    def embed_anew(self, limit: int) -> None:
        new = OTHER_SPEC if self.spec is SPEC else SPEC
        waiting = self.model.unembedded(new, limit=limit)
        assert self.sqlite.unembedded(new, limit=limit) == waiting
        by_id = {operation.id: operation for _, operation in self.model.log()}
        numbers = [vector(1, 2, *(0,) * (new.dim - 2))]
        parts = {name: parts_of(by_id[name], numbers) for name, _ in waiting}
        for vault in self.both:
            vault.reembed(new, parts)
        assert self.sqlite.spec == self.model.spec
        if self.model.spec == new:
            self.spec = new

    # asking

    @rule(selection=selections, seconds=moments)
    def ask(self, selection: Selection, seconds: int | None) -> None:
        self.compare(selection.model_copy(update={"known_at": self.moment(seconds)}))

    def moment(self, seconds: int | None) -> datetime | None:
        return None if seconds is None else ManualClock().now() + timedelta(seconds=seconds)

    def compare(self, selection: Selection) -> None:
        cubes = self.model.select(selection, limit=ALL)
        names = sorted(self.model._ids)
        assert self.sqlite.select(selection, limit=ALL) == cubes
        assert self.sqlite.select(selection, limit=2, offset=1) == cubes[1:3]
        assert self.sqlite.count(selection) == len(cubes)
        assert self.sqlite.passages(selection, names) == self.model.passages(selection, names)
        assert self.sqlite.get(names, known_at=selection.known_at) == self.model.get(names, known_at=selection.known_at)
        assert self.sqlite.missing_blobs() == self.model.missing_blobs()
        for name in names:
            for version in (None, *(op.id for op in self.model.history(name))):
                got, expected = (held(vault, name, version) for vault in self.both)
                assert got == expected
        for word in WORDS:
            got, expected = (vault.match(selection, [word], limit=ALL) for vault in self.both)
            assert {scored.cube for scored in got} == {scored.cube for scored in expected}
        for direction in DIRECTIONS:
            wanted = vector(*direction, *(0,) * (self.spec.dim - 4))
            assert_alike(*(vault.nearest(selection, wanted, limit=ALL) for vault in self.both))
            assert_alike(*(vault.nearest(selection, wanted, limit=2) for vault in self.both), whole=False)
        for asked in ASKED:
            assert_alike(*(vault.during(selection, asked, limit=ALL) for vault in self.both))
        for hops in (1, 3):
            got, expected = (
                vault.neighbourhood(selection, ["entity:ana"], Walk(hops=hops, fanout=ALL, limit=ALL))
                for vault in self.both
            )
            assert sorted(got) == sorted(expected)

    @invariant()
    def they_hold_the_same_cubes_in_the_same_order(self) -> None:
        if hasattr(self, "sqlite"):
            for selection in EVERYTHING:
                assert self.sqlite.select(selection, limit=ALL) == self.model.select(selection, limit=ALL)
            assert self.sqlite.log(limit=ALL) == self.model.log(limit=ALL)
            assert self.sqlite.namespaces() == self.model.namespaces()
            assert self.sqlite.latest == self.model.latest


def held(vault: Vault, cube: str, version: str | None) -> object:
    """The blob of a version, or why there is none."""
    try:
        return bytes(vault.blob(cube, version=version))
    except MemOSError as error:
        return type(error)


def assert_alike(got: Sequence[Scored], expected: Sequence[Scored], *, whole: bool = True) -> None:
    """The same cubes with the same scores, best first; rounding may break ties, and choose at the end of a part."""
    assert [scored.score for scored in got] == pytest.approx([scored.score for scored in expected], abs=1e-5)
    assert [scored.score for scored in got] == sorted((scored.score for scored in got), reverse=True)
    if whole:
        assert dict(got) == pytest.approx(dict(expected), abs=1e-5)


TestVaultMachine = pytest.mark.slow(VaultMachine.TestCase)
TestVaultMachine.settings = settings(max_examples=60, stateful_step_count=30, deadline=None, derandomize=True)
