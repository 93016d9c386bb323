"""The life of a cube: the table of ways, lifespans, and what must not change."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memos_core import Document, MemCube, MemOS, Message, State
from memos_core.cube.memcube import Governance, Kind, Trigger, Usage
from memos_core.cube.payload import Plaintext
from memos_core.errors import InvalidInput, InvalidTransition
from memos_core.operation.lifecycle import WAYS, activation, check_open_to, may, moved
from memos_core.testing.clock import ManualClock
from memos_core.testing.embedders import HashingEmbedder

START = datetime(2023, 5, 8, tzinfo=timezone.utc)
DAY = timedelta(days=1)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def memos(clock: ManualClock) -> MemOS:
    return MemOS.open(":memory:", embedder=HashingEmbedder(), clock=clock)


def cube(state: State = State.GENERATED, **fields: object) -> MemCube:
    own = {"namespace": ("a",), "kind": Kind.FACT, "payload": Plaintext(text="fox"), "created_at": START}
    return MemCube.model_validate({"id": "c", "version": "v", "updated_at": START, "state": state} | own | fields)


@pytest.mark.parametrize(("state", "trigger"), list(product(State, Trigger)))
def test_every_way_is_in_the_table_and_every_other_is_an_error(state: State, trigger: Trigger) -> None:
    way = WAYS[trigger]
    if state in way.source:
        assert moved(cube(state), trigger) is (way.target or state)
        return
    with pytest.raises(InvalidTransition) as refused:
        moved(cube(state), trigger)
    assert refused.value.facts["state"] == state.value


def test_nothing_leads_out_of_expiry_and_only_thawing_out_of_the_ice() -> None:
    assert [trigger for trigger in Trigger if may(cube(State.EXPIRED), trigger)] == []
    assert [trigger for trigger in Trigger if may(cube(State.FROZEN), trigger)] == [Trigger.THAW]


def test_error_says_the_way_out() -> None:
    for state, change, words in ((State.FROZEN, "changed", "memos.thaw"), (State.EXPIRED, "changed", "expired")):
        with pytest.raises(InvalidTransition, match=words):
            check_open_to(cube(state), change)
    with pytest.raises(InvalidTransition, match=r"memos\.revive"):
        moved(cube(State.ARCHIVED), Trigger.FREEZE)
    check_open_to(cube(State.EXPIRED), "erased")
    check_open_to(cube(State.ARCHIVED), "changed")


# -- fading ---------------------------------------------------------------------------------------


def test_activation_of_what_was_never_recalled_falls_with_the_root_of_its_age() -> None:
    for days in (1, 4, 90):
        assert activation(cube(), START + days * DAY, decay=0.5) == pytest.approx(-math.log(days) / 2)


def test_activation_with_evenly_spread_recalls_is_near_the_exact_sum() -> None:
    """The sum of ``age ** -d`` over all uses, which the approximation stands for."""
    uses = [START + n * DAY for n in range(0, 101, 5)]
    now = START + 110 * DAY
    exact = math.log(sum(((now - use) / DAY) ** -0.5 for use in uses))
    recalled = cube(usage=Usage(count=len(uses) - 1, last_access=uses[-1]))
    assert activation(recalled, now, decay=0.5) == pytest.approx(exact, abs=0.05)


@given(st.integers(0, 1000), st.floats(0, 1000), st.floats(0.01, 400), st.floats(0.05, 0.95), st.integers(-3, 3))
def test_activation_rises_with_use_and_priority_and_falls_with_time(
    count: int, last: float, more: float, decay: float, priority: int
) -> None:
    usage = Usage(count=count, last_access=START + last * DAY if count else None)
    now = START + (last + 0.01) * DAY
    at = activation(cube(usage=usage), now, decay=decay)
    assert math.isfinite(at)
    assert activation(cube(usage=usage), now + more * DAY, decay=decay) < at
    used = Usage(count=count + 1, last_access=now)
    assert activation(cube(usage=used), now, decay=decay) > at
    urgent = cube(usage=usage, governance=Governance(priority=priority))
    assert activation(urgent, now, decay=decay) == pytest.approx(at + priority)


# -- in a vault -----------------------------------------------------------------------------------


def tell(memos: MemOS, text: str = "The fox is red.") -> str:
    return memos.add(Message(content=text, id="m1"), namespace="a").ids[0]


def found(memos: MemOS) -> list[str]:
    return [hit.cube.id for hit in memos.search("fox", namespace="a")]


@pytest.mark.parametrize(
    "change",
    [
        lambda memos, name: memos.update(name, "The fox is grey."),
        lambda memos, name: memos.update(name, tags=["x"]),
        lambda memos, name: memos.rollback(name, memos.get(name).version),
        lambda memos, name: memos.resolve(name),
        lambda memos, name: memos.set_lifespan(name, ttl=DAY),
        lambda memos, name: memos.forget(name),
        lambda memos, name: memos.expire(name),
        lambda memos, name: memos.erase(name),
        lambda memos, name: memos.add(Message(content="The fox is grey.", id="m1"), namespace="a"),
    ],
)
def test_a_frozen_cube_refuses_every_change_until_it_is_thawed(
    memos: MemOS, change: Callable[[MemOS, str], object]
) -> None:
    name = tell(memos)
    frozen = memos.freeze(name)
    assert frozen.state is State.FROZEN
    before = memos.history(name)
    with pytest.raises(InvalidTransition, match="thaw"):
        change(memos, name)
    assert memos.history(name) == before
    assert found(memos) == [name]
    memos.thaw(name)
    change(memos, name)


def test_adding_again_what_is_frozen_changes_nothing(memos: MemOS) -> None:
    name = tell(memos)
    memos.freeze(name)
    assert memos.add(Message(content="The fox is red.", id="m1"), namespace="a").unchanged == (memos.get(name),)


def test_a_frozen_cube_never_expires(memos: MemOS, clock: ManualClock) -> None:
    name = tell(memos)
    memos.set_lifespan(name, ttl=DAY)
    memos.freeze(name)
    clock.advance(2 * DAY)
    assert found(memos) == [name]


def test_a_new_edition_leaves_a_frozen_passage_in_place(memos: MemOS) -> None:
    first = memos.add(Document(text="The fox is red.", id="d"), namespace="a").ids[0]
    memos.freeze(first)
    with pytest.raises(InvalidTransition):
        memos.add(Document(text="The whale is blue.", id="d"), namespace="a")
    assert memos.get(first).text == "The fox is red."


def test_an_archived_cube_is_found_only_when_asked_for_and_can_be_revived(memos: MemOS) -> None:
    name = tell(memos)
    memos.forget(name)
    assert found(memos) == []
    assert [each.id for each in memos.list(namespace="a", states=["archived"])] == [name]
    assert memos.revive(name).state is State.ACTIVATED
    assert found(memos) == [name]
    with pytest.raises(InvalidTransition):
        memos.revive(name)


def test_an_expired_cube_keeps_a_record_and_its_source_can_be_learnt_anew(memos: MemOS) -> None:
    name = tell(memos)
    assert memos.expire(name).state is State.EXPIRED
    assert found(memos) == []
    assert memos.history(name)[-1].trigger == "expire"
    for change in (memos.revive, memos.freeze, memos.forget):
        with pytest.raises(InvalidTransition):
            change(name)
    again = tell(memos)
    assert again != name
    assert found(memos) == [again]
    memos.erase(name)


def test_lifespans_are_set_and_taken_back(memos: MemOS, clock: ManualClock) -> None:
    name = tell(memos)
    memos.set_lifespan(name, until=clock.now() + DAY, priority=2)
    assert found(memos) == [name]
    clock.advance(DAY)
    assert found(memos) == []
    memos.set_lifespan(name, ttl=DAY)
    assert memos.set_lifespan(name, priority=3).governance.expires_at == clock.now() + DAY
    assert memos.set_lifespan(name, priority=2, decay=0.5).governance.expires_at is None
    kept = memos.set_lifespan(name, decay=0.5)
    assert (kept.governance.expires_at, kept.governance.decay, kept.governance.priority) == (None, 0.5, 2)
    assert found(memos) == [name]


def test_what_is_added_for_a_time_is_gone_after_it_and_seen_when_asked_for(memos: MemOS, clock: ManualClock) -> None:
    [name] = memos.add("The fox is red.", namespace="a", ttl=DAY).ids
    assert memos.get(name).governance.expires_at == clock.now() + DAY
    assert found(memos) == [name]
    clock.advance(DAY)
    assert memos.search("fox", namespace="a") == memos.list(namespace="a") == []
    assert [cube.id for cube in memos.list(namespace="a", expired=True)] == [name]
    assert [hit.cube.id for hit in memos.search("fox", namespace="a", expired=True)] == [name]
    memos.tick()
    assert memos.list(namespace="a", expired=True) == []


@pytest.mark.parametrize("ttl", [timedelta(0), -DAY, timedelta.max, 5])
def test_what_is_added_for_no_time_is_refused(memos: MemOS, ttl: timedelta) -> None:
    with pytest.raises(InvalidInput, match="ttl"):
        memos.add("The fox is red.", namespace="a", ttl=ttl)
    assert memos.stats().operations == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"decay": 0},
        {"decay": 1},
        {"decay": math.nan},
        {"ttl": timedelta(0)},
        {"ttl": DAY, "until": START},
        {"until": START.replace(tzinfo=None)},
    ],
)
def test_a_lifespan_that_is_none_is_refused(memos: MemOS, wrong: dict[str, object]) -> None:
    name = tell(memos)
    with pytest.raises(InvalidInput):
        memos.set_lifespan(name, **wrong)  # type: ignore[arg-type]
    assert len(memos.history(name)) == 1
