"""Conformance: what is stored is stored whole, once and for good."""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from memos_core.cube.canonical import canonical, sha256
from memos_core.cube.memcube import State
from memos_core.cube.operation import Operation, OperationKind
from memos_core.errors import (
    EmbedderMismatch,
    ForkedVault,
    InvalidInput,
    InvalidNamespace,
    InvalidOperation,
    InvalidText,
    InvalidVector,
    MemOSError,
    TooLarge,
    VaultClosed,
)
from memos_core.infrastructure.vault.gate import MAX_ID, MAX_METADATA, MAX_TEXT
from memos_core.ports import Batch, EmbeddingSpec, Part, Span, Vault, Walk
from memos_core.testing.vault.desk import OTHER_SPEC, SECOND, SPEC, Desk, alice, content, day, days, parts_of, vector
from memos_core.testing.vault.suite import VaultSuite


def _put_with_body(desk: Desk, body: dict[str, Any]) -> Operation:
    return Operation.create(
        cube=desk.new_id(), kind=OperationKind.PUT, hlc=desk.author.clock.tick(), actor=desk.author.actor, body=body
    )


def _with_fields(**fields: Any) -> Callable[[Desk], Operation]:
    return lambda desk: _put_with_body(desk, content("something").model_dump(mode="json") | fields)


def _with_raw_body(body: bytes) -> Callable[[Desk], Operation]:
    def write(desk: Desk) -> Operation:
        fields = {"cube": desk.new_id(), "kind": "put", "hlc": str(desk.author.clock.tick()), "actor": "x"}
        return Operation.parse(canonical(fields | {"parents": [], "body": sha256(b"salt", body)}), body, b"salt")

    return write


def _tampered(**changes: Any) -> Callable[[Desk], Operation]:
    return lambda desk: replace(desk.write_put("something"), **changes)


def _named(**fields: Any) -> Callable[[Desk], Operation]:
    named = {"cube": "c", "actor": "a"} | fields
    return lambda desk: Operation.create(
        kind=OperationKind.ERASE, hlc=desk.author.clock.tick(), body={"reason": "test"}, **named
    )


def _state_without_name(desk: Desk) -> Operation:
    return replace_body(desk.author.move(desk.new_id(), State.ARCHIVED, parents=(), reason="test"), {"reason": "none"})


def _erasure_for_a_number(desk: Desk) -> Operation:
    return replace_body(desk.write_erase(desk.write_put("something")), {"reason": 7})


def replace_body(operation: Operation, body: dict[str, Any]) -> Operation:
    """The same operation, correctly written, with another body."""
    return Operation.create(
        cube=operation.cube, kind=operation.kind, hlc=operation.hlc, actor=operation.actor, body=body
    )


BAD_OPERATIONS: dict[str, tuple[Callable[[Desk], Operation], type[MemOSError]]] = {
    "another body": (_tampered(body=b'{"text":"forged"}'), InvalidOperation),
    "another id": (_tampered(id="0" * 64), InvalidOperation),
    "another cube": (_tampered(cube="forged"), InvalidOperation),
    "another header": (_tampered(header=b"{}"), InvalidOperation),
    "a body without its salt": (_tampered(salt=None), InvalidOperation),
    "a body that is no JSON": (_with_raw_body(b"\xff"), InvalidOperation),
    "a body that is not canonical": (_with_raw_body(b'{"text": 1}'), InvalidOperation),
    "a body without content": (_with_fields(payload=None), InvalidOperation),
    "a field that only a fold may set": (_with_fields(usage={"count": "many"}), InvalidOperation),
    "a state change without a state": (_state_without_name, InvalidOperation),
    "a reason that is no text": (_erasure_for_a_number, InvalidOperation),
    "a cube without a name": (_named(cube=""), InvalidOperation),
    "a cube with NUL in its name": (_named(cube="c\0"), InvalidOperation),
    "an author with an endless name": (_named(actor="a" * (MAX_ID + 1)), InvalidOperation),
    "a parent that is no operation": (_named(parents=["everything"]), InvalidOperation),
    "empty text": (_with_fields(payload={"type": "plaintext", "text": ""}), InvalidText),
    "blank text": (_with_fields(payload={"type": "plaintext", "text": " \n"}), InvalidText),
    "NUL in the text": (_with_fields(payload={"type": "plaintext", "text": "a\0b"}), InvalidText),
    "a lone surrogate": (_with_raw_body(b'{"text":"\\ud800"}'), InvalidText),
    "NUL in the metadata": (_with_fields(metadata={"key": "a\0b"}), InvalidText),
    "too much text": (_with_fields(payload={"type": "plaintext", "text": "x" * (MAX_TEXT + 1)}), TooLarge),
    "too much metadata": (_with_fields(metadata={"key": "x" * MAX_METADATA}), TooLarge),
    "no namespace": (_with_fields(namespace=[]), InvalidNamespace),
    "an empty label": (_with_fields(namespace=["alice", ""]), InvalidNamespace),
    "a slash in a label": (_with_fields(namespace=["alice/bob"]), InvalidNamespace),
}

