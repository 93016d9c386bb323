"""Principals and grants: what is not granted is denied, and a handle cannot be widened."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memos_core import MemOS, Message
from memos_core.cube.grant import Grant, Right, Role, grant
from memos_core.cube.memcube import Kind, State, Trust
from memos_core.errors import CubeNotFound, InvalidGrant, InvalidInput, InvalidTransition, NotPermitted
from memos_core.testing.clock import ManualClock
from memos_core.testing.embedders import HashingEmbedder

ANA, BOB = "acme/ana", "acme/bob"
HOUR = timedelta(hours=1)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(params=["file", "memory"])
def memos(request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock) -> Iterator[MemOS]:
    path = tmp_path / "vault.db" if request.param == "file" else ":memory:"
    with MemOS.open(path, embedder=HashingEmbedder(), clock=clock) as found:
        yield found


def texts(memos: MemOS, namespace: str) -> list[str]:
    return sorted(cube.text for cube in memos.list(namespace=namespace))


def test_nothing_is_allowed_that_was_not_granted(memos: MemOS) -> None:
    memos.add("The fox is red.", namespace=ANA)
    with pytest.raises(NotPermitted, match="agent:bot may not read in acme/ana") as refused:
        memos.as_principal("agent:bot").search("fox", namespace=ANA)
    assert isinstance(refused.value, PermissionError)


def test_a_grant_holds_below_its_namespace_and_not_beside_or_above_it(memos: MemOS) -> None:
    for place in ("acme", ANA, "acme/ana/work", "acme/anabel", BOB):
        memos.add(f"The fox is in {place}.", namespace=place)
    memos.grant("agent:bot", namespace=ANA, role="reader")
    bot = memos.as_principal("agent:bot")
    assert texts(bot, ANA) == ["The fox is in acme/ana.", "The fox is in acme/ana/work."]
    assert bot.namespaces(namespace="acme") == [("acme", "ana"), ("acme", "ana", "work")]
    assert bot.namespaces(namespace="acme", kinds=["episode"]) == [("acme", "ana"), ("acme", "ana", "work")]
    assert bot.namespaces(namespace="acme", kinds=["fact"]) == []
    for place in ("acme", BOB, "acme/anabel"):
        with pytest.raises(NotPermitted):
            bot.list(namespace=place)


def test_a_filter_of_namespaces_tells_nothing_of_what_a_grant_does_not_cover(memos: MemOS) -> None:
    memos.add([Message(content="The fox is red.", metadata={"secret": 1})], namespace=ANA)
    memos.grant("agent:bot", namespace=ANA, role="reader", where={"secret": 0})
    bot = memos.as_principal("agent:bot")
    assert memos.namespaces(namespace="acme", where={"secret": 1}) == [("acme", "ana")]
    assert bot.namespaces(namespace="acme", where={"secret": 1}) == []
    assert bot.namespaces(namespace="acme", kinds=["episode"]) == []
    memos.add([Message(content="The owl is grey.", metadata={"secret": 0})], namespace=ANA)
    assert bot.namespaces(namespace="acme", kinds=["episode"]) == [("acme", "ana")]


def test_a_revoked_grant_ends_at_once_and_in_every_handle(memos: MemOS) -> None:
    memos.grant("agent:bot", namespace=ANA, role="editor")
    bot = memos.as_principal("agent:bot")
    [cube] = bot.add("The fox is red.", namespace=ANA).ids
    memos.revoke("agent:bot", namespace=ANA)
    with pytest.raises(NotPermitted):
        bot.add("The fox is blue.", namespace=ANA)
    with pytest.raises(CubeNotFound):
        bot.get(cube)
    with pytest.raises(InvalidGrant, match="no grant"):
        memos.revoke("agent:bot", namespace=ANA)


def test_a_grant_expires(memos: MemOS, clock: ManualClock) -> None:
    memos.grant("agent:bot", namespace=ANA, role="reader", expires_at=clock.now() + HOUR)
    bot = memos.as_principal("agent:bot")
    bot.list(namespace=ANA)
    clock.advance(HOUR)
    with pytest.raises(NotPermitted):
        bot.list(namespace=ANA)


def test_a_grant_of_some_kinds_shows_these_alone(memos: MemOS) -> None:
    said = memos.add("The fox is red.", namespace=ANA).ids[0]
    concluded = memos.derive("The fox is seen.", because=said).id
    memos.grant("agent:bot", namespace=ANA, role="editor", kinds=["fact"])
    bot = memos.as_principal("agent:bot")
    assert texts(bot, ANA) == ["The fox is seen."]
    assert [hit.cube.id for hit in bot.search("fox", namespace=ANA)] == [concluded]
    assert bot.list(namespace=ANA, kinds=["episode"]) == []
    with pytest.raises(CubeNotFound):
        bot.get(said)
    with pytest.raises(NotPermitted):
        bot.add("The fox is blue.", namespace=ANA)
    [premises] = bot.why(concluded).justifications
    assert [premise.cube for premise in premises] == [None]


def test_a_grant_with_a_condition_is_about_memories_that_meet_it_alone(memos: MemOS) -> None:
    def noted(text: str, **metadata: object) -> str:
        return memos.add(Message(content=text, metadata=metadata), namespace=ANA).ids[0]

    open_, secret = (
        noted("The fox is red.", project="apollo", level=1),
        noted("The fox is sly.", project="apollo", level=5),
    )
    plain = noted("The fox is old.")
    memos.grant("agent:bot", namespace=ANA, role="editor", where={"project": "apollo", "level": {"$lt": 3}})
    bot = memos.as_principal("agent:bot")
    assert texts(bot, ANA) == ["The fox is red."]
    assert [hit.cube.id for hit in bot.search("fox", namespace=ANA)] == [open_]
    for foreign in (secret, plain):
        with pytest.raises(CubeNotFound):
            bot.get(foreign)
    for change in (
        lambda: bot.update(open_, metadata={"project": "gemini"}),
        lambda: bot.add("The fox is blue.", namespace=ANA),
        lambda: bot.add(Message(content="The fox is blue.", metadata={"project": "apollo", "level": 4}), namespace=ANA),
    ):
        with pytest.raises(NotPermitted):
            change()
    bot.add(Message(content="The fox is blue.", metadata={"project": "apollo", "level": 2}), namespace=ANA)
    bot.update(open_, "The fox is grey.")
    assert texts(bot, ANA) == ["The fox is blue.", "The fox is grey."]
    memos.grant("agent:bot", namespace="acme", role="reader", kinds=["fact"])
    seen = memos.derive("The fox is seen.", because=plain)
    assert seen.text in texts(bot, ANA)
    assert "The fox is old." not in texts(bot, ANA)
    with pytest.raises(InvalidInput):
        memos.grant("agent:bot", namespace=ANA, role="reader", where={"a b": 1})


def test_a_new_grant_takes_the_place_of_the_old_one(memos: MemOS) -> None:
    for role in ("owner", "reader"):
        memos.grant("agent:bot", namespace=ANA, role=role)
    assert [(each.principal, each.role) for each in memos.grants()] == [("agent:bot", Role.READER)]
    with pytest.raises(NotPermitted):
        memos.as_principal("agent:bot").add("The fox is red.", namespace=ANA)


@pytest.mark.parametrize(
    "more",
    [
        {"namespace": "acme"},
        {"namespace": BOB},
        {"kinds": None},
        {"kinds": ["fact", "episode"]},
        {"where": None},
        {"where": {"project": "gemini"}},
        {"max_trust": "user"},
        {"max_trust": None},
        {"expires_at": None},
        {"expires_at": 2 * HOUR},
    ],
)
def test_nobody_grants_more_than_they_own(memos: MemOS, clock: ManualClock, more: dict[str, object]) -> None:
    own = {
        "namespace": ANA,
        "kinds": ["fact"],
        "where": {"project": "apollo"},
        "max_trust": "tool",
        "expires_at": clock.now() + HOUR,
    }
    memos.grant("user:ana", role="owner", **own)  # type: ignore[arg-type]
    ana = memos.as_principal("user:ana")
    ana.grant("user:eve", role="owner", **own)  # type: ignore[arg-type]
    wanted = own | more
    if isinstance(wanted["expires_at"], timedelta):
        wanted["expires_at"] = clock.now() + wanted["expires_at"]
    before = memos.grants()
    with pytest.raises(NotPermitted):
        ana.grant("user:eve", role="reader", **wanted)  # type: ignore[arg-type]
    assert memos.grants() == before


def test_who_may_read_sees_their_own_grants_and_owners_those_of_their_namespace(memos: MemOS) -> None:
    memos.grant("user:ana", namespace=ANA, role="owner")
    memos.grant("user:eve", namespace=ANA, role="reader")
    memos.grant("user:bob", namespace=BOB, role="owner")
    holders = {
        name: [each.principal for each in memos.as_principal(f"user:{name}").grants()] for name in ("ana", "eve", "bob")
    }
    assert holders == {"ana": ["user:ana", "user:eve"], "eve": ["user:eve"], "bob": ["user:bob"]}
    assert len(memos.grants()) == 3
    assert [each.principal for each in memos.grants(namespace=BOB)] == ["user:bob"]


def test_a_handle_cannot_be_widened(memos: MemOS) -> None:
    memos.grant("user:ana", namespace=ANA, role="owner")
    ana = memos.as_principal("user:ana")
    assert ana.as_principal("user:ana").grants() == ana.grants()
    with pytest.raises(NotPermitted, match="may not act as user:bob"):
        ana.as_principal("user:bob")


def test_a_closed_handle_leaves_the_vault_open(memos: MemOS) -> None:
    with memos.as_principal("user:ana"):
        pass
    memos.add("The fox is red.", namespace=ANA)


def test_a_cube_of_another_namespace_cannot_be_overwritten_by_its_id(memos: MemOS) -> None:
    [foreign] = memos.add(Message(content="The fox is red.", id="m1"), namespace=BOB).written
    memos.grant("user:ana", namespace=ANA, role="owner")
    ana = memos.as_principal("user:ana")
    draft = ana._writer.draft_of([(foreign, foreign.content().model_copy(update={"namespace": ("acme", "ana")}))])
    with pytest.raises(NotPermitted):
        ana._writer.store(draft)
    assert memos.get(foreign.id) == foreign
    ana.add(Message(content="The fox is blue.", id="m1"), namespace=ANA)
    assert texts(memos, BOB) == ["The fox is red."]


def test_what_follows_from_a_change_follows_where_its_author_cannot_see(memos: MemOS) -> None:
    [premise] = memos.add("The bridge is open.", namespace=ANA).ids
    conclusion = memos.derive("The way is short.", because=premise, namespace=BOB)
    memos.grant("user:ana", namespace=ANA, role="owner")
    ana = memos.as_principal("user:ana")
    assert ana.impact(premise) == []
    ana.forget(premise)
    assert memos.get(conclusion.id).state is State.ARCHIVED
    memos.revive(premise)
    receipt = ana.erase(premise)
    assert (receipt.cubes, receipt.derived) == ((premise,), ())
    with pytest.raises(CubeNotFound):
        memos.get(conclusion.id)


@pytest.mark.parametrize(
    ("principal", "most"), [("user:ana", Trust.USER), ("agent:bot", Trust.AGENT), ("app:crawler", Trust.TOOL)]
)
def test_nobody_writes_what_is_trusted_further_than_they_are(memos: MemOS, principal: str, most: Trust) -> None:
    memos.grant(principal, namespace=ANA, role="editor")
    [written] = memos.as_principal(principal).add("The fox is red.", namespace=ANA).written
    assert written.governance.trust is most
    assert written.provenance.actor == principal
    memos.grant(principal, namespace=ANA, role="editor", max_trust="document")
    handle = memos.as_principal(principal)
    assert handle.update(written.id, "The fox is blue.").governance.trust is Trust.DOCUMENT
    assert handle.derive("It is seen.", because=written.id).governance.trust is Trust.DOCUMENT


class TestContributions:
    @pytest.fixture
    def bot(self, memos: MemOS) -> MemOS:
        memos.grant("agent:bot", namespace=ANA, role="contributor")
        return memos.as_principal("agent:bot")

    def test_an_accepted_memory_is_recalled_and_a_rejected_one_never(self, memos: MemOS, bot: MemOS) -> None:
        good, bad = bot.add([Message(content="The fox is red."), Message(content="The fox lies.")], namespace=ANA).ids
        assert memos.search("fox", namespace=ANA) == []
        assert {cube.id for cube in bot.pending(namespace=ANA)} == {good, bad}
        assert memos.accept(good).state is State.GENERATED
        assert memos.reject(bad, reason="untrue").state is State.ARCHIVED
        assert texts(memos, ANA) == ["The fox is red."]
        assert memos.pending(namespace=ANA) == []

    def test_only_what_waits_is_judged(self, memos: MemOS, bot: MemOS) -> None:
        [cube] = bot.add("The fox is red.", namespace=ANA).ids
        memos.reject(cube)
        [other] = memos.add("The owl is white.", namespace=ANA).ids
        memos.forget(other)
        for judge in (memos.accept, memos.reject):
            for name in (cube, other):
                with pytest.raises(InvalidTransition, match="pending"):
                    judge(name)

    def test_a_contributor_changes_nothing_that_is_there(self, memos: MemOS, bot: MemOS) -> None:
        memos.add(Message(content="The fox is red.", id="m1"), namespace=ANA)
        with pytest.raises(NotPermitted):
            bot.add(Message(content="The fox is blue.", id="m1"), namespace=ANA)
        assert texts(memos, ANA) == ["The fox is red."]

    def test_a_claim_that_waits_replaces_nothing(self, memos: MemOS, bot: MemOS) -> None:
        memos.add(Message(content="I live in Rome.", name="Ana"), namespace=ANA)
        added = bot.add(Message(content="I live in Oslo.", name="Ana"), namespace=ANA)
        assert (added.superseded, added.conflicts) == ((), ())
        assert [belief.claim.object for belief in memos.claims(namespace=ANA)] == ["Rome"]

    def test_a_conclusion_from_what_waits_waits_and_does_not_hold(self, memos: MemOS, bot: MemOS) -> None:
        [cube] = bot.add("The fox is red.", namespace=ANA).ids
        conclusion = bot.derive("It is seen.", because=cube)
        assert memos.get(conclusion.id).state is State.ARCHIVED
        assert texts(memos, ANA) == []


@pytest.mark.parametrize(
    "make",
    [
        lambda: grant("ana", namespace=ANA, role="reader"),
        lambda: grant("user:", namespace=ANA, role="reader"),
        lambda: grant("robot:x", namespace=ANA, role="reader"),
        lambda: grant("user:ana", namespace=ANA, role="king"),
        lambda: grant("user:ana", namespace=ANA, role="reader", kinds=["poem"]),
        lambda: grant("user:ana", namespace=ANA, role="reader", kinds="fact"),
        lambda: grant("user:ana", namespace=ANA, role="reader", max_trust="blind"),
    ],
)
def test_a_grant_that_is_not_understood_is_refused(make: Callable[[], Grant]) -> None:
    with pytest.raises(InvalidGrant):
        make()


PLACES = [("a",), ("a", "b"), ("a", "c"), ("d",)]
GRANTS = st.builds(
    lambda place, role, kinds, where: grant("user:ana", namespace=place, role=role, kinds=kinds, where=where),
    st.sampled_from(PLACES),
    st.sampled_from(list(Role)),
    st.sampled_from([None, [Kind.FACT], [Kind.EPISODE]]),
    st.sampled_from([None, {"shared": True}, {"shared": {"$ne": True}}]),
)


@settings(deadline=None)
@given(st.lists(GRANTS, max_size=4), st.sampled_from(PLACES))
def test_what_is_seen_is_what_the_grants_allow(given_to: list[Grant], place: tuple[str, ...]) -> None:
    with MemOS.open(":memory:", embedder=HashingEmbedder(), clock=ManualClock()) as memos:
        for each in PLACES:
            said = memos.add(Message(content="The fox is red.", metadata={"shared": len(each) == 1}), namespace=each)
            memos.derive("The fox is seen.", because=said.ids[0], metadata={"shared": len(each) == 2})
        latest = {each.namespace: each for each in given_to}
        for each in given_to:
            conditions = {at.key: {at.comparison.value: at.value} for at in each.where}
            memos.grant("user:ana", namespace=each.namespace, role=each.role, kinds=each.kinds, where=conditions)
        handle, now = memos.as_principal("user:ana"), memos._clock.now()
        every = [cube for each in (("a",), ("d",)) for cube in memos.list(namespace=each)]
        seen = {
            cube.id
            for cube in every
            if any(
                each.allows(Right.READ, cube.namespace, now=now, kind=cube.kind, metadata=cube.metadata)
                for each in latest.values()
            )
        }
        assert {cube.id for cube in handle._vault.get([cube.id for cube in every])} == seen
        try:
            found = {hit.cube.id for hit in handle.search("fox", namespace=place)}
        except NotPermitted:
            assert not any(each.allows(Right.READ, place, now=now) for each in latest.values())
        else:
            assert found <= seen
            assert all(cube.namespace[: len(place)] == place for cube in every if cube.id in found)


class TestAudit:
    def test_changes_and_reads_of_principals_are_recorded_without_content(self, memos: MemOS) -> None:
        memos.grant("agent:bot", namespace=ANA, role="editor")
        bot = memos.as_principal("agent:bot")
        [cube] = bot.add("The fox is red.", namespace=ANA).ids
        bot.search("fox", namespace=ANA)
        bot.update(cube, "The fox is blue.")
        bot.forget(cube)
        with pytest.raises(NotPermitted):
            bot.erase(cube)
        bot.close()
        memos.erase(cube)
        log = memos.audit(namespace=ANA)[::-1]
        assert [(entry.principal, entry.action) for entry in log] == [
            ("owner", "grant"),
            ("agent:bot", "add"),
            ("agent:bot", "update"),
            ("agent:bot", "forget"),
            ("agent:bot", "read"),
            ("agent:bot", "refused"),
            ("owner", "erase"),
        ]
        assert "fox" not in str(log)
        assert {entry.action for entry in memos.audit(cube=cube)} == {"add", "update", "forget", "read", "erase"}
        assert list(memos.verify()) == []

    def test_what_is_rolled_back_did_not_happen(self, memos: MemOS) -> None:
        with pytest.raises(ZeroDivisionError), memos.transaction():  # noqa: PT012
            memos.add("The fox is red.", namespace=ANA)
            1 / 0  # noqa: B018
        assert memos.audit() == []

    def test_an_owner_of_a_namespace_reads_its_log_and_no_other(self, memos: MemOS) -> None:
        memos.grant("user:ana", namespace=ANA, role="owner")
        memos.add("The fox is red.", namespace=ANA)
        memos.add("The owl is white.", namespace=BOB)
        ana = memos.as_principal("user:ana")
        assert {entry.namespace for entry in ana.audit(namespace=ANA)} == {("acme", "ana")}
        for place in (None, "acme", BOB):
            with pytest.raises(NotPermitted):
                ana.audit(namespace=place)

    def test_a_large_change_is_several_entries(self, memos: MemOS) -> None:
        memos.add([Message(content=f"note {number}") for number in range(700)], namespace=ANA)
        assert [len(entry.cubes) for entry in memos.audit(action="add")] == [200, 500]

    def test_many_reads_are_written_down_before_the_handle_is_closed(self, memos: MemOS) -> None:
        memos.grant("agent:bot", namespace=ANA, role="reader")
        ids = memos.add([Message(content=f"note {number}") for number in range(100)], namespace=ANA).ids
        bot = memos.as_principal("agent:bot")
        for name in ids:
            bot.get(name)
        assert len(memos.audit(action="read", principal="agent:bot")) == 64


def test_rights_are_set_stay_with_later_versions_and_travel_with_restores(memos: MemOS) -> None:
    [cube] = memos.add(Message(content="The fox is red.", id="m1"), namespace=ANA).written
    memos.set_rights(cube.id, licence="CC-BY-4.0")
    memos.set_rights(cube.id, watermark="fox school 17")
    memos.update(cube.id, "The fox is grey.")
    governance = memos.get(cube.id).governance
    assert (governance.licence, governance.watermark) == ("CC-BY-4.0", "fox school 17")
    assert memos.set_rights(cube.id, licence="").governance.licence is None
    with pytest.raises(InvalidInput):
        memos.set_rights(cube.id, watermark=17)  # type: ignore[arg-type]
