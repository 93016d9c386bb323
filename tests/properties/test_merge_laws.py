"""The laws of merging hold for the real fold, over histories that Hypothesis makes up."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memos_core.cube.canonical import canonical, parse_object
from memos_core.cube.clock import MAX_SKEW, HybridClock, Timestamp
from memos_core.cube.fold import content_of, fold, heads
from memos_core.cube.memcube import Content
from memos_core.cube.operation import Operation, OperationKind
from memos_core.infrastructure.vault.gate import check
from memos_core.operation.author import Author
from memos_core.ports import Batch
from memos_core.testing.clock import ManualClock
from memos_core.testing.history import History, deliver_everything, timestamps
from memos_core.testing.laws import LAWS, Law
from memos_core.testing.strategies import contents, histories, newer_bodies

few = settings(max_examples=120, deadline=None, derandomize=True)


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_law_holds(law: Law) -> None:
    @few
    @given(histories())
    def holds(history: History) -> None:
        law(fold, history)

    holds()


@few
@given(histories())
def test_no_delivery_loses_or_forges_an_operation(history: History) -> None:
    for replica in deliver_everything(history, Random(0)):
        assert set(replica.held) == {operation.id for operation in history.written}
        for operation in replica.held.values():
            operation.verify()


@few
@given(histories())
def test_next_operation_names_what_nobody_has_replaced(history: History) -> None:
    for operation in history.written:
        assert set(operation.parents) <= history.seen[operation.id]
    for view in history.views():
        named = {
            parent
            for kind in (OperationKind.PUT, OperationKind.STATE)
            for op in view
            if op.kind is kind
            for parent in op.parents
            if any(other.id == parent and other.kind is kind for other in view)
        }
        expected = {op.id for op in view if op.kind is not OperationKind.ERASE} - named
        assert heads(view) == tuple(sorted(expected))


@few
@given(histories())
def test_timestamps_of_one_actor_always_grow(history: History) -> None:
    for replica in history.replicas:
        written = timestamps(history.written, replica.actor)
        assert all(earlier < later for earlier, later in pairwise(written))


@few
@given(
    st.lists(
        st.integers(-10_000_000, 10_000_000).map(lambda jump: ("jump", jump))
        | st.integers(-10_000_000, 10_000_000).map(lambda ahead: ("observe", ahead))
        | st.just(("tick", 0)),
        max_size=30,
    )
)
def test_clock_follows_what_it_saw_unless_that_lies_too_far_ahead(steps: list[tuple[str, int]]) -> None:
    wall = ManualClock()
    clock = HybridClock(wall.now)
    must_exceed = Timestamp(0)
    furthest = Timestamp(0)
    for step, milliseconds in steps:
        now = Timestamp.last_of(wall.now()).wall
        if step == "jump":
            wall.advance(timedelta(milliseconds=milliseconds))
        elif step == "observe":
            seen = Timestamp(now + milliseconds, 7)
            clock.observe(seen)
            if milliseconds <= MAX_SKEW // timedelta(milliseconds=1):
                must_exceed = max(must_exceed, seen)
        else:
            issued = clock.tick()
            furthest = max(furthest, Timestamp(now), must_exceed)
            assert issued > must_exceed
            assert issued.wall <= furthest.wall + 1
            must_exceed = issued


@few
@given(newer_bodies())
def test_unknown_fields_survive_at_every_level(body: dict[str, Any]) -> None:
    put = _put(body)
    check(Batch([put]), None)
    cube = fold([put])
    assert cube is not None
    assert canonical(cube.content().model_dump(mode="json")) == put.body
    again = Operation.parse(put.header, put.body, put.salt)
    assert again == put


@few
@given(contents())
def test_content_comes_back_as_it_was_put(content: Content) -> None:
    author = Author("a", HybridClock(ManualClock().now))
    put = author.put("c", content)
    check(Batch([put]), None)
    assert content_of(put) == content
    cube = fold([put])
    assert cube is not None
    assert cube.content() == content


@few
@given(newer_bodies())
def test_canonical_form_is_stable(body: dict[str, Any]) -> None:
    data = canonical(body)
    assert canonical(parse_object(data)) == data
    assert parse_object(data) == body


def _put(body: dict[str, Any]) -> Operation:
    return Operation.create(cube="c", kind=OperationKind.PUT, hlc=Timestamp(1), actor="a", body=body)
