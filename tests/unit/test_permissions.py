"""The permission matrix: which role each public method asks for. Who lacks it learns and changes nothing."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from memos_core import MemOS, Message
from memos_core.cube.memcube import Trigger
from memos_core.errors import AdapterUnfit, CubeNotFound, MemOSError, NotPermitted
from memos_core.operation.pipeline import Step, retag
from memos_core.ports import Recipe
from memos_core.testing.adapters import tiny_learner
from memos_core.testing.clock import ManualClock
from memos_core.testing.embedders import HashingEmbedder
from memos_core.testing.kv import tiny_model

ROLES = ("reader", "contributor", "editor", "owner")
HERE, THERE = "acme/ana", "acme/bob"
model = cache(tiny_model)  # made when it is needed
learner = cache(tiny_learner)
ANYBODY, NOBODY = "anybody", "nobody"  # the latter: the vault's owner alone


class World(NamedTuple):
    """A vault with something in it, and what is there."""

    memos: MemOS
    fact: str  #: id of a cube
    other: str  #: of another, with an older version
    waiting: str  #: of one that waits to be accepted
    archived: str
    frozen: str
    version: str  #: of ``other``
    then: str = "then"  #: a snapshot, taken when there was nothing


Call = Callable[[MemOS, World], Any]


def only(cube: str) -> Step:
    """A step that lets one memory through."""
    return lambda pieces, _: [piece for piece in pieces if piece.cube and piece.cube.id == cube]


def train(memos: MemOS, world: World) -> None:
    memos.train(namespace=HERE, base_model=learner(), cubes=[world.other], recipe=Recipe(epochs=1, replay=0))


def externalise(memos: MemOS, world: World) -> None:
    with suppress(AdapterUnfit):  # where it may be tried: the fact is no adapter
        memos.externalise(world.fact, learner())


#: For each public method, the least role that may use it, and a way to use it.
MATRIX: dict[str, tuple[str, Call]] = {
    "open": (ANYBODY, lambda _, __: MemOS.open(":memory:").close()),
    "close": (ANYBODY, lambda memos, _: memos.close()),
    "as_principal": (ANYBODY, lambda memos, _: memos.as_principal(memos._principal or "user:ana")),
    "transaction": (ANYBODY, lambda memos, _: memos.transaction().__enter__()),
    "grants": (ANYBODY, lambda memos, _: memos.grants()),
    "namespaces": (ANYBODY, lambda memos, _: memos.namespaces(namespace="acme")),
    "search": ("reader", lambda memos, _: memos.search("fox", namespace=HERE)),
    "nearest": ("reader", lambda memos, _: memos.nearest(memos.embedder.embed_query("fox"), namespace=HERE)),
    "clock": (ANYBODY, lambda memos, _: memos.clock),
    "embedder": (ANYBODY, lambda memos, _: memos.embedder),
    "context": ("reader", lambda memos, _: memos.context("fox", namespace=HERE, conversation="s1")),
    "working": ("reader", lambda memos, _: memos.working("s1", namespace=HERE)),
    "list": ("reader", lambda memos, _: memos.list(namespace=HERE)),
    "count": ("reader", lambda memos, _: memos.count(namespace=HERE)),
    "get": ("reader", lambda memos, world: memos.get(world.fact)),
    "history": ("reader", lambda memos, world: memos.history(world.other)),
    "diff": ("reader", lambda memos, world: memos.diff(world.other, world.version)),
    "generate": ("reader", lambda memos, _: memos.generate("fox", namespace=HERE, model=model(), max_tokens=2)),
    "adapted": ("reader", lambda memos, _: memos.adapted(learner(), namespace=HERE)),
    "why": ("reader", lambda memos, world: memos.why(world.fact)),
    "impact": ("reader", lambda memos, world: memos.impact(world.fact)),
    "claims": ("reader", lambda memos, _: memos.claims(namespace=HERE)),
    "conflicts": ("reader", lambda memos, _: memos.conflicts(namespace=HERE)),
    "graph": ("reader", lambda memos, _: memos.graph(namespace=HERE)),
    "log": ("reader", lambda memos, _: memos.log(namespace=HERE)),
    "snapshots": ("reader", lambda memos, _: memos.snapshots(namespace=HERE)),
    "compare": ("reader", lambda memos, world: memos.compare(world.then, namespace=HERE)),
    "policy": ("reader", lambda memos, _: memos.policy(namespace=HERE)),
    "pending": ("reader", lambda memos, _: memos.pending(namespace=HERE)),
    "add": ("contributor", lambda memos, _: memos.add("The owl is white.", namespace=HERE)),
    "derive": ("contributor", lambda memos, world: memos.derive("It is quick.", because=world.fact)),
    "link": ("contributor", lambda memos, world: memos.link(world.fact, "explains", world.other)),
    "merge_entities": ("contributor", lambda memos, _: memos.merge_entities("Ana", "Anna", namespace=HERE)),
    "add_rule": ("contributor", lambda memos, _: memos.add_rule(namespace=HERE, when="lives in", tags=["x"])),
    "activate": ("contributor", lambda memos, _: memos.activate(namespace=HERE, model=model())),
    "snapshot": ("editor", lambda memos, _: memos.snapshot("now", namespace=HERE)),
    "pipeline": (
        "editor",
        lambda memos, world: memos.pipeline([only(world.fact), retag(add=["seen"])], namespace=HERE),
    ),
    "restore": ("editor", lambda memos, world: memos.restore(world.then, namespace=HERE)),
    "undo": ("editor", lambda memos, _: memos.undo(origin="user", namespace=HERE)),
    "train": ("editor", train),
    "externalise": ("editor", externalise),
    "update": ("editor", lambda memos, world: memos.update(world.fact, "The fox is slow.")),
    "rollback": ("editor", lambda memos, world: memos.rollback(world.other, world.version)),
    "resolve": ("editor", lambda memos, world: memos.resolve(world.other, world.version)),
    "forget": ("editor", lambda memos, world: memos.forget(world.fact)),
    "revive": ("editor", lambda memos, world: memos.revive(world.archived)),
    "freeze": ("editor", lambda memos, world: memos.freeze(world.fact)),
    "thaw": ("editor", lambda memos, world: memos.thaw(world.frozen)),
    "expire": ("editor", lambda memos, world: memos.expire(world.fact)),
    "set_lifespan": ("editor", lambda memos, world: memos.set_lifespan(world.fact, decay=0.5)),
    "set_rights": ("editor", lambda memos, world: memos.set_rights(world.fact, licence="CC0-1.0")),
    "split_entities": ("editor", lambda memos, _: memos.split_entities("Bo", "Bob", namespace=HERE)),
    "accept": ("editor", lambda memos, world: memos.accept(world.waiting)),
    "reject": ("editor", lambda memos, world: memos.reject(world.waiting)),
    "erase": ("owner", lambda memos, world: memos.erase(world.fact)),
    "grant": ("owner", lambda memos, _: memos.grant("user:eve", namespace=HERE, role="reader")),
    "revoke": ("owner", lambda memos, _: memos.revoke("user:guest", namespace=HERE)),
    "set_policy": ("owner", lambda memos, _: memos.set_policy("default: keep", namespace=HERE)),
    "audit": ("owner", lambda memos, _: memos.audit(namespace=HERE)),
    "tick": (NOBODY, lambda memos, _: memos.tick()),
    "fork": (NOBODY, lambda memos, _: memos.fork("fork.db")),
    "export": (NOBODY, lambda memos, _: memos.export("never.memcube")),
    "export_as": ("reader", lambda memos, _: memos.export_as("mcp", "memory.jsonl", namespace=HERE)),
    "load": (NOBODY, lambda memos, _: memos.load("some.memcube")),
    "merge": (NOBODY, lambda memos, _: memos.merge("vault.db")),
    "sync": (NOBODY, lambda memos, _: memos.sync("vault.db")),
    "store": (NOBODY, lambda memos, _: memos.store(namespace=HERE)),
    "keep_adapter": (NOBODY, lambda memos, _: memos.keep_adapter(learner(), namespace=HERE)),
    "background": (NOBODY, lambda memos, _: memos.background().__enter__()),
    "stats": (NOBODY, lambda memos, _: memos.stats()),
    "verify": (NOBODY, lambda memos, _: memos.verify()),
    "rebuild": (NOBODY, lambda memos, _: memos.rebuild()),
    "reembed": (NOBODY, lambda memos, _: memos.reembed()),
    "backup": (NOBODY, lambda memos, _: memos.backup("never.db")),
}
PUBLIC = sorted(name for name in dir(MemOS) if not name.startswith("_"))


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.chdir(tmp_path)
    with MemOS.open(tmp_path / "vault.db", embedder=HashingEmbedder(), clock=ManualClock()) as memos:
        for role in ROLES:
            memos.grant(f"user:{role}", namespace=HERE, role=role)
        memos.grant("user:guest", namespace=HERE, role="reader")
        memos.merge_entities("Bo", "Bob", namespace=HERE)
        memos.snapshot("then", namespace=HERE)
        fact, other, archived, frozen = memos.add(
            [Message(content=f"The fox is {word}.") for word in ("red", "quick", "old", "shy")], namespace=HERE
        ).ids
        version = memos.get(other).version
        memos.update(other, "The fox is brown.")
        memos.forget(archived)
        memos.freeze(frozen)
        [waiting] = memos.as_principal("user:contributor").add("The fox is blue.", namespace=HERE).ids
        memos.export("some.memcube")
        yield World(memos, fact, other, waiting, archived, frozen, version)


def operations(memos: MemOS) -> list[object]:
    return [*memos._whole.log(), memos.grants()]


def test_every_public_method_is_in_the_matrix() -> None:
    assert sorted(MATRIX) == PUBLIC


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("method", MATRIX)
def test_a_role_may_do_what_the_matrix_says_and_nothing_else(world: World, method: str, role: str) -> None:
    needed, call = MATRIX[method]
    handle = world.memos.as_principal(f"user:{role}")
    before = operations(world.memos)
    if needed == ANYBODY or (needed in ROLES and ROLES.index(role) >= ROLES.index(needed)):
        call(handle, world)
        return
    with pytest.raises(NotPermitted, match=f"user:{role} may not"):
        call(handle, world)
    assert operations(world.memos) == before


@pytest.mark.parametrize("method", [name for name, (needed, _) in MATRIX.items() if needed != ANYBODY])
def test_a_stranger_may_do_nothing_and_changes_nothing(world: World, method: str) -> None:
    """The owner of another namespace is a stranger here."""
    world.memos.grant("user:bob", namespace=THERE, role="owner")
    before = operations(world.memos)
    with pytest.raises((NotPermitted, CubeNotFound)):
        MATRIX[method][1](world.memos.as_principal("user:bob"), world)
    assert operations(world.memos) == before


ById = Callable[[MemOS, str, str], Any]

#: Every way in which a method takes an id, or a version, with one of one's own where it takes another as well.
BY_ID: dict[str, ById] = {
    "get.cube_id": lambda memos, it, _: memos.get(it),
    "history.cube_id": lambda memos, it, _: memos.history(it),
    "diff.cube_id": lambda memos, it, _: memos.diff(it, "0" * 64),
    "why.cube_id": lambda memos, it, _: memos.why(it),
    "impact.cube_ids": lambda memos, it, own: memos.impact([own, it]),
    "derive.because": lambda memos, it, own: memos.derive("It is quick.", because=[own, it]),
    "link.source": lambda memos, it, own: memos.link(it, "explains", own),
    "link.target": lambda memos, it, own: memos.link(own, "explains", it),
    "update.cube_id": lambda memos, it, _: memos.update(it, "The fox is slow."),
    "rollback.cube_id": lambda memos, it, _: memos.rollback(it, "0" * 64),
    "resolve.cube_id": lambda memos, it, _: memos.resolve(it),
    "forget.cube_id": lambda memos, it, _: memos.forget(it),
    "erase.cube_ids": lambda memos, it, own: memos.erase([own, it]),
    "freeze.cube_id": lambda memos, it, _: memos.freeze(it),
    "thaw.cube_id": lambda memos, it, _: memos.thaw(it),
    "revive.cube_id": lambda memos, it, _: memos.revive(it),
    "expire.cube_id": lambda memos, it, _: memos.expire(it),
    "set_lifespan.cube_id": lambda memos, it, _: memos.set_lifespan(it, decay=0.5),
    "set_rights.cube_id": lambda memos, it, _: memos.set_rights(it, licence="CC0-1.0"),
    "accept.cube_id": lambda memos, it, _: memos.accept(it),
    "reject.cube_id": lambda memos, it, _: memos.reject(it),
    "restore.cube": lambda memos, it, _: memos.restore("then", cube=it, namespace=THERE),
    "restore.cube alone": lambda memos, it, _: memos.restore("then", cube=it),
    "audit.cube": lambda memos, it, _: memos.audit(cube=it, namespace=THERE),
    "externalise.cube_id": lambda memos, it, _: memos.externalise(it, object()),
    "graph.about": lambda memos, it, _: sorted(memos.graph(it, namespace=THERE).edges),
    "search.id_prefix": lambda memos, it, _: memos.search("fox", namespace=THERE, id_prefix=it),
}
BY_VERSION: dict[str, ById] = {
    "diff": lambda memos, it, own: memos.diff(own, it),
    "rollback": lambda memos, it, own: memos.rollback(own, it),
    "resolve": lambda memos, it, own: memos.resolve(own, it),
}


def answer(call: ById, memos: MemOS, it: str, own: str) -> str:
    """What comes back, or the error, without the id that was asked for."""
    try:
        return str(call(memos, it, own)).replace(it, "ID")
    except MemOSError as error:
        return f"{type(error).__name__}: {error}".replace(it, "ID")


def test_every_parameter_that_takes_an_id_is_tried() -> None:
    takes = {"cube_id", "cube_ids", "cube", "because", "about", "source", "target"}
    found = {
        f"{name}.{parameter}"
        for name, method in inspect.getmembers(MemOS, inspect.isroutine)
        if name in PUBLIC
        for parameter in inspect.signature(method).parameters
        if parameter in takes
    }
    assert found - {"export.about"} <= BY_ID.keys()  # that is a description


@pytest.mark.parametrize("way", [*BY_ID, *BY_VERSION])
def test_a_foreign_id_answers_as_a_missing_one_and_changes_nothing(world: World, way: str) -> None:
    world.memos.grant("user:bob", namespace=THERE, role="owner")
    stranger = world.memos.as_principal("user:bob")
    stranger.snapshot("then", namespace=THERE)
    [own] = stranger.add("The fox is mine.", namespace=THERE).ids
    stranger.update(own, "The fox is all mine.")
    foreign, missing = (world.fact, "018f0000-0000-7000-8000-000000000000")
    if way in BY_VERSION:
        foreign, missing = world.version, "0" * 64
    before = operations(world.memos)
    call = (BY_ID | BY_VERSION)[way]
    answers = [answer(call, stranger, it, own) for it in (foreign, missing)]
    assert answers[0] == answers[1]
    assert operations(world.memos) == before
    for it in (world.waiting, world.archived, world.frozen) if way in BY_ID else ():
        assert answer(call, stranger, it, own) == answers[0]


@pytest.mark.parametrize("method", MATRIX)
def test_the_vaults_owner_may_do_everything(world: World, method: str) -> None:
    with_more = MATRIX[method][1]
    if method not in {"close", "background", "transaction"}:  # which this test would have to undo
        with_more(world.memos, world)


def test_a_contributors_memories_wait_and_others_stay_as_they_were(world: World) -> None:
    handle = world.memos.as_principal("user:contributor")
    [written] = handle.add("The fox is green.", namespace=HERE).written
    assert (written.state.value, written.moved_by) == ("archived", Trigger.HOLD.value)
    assert all(hit.cube.id != written.id for hit in world.memos.search("green fox", namespace=HERE))
    assert [cube.id for cube in world.memos.pending(namespace=HERE)] == [written.id, world.waiting]
