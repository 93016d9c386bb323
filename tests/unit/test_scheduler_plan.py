"""Planning: which rule decides what, and why. Pure functions of a snapshot."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from memos_core.cube.claim import Claim
from memos_core.cube.interval import Interval
from memos_core.cube.memcube import Governance, Kind, MemCube, Provenance, State, Trigger, Trust, Usage
from memos_core.cube.payload import Plaintext
from memos_core.errors import InvalidInput
from memos_core.operation.scheduler.decisions import Action, Alike, Conversation, Decision, Limits, Snapshot, Tier
from memos_core.operation.scheduler.planning import plan, says_the_same
from memos_core.operation.scheduler.policies import POLICIES, View, kept

NOW = datetime(2026, 3, 1, tzinfo=timezone.utc)
DAY = timedelta(days=1)


def cube(name: str, text: str = "The fox is red.", *, age: timedelta = DAY, **fields: Any) -> MemCube:
    """A fact, a day old; what belongs to usage, provenance and governance is sorted out by name."""
    parts = {
        "usage": {field: fields.pop(field) for field in ("count", "last_access") if field in fields},
        "provenance": {field: fields.pop(field) for field in ("session", "speaker") if field in fields},
        "governance": {
            field: fields.pop(field) for field in ("expires_at", "decay", "priority", "trust") if field in fields
        },
    }
    return MemCube(
        **{
            "id": name,
            "version": f"{name}-v1",
            "namespace": ("a",),
            "kind": Kind.FACT,
            "payload": Plaintext(text=text),
            "created_at": NOW - age,
            "updated_at": NOW - age,
            "usage": Usage(**parts["usage"]),
            "provenance": Provenance(**parts["provenance"]),
            "governance": Governance(**parts["governance"]),
            **fields,
        }
    )


def planned(*cubes: MemCube, limits: Limits | None = None, **more: Any) -> list[tuple[Action, tuple[str, ...]]]:
    """Decisions of a round in which nothing needs upkeep."""
    found = plan(Snapshot(cubes=cubes, scrubbed=NOW, **more), NOW, limits)
    assert all(decision.reason for decision in found)
    return [(decision.action, decision.cubes) for decision in found]


def test_nothing_is_decided_about_what_is_well() -> None:
    assert planned(cube("one"), cube("two", kind=Kind.EPISODE, session="s")) == []


def test_what_has_run_out_expires_to_the_second() -> None:
    assert planned(cube("one", expires_at=NOW)) == [(Action.EXPIRE, ("one",))]
    assert planned(cube("one", expires_at=NOW + timedelta(seconds=1))) == []
    assert planned(cube("one", expires_at=NOW, state=State.FROZEN)) == []


def test_what_has_faded_is_archived_and_priority_and_use_keep_it() -> None:
    """Unused for n days with exponent 0.5, the activation is -ln(n) / 2: below -2.25 from 91 days on."""
    assert planned(cube("one", decay=0.5, age=91 * DAY)) == [(Action.COOL, ("one",))]
    assert planned(cube("one", decay=0.5, age=89 * DAY)) == []
    assert planned(cube("one", age=900 * DAY)) == []
    assert planned(cube("one", decay=0.5, age=91 * DAY, priority=1)) == []
    used = cube("one", decay=0.5, age=91 * DAY, state=State.ACTIVATED, count=1, last_access=NOW - DAY)
    assert planned(used) == []


def test_what_was_recalled_is_activated_once() -> None:
    assert planned(cube("one", count=1, last_access=NOW)) == [(Action.ACTIVATE, ("one",))]
    assert planned(cube("one", count=1, last_access=NOW, state=State.ACTIVATED)) == []
    assert planned(cube("one", count=1, last_access=NOW, state=State.ARCHIVED)) == []


def test_a_cube_is_moved_once_a_round_by_the_first_rule() -> None:
    everything = cube("one", count=1, last_access=NOW, expires_at=NOW, decay=0.5, age=99 * DAY)
    assert planned(everything) == [(Action.EXPIRE, ("one",))]


def test_of_two_that_say_the_same_the_newer_stays() -> None:
    pair = (cube("one", "The fox is red."), cube("two", "the FOX is a red!"))
    assert planned(*pair, alike=(Alike("one", "two", 0.99),)) == [(Action.MERGE, ("two", "one"))]
    assert planned(*pair, alike=(Alike("one", "two", 0.96),)) == []
    assert planned(pair[0], alike=(Alike("one", "two", 0.99),)) == []


DIFFERENT: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("a negation", {"text": "Ana is allergic to nuts."}, {"text": "Ana is not allergic to nuts."}),
    ("a short negation", {"text": "Ana does eat nuts."}, {"text": "Ana doesn't eat nuts."}),
    ("a lack", {"text": "Coffee with sugar."}, {"text": "Coffee without sugar."}),
    ("an opposite", {"text": "Turn left at the church."}, {"text": "Turn right at the church."}),
    ("an order", {"text": "Bob is the boss of Ana."}, {"text": "Ana is the boss of Bob."}),
    ("a tense", {"text": "Ana is married."}, {"text": "Ana was married."}),
    ("a number", {"text": "The rent is 900."}, {"text": "The rent is 950."}),
    ("a date", {"text": "The exam is on 3 May."}, {"text": "The exam is on 4 May."}),
    ("a speaker", {"speaker": "Ana"}, {"speaker": "Bob"}),
    ("a kind", {"kind": Kind.FACT}, {"kind": Kind.PREFERENCE}),
    ("an owner", {"namespace": ("a",)}, {"namespace": ("b",)}),
    ("a message", {"kind": Kind.EPISODE}, {"kind": Kind.EPISODE}),
    ("less trust in the newer", {"trust": Trust.USER}, {"trust": Trust.TOOL}),
    (
        "a claim",
        {"claims": (Claim(subject="Ana", predicate="lives in", object="Faro"),)},
        {"claims": (Claim(subject="Ana", predicate="lives in", object="Porto"),)},
    ),
    ("a time", {"occurred": Interval(start=NOW)}, {"occurred": Interval(start=NOW + DAY)}),
    ("the first is frozen", {"state": State.FROZEN}, {}),
    ("the first is archived", {"state": State.ARCHIVED}, {}),
]


@pytest.mark.parametrize(("older", "newer"), [case[1:] for case in DIFFERENT], ids=[case[0] for case in DIFFERENT])
def test_what_differs_in_something_that_matters_is_never_merged(older: dict[str, Any], newer: dict[str, Any]) -> None:
    one, two = cube("one", **older), cube("two", **newer)
    assert not says_the_same(one, two)
    merges = [each for each in planned(one, two, alike=(Alike("one", "two", 1.0),)) if each[0] is Action.MERGE]
    assert merges == []


def messages(count: int, *, age: timedelta = 2 * DAY, start: int = 0) -> list[MemCube]:
    return [
        cube(f"m{number:02}", kind=Kind.EPISODE, session="s", age=age - timedelta(seconds=number))
        for number in range(start, start + count)
    ]


def summary(of: str, messages: int, **fields: Any) -> MemCube:
    metadata = {"summary_of": of, "messages": messages}
    return cube(f"sum-{of}", kind=Kind.SUMMARY, metadata=metadata, **fields)


def test_a_long_conversation_that_rests_is_summed_up_once() -> None:
    limits, said = Limits(episode=5), messages(5)
    ids = tuple(each.id for each in said)
    assert planned(*said, limits=limits) == [(Action.SUMMARISE, ids)]
    assert planned(*messages(4), limits=limits) == []
    assert planned(*messages(5, age=DAY - timedelta(minutes=1)), limits=limits) == []
    assert planned(*said, summary("s", 5), limits=limits) == []
    assert planned(*said, summary("s", 4), limits=limits) == [(Action.SUMMARISE, ids)]
    assert planned(*said, summary("other", 5), limits=limits) == [(Action.SUMMARISE, ids)]


def test_conversations_of_two_owners_are_two() -> None:
    said = [*messages(3), *(each.model_copy(update={"namespace": ("b",)}) for each in messages(3, start=3))]
    assert planned(*said, limits=Limits(episode=5)) == []


def test_a_stale_summary_is_made_anew() -> None:
    stale = summary("s", 5, moved_by=Trigger.SHAKE.value)
    assert stale.is_stale
    assert planned(stale) == [(Action.RENEW, ("sum-s",))]
    assert planned(cube("one", moved_by=Trigger.SHAKE.value)) == []


def hot(name: str, **fields: Any) -> MemCube:
    return cube(name, **{"state": State.ACTIVATED, "count": 5, "last_access": NOW - DAY, **fields})


def test_what_is_recalled_much_and_lately_is_promoted() -> None:
    empty = {"cache": Tier({})}
    assert planned(hot("one"), tiers=empty) == [(Action.PROMOTE, ("one",))]
    assert planned(hot("one")) == []
    for cool in ({"count": 4}, {"last_access": NOW - 7 * DAY}, {"state": State.MERGED}, {"moved_by": "shake"}):
        assert planned(hot("one", **cool), tiers=empty) == []


def test_what_is_recalled_much_and_has_settled_goes_to_stable_memory() -> None:
    empty = {"adapter": Tier({}, is_for_stable=True)}
    settled = {"age": 30 * DAY, "last_access": NOW - 20 * DAY}
    assert planned(hot("one", **settled), tiers=empty) == [(Action.PROMOTE, ("one",))]
    for unfit in ({"count": 4}, {"age": 29 * DAY}, {"kind": Kind.EPISODE}, {"moved_by": "shake"}):
        assert planned(hot("one", **{**settled, **unfit}), tiers=empty) == []
    held = {"adapter": Tier({"one-v1": 1}, is_for_stable=True)}
    assert planned(hot("one", age=99 * DAY, last_access=NOW - 90 * DAY), tiers=held) == []


def test_what_nobody_vouches_for_is_never_learnt() -> None:
    empty = {"adapter": Tier({}, is_for_stable=True)}
    settled = {"age": 30 * DAY, "last_access": NOW - 20 * DAY}
    assert planned(hot("one", trust=Trust.DOCUMENT, **settled), tiers=empty) == [(Action.PROMOTE, ("one",))]
    assert planned(hot("one", trust=Trust.THIRD_PARTY, **settled), tiers=empty) == []


def test_what_is_cold_stale_changed_gone_or_too_much_is_demoted() -> None:
    def leaving(*cubes: MemCube, size: int = 1, limits: Limits | None = None) -> list[str]:
        tiers = {"cache": Tier(dict.fromkeys(("one-v1", "two-v1"), size))}
        found = plan(Snapshot(cubes=cubes, tiers=tiers, scrubbed=NOW), NOW, limits)
        assert all(decision.action is Action.DEMOTE for decision in found)
        return [decision.key.rpartition(":")[2] for decision in found]

    assert leaving(hot("one"), hot("two")) == []
    assert leaving(hot("one"), hot("two", last_access=NOW - 30 * DAY)) == ["two-v1"]
    assert leaving(hot("one"), hot("two", moved_by="shake")) == ["two-v1"]
    assert leaving(hot("one"), hot("two", state=State.ARCHIVED)) == ["two-v1"]
    assert leaving(hot("one")) == ["two-v1"]
    full = Limits(bytes=10)
    assert leaving(hot("one"), hot("two", count=9), size=6, limits=full) == ["one-v1"]
    assert leaving(hot("one", priority=1), hot("two", count=9), size=6, limits=full) == ["two-v1"]
    assert leaving(hot("one"), hot("two"), hot("three"), size=5, limits=full) == []


def test_a_new_version_takes_the_place_of_the_one_that_is_held() -> None:
    tiers = {"cache": Tier({"one-v0": 1})}
    found = plan(Snapshot(cubes=(hot("one"),), tiers=tiers, scrubbed=NOW), NOW)
    assert [decision.key for decision in found] == ["demote:cache:one-v0", "promote:cache:one:one-v1"]


def test_every_lively_conversation_gets_its_working_memory() -> None:
    spoken = Conversation(("a",), "s", NOW, "foxes", ())
    [decision] = plan(Snapshot(conversations=(spoken,), scrubbed=NOW), NOW)
    assert (decision.action, decision.subject) == (Action.REMEMBER, "s")


def test_texts_without_vectors_and_old_checks_are_looked_after() -> None:
    assert planned(unembedded=3) == [(Action.REEMBED, ())]
    for last, due in ((None, True), (NOW - 7 * DAY, True), (NOW - 6 * DAY, False)):
        found = plan(Snapshot(scrubbed=last), NOW)
        assert [decision.action for decision in found] == [Action.SCRUB] * due


def a_lot() -> Snapshot:
    return Snapshot(
        cubes=(*messages(5), hot("one"), cube("two", expires_at=NOW), cube("three", count=1, last_access=NOW)),
        conversations=(Conversation(("a",), "s", NOW, "foxes", ()),),
        tiers={"cache": Tier({})},
        unembedded=1,
    )


def test_the_most_urgent_comes_first_and_limits_hold() -> None:
    limits = Limits(episode=5)
    found = [decision.action for decision in plan(a_lot(), NOW, limits)]
    assert found == sorted(found, key=list(Action).index)
    assert len(found) == 7
    few = plan(a_lot(), NOW, Limits(episode=5, decisions=3))
    assert [decision.action for decision in few] == found[:3]


def test_the_same_snapshot_gives_the_same_plan_whatever_its_order() -> None:
    first, again = plan(a_lot(), NOW), plan(a_lot(), NOW)
    assert first == again
    shuffled = Snapshot(**{**vars(a_lot()), "cubes": a_lot().cubes[::-1]})
    assert key_set(plan(shuffled, NOW)) == key_set(first)


def key_set(found: list[Decision]) -> set[str]:
    return {decision.key for decision in found}


# -- policies ---------------------------------------------------------------------------------------


def test_each_policy_keeps_what_it_says() -> None:
    cubes = [
        cube("lru", last_access=NOW, count=1),
        cube("lfu", last_access=NOW - DAY, count=9),
        cube("nearness", age=2 * DAY),
        cube("label", tags=("wanted",), age=2 * DAY),
        cube("priority", priority=3, age=2 * DAY),
    ]
    view = View(nearness={"nearness": 0.9}, labels=["wanted"])
    for name in POLICIES:
        assert [each.id for each in kept(cubes, by=[name], view=view, most=1)] == [name]
    assert set(POLICIES) == {each.id for each in cubes}


def test_where_the_first_policy_does_not_decide_the_next_does() -> None:
    cubes = [cube("one", priority=1), cube("two", priority=1, count=3, last_access=NOW), cube("three")]
    assert [each.id for each in kept(cubes, by=["priority", "lfu"])] == ["two", "one", "three"]
    assert [each.id for each in kept([cubes[2], cubes[0]], by=["label"])] == ["three", "one"]


def test_what_does_not_fit_into_the_budget_is_passed_over_for_what_does() -> None:
    cubes = [cube("one", "x" * 6, priority=3), cube("two", "x" * 5, priority=2), cube("three", "x" * 4)]
    assert [each.id for each in kept(cubes, by=["priority"], budget=10, cost=lambda each: len(each.text))] == [
        "one",
        "three",
    ]
    assert [each.id for each in kept(cubes, by=["priority"], budget=10, most=1, cost=lambda each: len(each.text))] == [
        "one"
    ]
    assert kept([*cubes, cubes[0]], by=["priority"], most=9) == cubes


def test_an_unknown_policy_is_refused() -> None:
    with pytest.raises(InvalidInput, match="no policy 'fifo'; known are lru, lfu"):
        kept([], by=["fifo"])