BAD_VECTORS: dict[str, Any] = {
    "NaN": np.array([1, 0, 0, np.nan], np.float32),
    "infinite": np.array([np.inf, 0, 0, 0], np.float32),
    "zero": np.zeros(4, np.float32),
    "too long": np.array([2, 0, 0, 0], np.float32),
    "of another dimension": np.array([1, 0, 0], np.float32),
    "a matrix": np.array([[1, 0, 0, 0]], np.float32),
    "of float64": np.array([1, 0, 0, 0], np.float64),
}


def assert_untouched(vault: Vault) -> None:
    """Nothing of a refused batch is there."""
    assert vault.log() == []
    assert vault.count(alice()) == 0
    assert vault.namespaces() == []
    assert vault.stats().operations == 0
    assert vault.spec is None


class Writing(VaultSuite):
    def test_empty_vault_answers_everything_with_nothing(self, vault: Vault) -> None:
        assert_untouched(vault)
        assert vault.select(alice(), limit=10) == []
        assert vault.get(["nothing"]) == []
        assert vault.history("nothing") == []
        assert vault.match(alice(), ["nothing"], limit=10) == []
        assert vault.nearest(alice(), vector(1, 0, 0, 0), limit=10) == []
        assert vault.during(alice(), days(1, 9), limit=10) == []
        assert vault.neighbourhood(alice(), ["entity:nobody"], Walk(hops=2, fanout=9, limit=9)) == []
        assert vault.passages(alice(), ["nothing"]) == {}
        assert vault.unembedded(SPEC, limit=10) == []
        assert vault.known_vectors(["nothing"], SPEC) == {}
        assert list(vault.verify()) == []

    def test_commit_says_how_many_operations_were_new(self, desk: Desk) -> None:
        first, second = desk.write_put("one"), desk.write_put("two")
        assert desk.commit(first) == 1
        assert desk.commit(first, second, second) == 1

    def test_known_operations_are_ignored(self, desk: Desk) -> None:
        """Troubleshooting: the operation id is the key; what arrives twice must not get a second place in the log."""
        put = desk.put("one", vectors=[vector(1, 0, 0, 0)])
        before = desk.vault.log(), desk.vault.select(alice(), limit=9), desk.vault.stats().operations
        assert desk.commit(put) == 0
        assert before == (desk.vault.log(), desk.vault.select(alice(), limit=9), desk.vault.stats().operations)

    def test_operations_come_back_byte_for_byte(self, desk: Desk) -> None:
        put = desk.put("Ünïcode 🦊\n\ttext", metadata={"number": 1.5, "nested": {"list": [1, None, True]}})
        moved = desk.move(put, State.ACTIVATED)
        assert desk.vault.history(put.cube) == [put, moved]
        assert [operation for _, operation in desk.vault.log()] == [put, moved]

    @pytest.mark.parametrize("name", BAD_OPERATIONS)
    def test_bad_operation_leaves_nothing_of_its_batch(self, desk: Desk, name: str) -> None:
        """Troubleshooting: check the whole batch before the first write; ``gate.check`` does."""
        write, error = BAD_OPERATIONS[name]
        good, bad = desk.write_put("good"), write(desk)
        with pytest.raises(error):
            desk.commit(good, bad, vectors=[vector(1, 0, 0, 0)])
        assert_untouched(desk.vault)

    @pytest.mark.parametrize("name", BAD_VECTORS)
    def test_bad_vector_leaves_nothing_of_its_batch(self, desk: Desk, name: str) -> None:
        good, put = desk.write_put("good"), desk.write_put("something")
        parts = {good.id: parts_of(good, [vector(1, 0, 0, 0)]), put.id: parts_of(put, [BAD_VECTORS[name]])}
        with pytest.raises(InvalidVector):
            desk.vault.commit(Batch([good, put], parts, SPEC))
        assert_untouched(desk.vault)

    def test_vectors_must_belong_to_a_put_and_to_its_text(self, desk: Desk) -> None:
        put = desk.write_put("four")
        part = Part(Span(0, 4), "four", vector(1, 0, 0, 0))
        outside = replace(part, span=Span(0, 5))
        for batch in (
            Batch([put], {put.id: [part]}),
            Batch([put], {"0" * 64: [part]}, SPEC),
            Batch([put], {put.id: [outside]}, SPEC),
            Batch([put], {put.id: [replace(part, text="a\0b")]}, SPEC),
        ):
            with pytest.raises(InvalidInput):
                desk.vault.commit(batch)
        assert_untouched(desk.vault)

    def test_vectors_of_another_embedder_are_refused(self, desk: Desk) -> None:
        desk.put("first", vectors=[vector(1, 0, 0, 0)])
        put = desk.write_put("second")
        for spec in (OTHER_SPEC, EmbeddingSpec(SPEC.model, SPEC.dim, "2"), EmbeddingSpec("another", SPEC.dim)):
            numbers = np.eye(spec.dim, dtype=np.float32)[0]
            with pytest.raises(EmbedderMismatch):
                desk.vault.commit(Batch([put], {put.id: parts_of(put, [numbers])}, spec))
        assert desk.texts(alice()) == ["first"]
        assert desk.vault.spec == SPEC

    def test_refused_batch_leaves_earlier_ones_alone(self, desk: Desk) -> None:
        kept = desk.put("kept", vectors=[vector(1, 0, 0, 0)])
        changed = desk.write_put("changed", cube=kept.cube, parents=[kept.id])
        with pytest.raises(InvalidOperation):
            desk.commit(changed, replace(desk.write_put("bad"), id="0" * 64))
        assert desk.texts(alice()) == ["kept"]
        assert [scored.cube for scored in desk.vault.match(alice(), ["kept"], limit=9)] == [kept.cube]
        assert desk.vault.history(kept.cube) == [kept]

    def test_unknown_fields_survive(self, desk: Desk) -> None:
        """Troubleshooting: store the body's bytes, not the fields that this release knows."""
        newer = content("something").model_dump(mode="json") | {"mood": {"joy": 3}}
        newer["provenance"]["camera"] = "front"
        put = _put_with_body(desk, newer)
        desk.commit(put)
        (cube,) = desk.vault.get([put.cube])
        assert cube.content().model_dump(mode="json") == newer
        assert desk.vault.history(put.cube)[0].body == put.body

    def test_latest_is_the_greatest_timestamp_not_the_last_stored(self, desk: Desk) -> None:
        early, late = desk.write_put("early"), desk.write_put("late")
        desk.commit(late)
        desk.commit(early)
        assert desk.vault.latest == late.hlc

    def test_actor_names_differ_from_vault_to_vault(self, desk: Desk, other: Desk) -> None:
        assert desk.vault.actor
        assert desk.vault.actor == desk.vault.actor
        assert desk.vault.actor != other.vault.actor

    def test_merge_is_union_whichever_way_it_goes(self, desk: Desk, other: Desk) -> None:
        """Troubleshooting: fold a cube again from all its operations whenever one arrives."""
        shared = desk.put("shared")
        other.commit(shared)
        desk.put("changed here", cube=shared.cube, parents=[shared.id])
        other.put("changed there", cube=shared.cube, parents=[shared.id])
        erased = other.put("erased there")
        desk.commit(erased)
        other.erase(erased)
        other.move(desk.put("only here"), State.ARCHIVED)
        here, there = ([operation for _, operation in each.vault.log()] for each in (desk, other))
        desk.commit(*there)
        other.commit(*reversed(here))
        everything = alice(states=frozenset(State))
        assert desk.vault.select(everything, limit=99) == other.vault.select(everything, limit=99)
        assert {op for _, op in desk.vault.log()} == {op for _, op in other.vault.log()}

    def test_body_that_arrives_after_its_header_is_added(self, desk: Desk) -> None:
        put = desk.write_put("something")
        assert desk.commit(put.without_body()) == 1
        assert desk.texts(alice()) == []
        assert desk.commit(put, vectors=[vector(1, 0, 0, 0)]) == 0
        assert desk.texts(alice()) == ["something"]
        assert [scored.cube for scored in desk.vault.match(alice(), ["something"], limit=9)] == [put.cube]
        assert [scored.cube for scored in desk.vault.nearest(alice(), vector(1, 0, 0, 0), limit=9)] == [put.cube]
        desk.commit(put.without_body())
        assert desk.vault.history(put.cube) == [put]

    def test_whoever_follows_the_log_sees_a_body_that_arrives_late(self, desk: Desk) -> None:
        late = desk.write_put("late")
        desk.commit(late.without_body())
        other = desk.put("other")
        [*_, (cursor, _)] = desk.vault.log()
        desk.commit(late)
        assert [op for _, op in desk.vault.log(after=cursor)] == [late]
        assert [op for _, op in desk.vault.log()] == [other, late]

    def test_threads_may_write_at_once(self, desk: Desk) -> None:
        puts = [[desk.write_put(f"text {thread} {number}") for number in range(5)] for thread in range(4)]
        failures: list[BaseException] = []

        def write(operations: list[Operation]) -> None:
            try:
                for operation in operations:
                    desk.commit(operation, vectors=[vector(1, 2, 3, 4)])
                    desk.vault.count(alice())
            except MemOSError as error:
                failures.append(error)

        threads = [threading.Thread(target=write, args=[operations]) for operations in puts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        assert {op.id for _, op in desk.vault.log()} == {op.id for operations in puts for op in operations}
        assert desk.vault.count(alice()) == 20
        assert list(desk.vault.verify()) == []

    def test_closed_vault_says_so(self, desk: Desk, tmp_path: Path) -> None:
        put = desk.put("something")
        desk.vault.close()
        desk.vault.close()
        for use in every_use(desk.vault, put, tmp_path):
            with pytest.raises(VaultClosed):
                use()

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
    def test_vault_is_refused_in_a_forked_child(self, desk: Desk) -> None:
        """Troubleshooting: remember ``os.getpid()`` when opening and compare it before anything else, locks too."""
        desk.put("something")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # newer Pythons warn of forking beside threads
            child = os.fork()
        if child == 0:
            try:
                desk.vault.count(alice())
            except ForkedVault:
                os._exit(0)
            finally:
                os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert desk.texts(alice()) == ["something"]


def every_use(vault: Vault, put: Operation, folder: Path) -> list[Callable[[], object]]:
    """One call of every method."""
    return [
        lambda: vault.commit(Batch([put])),
        lambda: vault.record_usage({put.cube: 1}, day(1) + SECOND),
        lambda: vault.get([put.cube]),
        lambda: vault.select(alice(), limit=1),
        lambda: vault.count(alice()),
        vault.namespaces,
        lambda: vault.history(put.cube),
        vault.log,
        lambda: vault.match(alice(), ["something"], limit=1),
        lambda: vault.nearest(alice(), vector(1, 0, 0, 0), limit=1),
        lambda: vault.during(alice(), days(1, 9), limit=1),
        lambda: vault.neighbourhood(alice(), [f"cube:{put.cube}"], Walk(hops=1, fanout=1, limit=1)),
        lambda: vault.passages(alice(), [put.cube]),
        lambda: vault.known_vectors(["something"], SPEC),
        lambda: vault.unembedded(SPEC, limit=1),
        lambda: vault.reembed(SPEC, {}),
        lambda: list(vault.verify()),
        vault.rebuild,
        vault.stats,
        lambda: vault.backup(str(folder / "backup")),
    ]
