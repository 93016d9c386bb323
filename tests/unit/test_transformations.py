"""Memories change their form: each way by itself when it is due and not before, at a cost that is told.

One test for each row of the table in ``docs/PARAMETRIC.md``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

import pytest

from memos_core import Limits, MemOS, Message
from memos_core.cube.memcube import Kind, State, Trust
from memos_core.infrastructure.models.kv_transformers import TransformersKV
from memos_core.infrastructure.models.local import LocalModel
from memos_core.infrastructure.models.lora import LoraTrainer
from memos_core.infrastructure.models.speaking import answers
from memos_core.operation.scheduler.decisions import Action
from memos_core.ports import Recipe, Weighted
from memos_core.testing.adapters import tiny_learner
from memos_core.testing.clock import ManualClock
from memos_core.testing.embedders import HashingEmbedder
from memos_core.testing.kv import tiny_model

HERE = "team"
DAY = timedelta(days=1)
ANA, BOB = "Where does Ana live?", "Where does Bob live?"
QUICK = Recipe(epochs=60, rate=5e-3, replay=0)

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def learner() -> LocalModel:
    return tiny_learner(0)


@pytest.fixture(scope="module")
def reader() -> TransformersKV:
    return TransformersKV(tiny_model())


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def memos(clock: ManualClock, reader: TransformersKV) -> Iterator[MemOS]:
    """Two memories, and a model that reads what is recalled much."""
    with MemOS.open(":memory:", embedder=HashingEmbedder(), clock=clock, backends=[reader]) as memos:
        said = [("Ana", "I live in Porto."), ("Bob", "I live in Lisbon.")]
        memos.add([Message(content=text, role="user", name=name) for name, text in said], namespace=HERE)
        yield memos


def recall(memos: MemOS, *, times: int) -> None:
    for _ in range(times):
        assert len(memos.search("Where do they live?", namespace=HERE, kinds=["episode"])) == 2


def cube_of(memos: MemOS, name: str) -> str:
    [cube] = [belief.cube for belief in memos.claims(namespace=HERE) if belief.claim.subject == name]
    return cube.id


def outcomes(memos: MemOS, action: Action) -> list[str]:
    """What one round of the scheduler says of what it did."""
    return [each.outcome for each in memos.tick() if each.decision.action is action]


def held(memos: MemOS, kind: Kind, *states: State) -> list[str]:
    return [cube.id for cube in memos.list(namespace=HERE, kinds=[kind], states=states or None)]


def test_what_is_recalled_much_and_lately_is_read_into_a_cache(memos: MemOS, clock: ManualClock) -> None:
    recall(memos, times=4)
    assert outcomes(memos, Action.PROMOTE) == []
    clock.advance(8 * DAY)
    recall(memos, times=1)  # the fifth time; the others were long ago, which does not count against it
    told = outcomes(memos, Action.PROMOTE)
    caches = [memos.get(name) for name in held(memos, Kind.ACTIVATION)]
    costs = {f"done: {cube.payload.tokens:,} tokens, {cube.blob.size:,} bytes, 0.0 s" for cube in caches}
    assert (len(told), set(told)) == (2, costs)
    found = memos.generate(ANA, namespace=HERE, max_tokens=4)
    assert (len(found.memories), set(found.caches), found.cached > found.computed) == (2, {c.id for c in caches}, True)
    assert outcomes(memos, Action.PROMOTE) == []  # it is there


def test_what_was_recalled_much_but_long_ago_is_not_read(memos: MemOS, clock: ManualClock) -> None:
    recall(memos, times=9)
    clock.advance(7 * DAY)
    assert outcomes(memos, Action.PROMOTE) == []


def test_a_cache_that_is_not_needed_any_more_is_given_up_and_the_text_stays(memos: MemOS, clock: ManualClock) -> None:
    recall(memos, times=5)
    memos.tick()
    size = sum(memos.get(name).blob.size for name in held(memos, Kind.ACTIVATION))
    before = memos.generate(ANA, namespace=HERE, max_tokens=4)
    clock.advance(29 * DAY)
    assert outcomes(memos, Action.DEMOTE) == []
    clock.advance(2 * DAY)
    told = outcomes(memos, Action.DEMOTE)
    assert told == [f"done: {size:,} bytes freed, 0.0 s", "done"]  # the other went with it, for it went on from it
    assert (held(memos, Kind.ACTIVATION, *State), memos.stats().blobs) == ([], 0)
    after = memos.generate(ANA, namespace=HERE, max_tokens=4)
    assert (set(after.memories), after.cached, before.cached > 0) == (set(before.memories), 0, True)


def test_a_cache_of_what_has_changed_is_given_up_and_what_is_said_now_is_read(memos: MemOS) -> None:
    recall(memos, times=5)
    memos.tick()
    bob = cube_of(memos, "Bob")
    memos.update(bob, "I live in Faro.")
    assert any("bytes freed" in told for told in outcomes(memos, Action.DEMOTE))
    memos.tick()
    kept = [memos.get(name).metadata["cache"]["of"] for name in held(memos, Kind.ACTIVATION, *State)]
    assert {name for names in kept for name in names} == set(memos.generate(BOB, namespace=HERE, max_tokens=1).memories)
    assert memos.generate(BOB, namespace=HERE, max_tokens=1).cached > 0


def test_what_is_stable_is_taught(memos: MemOS, learner: LocalModel, clock: ManualClock) -> None:
    memos.keep_adapter(learner, namespace=HERE, recipe=QUICK)
    recall(memos, times=5)
    clock.advance(29 * DAY)
    assert [told for told in outcomes(memos, Action.PROMOTE) if "facts" in told] == []
    clock.advance(DAY)
    [told] = outcomes(memos, Action.PROMOTE)
    [adapter] = (memos.get(name) for name in held(memos, Kind.ADAPTER))
    report = adapter.metadata["adapter"]
    assert told == f"done: 2 facts, {report['steps']} steps, {adapter.blob.size:,} bytes, 0.0 s"
    assert report["seconds"] == 0  # by the clock of this test
    assert "Porto" in answers(memos.adapted(learner, namespace=HERE), [ANA])[0]
    clock.advance(60 * DAY)
    assert outcomes(memos, Action.PROMOTE) == outcomes(memos, Action.DEMOTE) == []  # it does not grow cold


def test_what_is_settled_but_was_not_recalled_is_not_taught(
    memos: MemOS, learner: LocalModel, clock: ManualClock
) -> None:
    memos.keep_adapter(learner, namespace=HERE, recipe=QUICK)
    recall(memos, times=4)
    clock.advance(90 * DAY)
    assert outcomes(memos, Action.PROMOTE) == []


def test_an_adapter_is_withdrawn_when_something_in_it_changes_and_the_rest_is_taught_again(
    memos: MemOS, learner: LocalModel, clock: ManualClock
) -> None:
    memos.keep_adapter(learner, namespace=HERE, recipe=QUICK)
    recall(memos, times=5)
    clock.advance(30 * DAY)
    memos.tick()
    [old] = held(memos, Kind.ADAPTER)
    memos.forget(cube_of(memos, "Ana"))
    assert memos.adapted(learner, namespace=HERE) is learner  # already in the commit that changed it
    told = outcomes(memos, Action.PROMOTE)  # by the same round
    [adapter] = (memos.get(name) for name in held(memos, Kind.ADAPTER))
    assert told == [f"done: 1 facts, {adapter.metadata['adapter']['steps']} steps, {adapter.blob.size:,} bytes, 0.0 s"]
    assert (memos.get(old).state, adapter.id != old) == (State.ARCHIVED, True)
    taught = memos.adapted(learner, namespace=HERE)
    assert "Lisbon" in answers(taught, [BOB])[0]
    assert "Porto" not in answers(taught, [ANA])[0]


class Asked(LoraTrainer):
    """Counts the questions that are put to it, with an adapter and without."""

    def __init__(self, model: LocalModel) -> None:
        super().__init__(model)
        self.with_it = self.without = 0

    def answers(self, questions: Sequence[str], adapters: Sequence[Weighted] = ()) -> list[str]:
        if adapters:
            self.with_it += len(questions)
        else:
            self.without += len(questions)
        return super().answers(questions, adapters)


def test_what_an_adapter_answers_is_written_down_only_if_somebody_asks(
    memos: MemOS, learner: LocalModel, clock: ManualClock
) -> None:
    adapter = memos.train(namespace=HERE, base_model=learner, recipe=QUICK)
    recall(memos, times=5)
    clock.advance(60 * DAY)
    memos.tick()
    assert memos.list(namespace=HERE, kinds=[Kind.FACT]) == []
    trainer = Asked(learner)
    written = memos.externalise(adapter.id, trainer)
    assert (trainer.with_it, trainer.without) == (2, 2)
    assert any("Porto" in cube.text for cube in written)
    assert {cube.governance.trust for cube in written} == {Trust.THIRD_PARTY}
    memos.forget(adapter.id)
    assert {memos.get(cube.id).state for cube in written} == {State.ARCHIVED}


def test_an_adapter_for_which_the_limit_is_too_small_is_not_trained_and_withdrawn_by_turns(
    memos: MemOS, learner: LocalModel, clock: ManualClock
) -> None:
    memos.keep_adapter(learner, namespace=HERE, recipe=Recipe(epochs=1, replay=0))
    recall(memos, times=5)
    clock.advance(40 * DAY)
    few = Limits(bytes=1000)
    for _ in range(6):
        memos.tick(limits=few)
        clock.advance(DAY)
    made = [memos.get(name) for name in held(memos, Kind.ADAPTER, *State)]
    assert [(cube.state, cube.blob.size > few.bytes) for cube in made] == [(State.GENERATED, True)]
