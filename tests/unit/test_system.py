"""The facade: what a user can do, and what happens when something is wrong."""

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from memos_core import Document, Interval, Kind, MemOS, Message, State, Trust
from memos_core.errors import (
    CubeNotFound,
    EmbedderMismatch,
    EmbeddingFailed,
    InvalidFilter,
    InvalidInput,
    InvalidNamespace,
    InvalidText,
    MemOSError,
    NaiveDatetime,
    TooLarge,
    VersionNotFound,
)
from memos_core.infrastructure.vault.sqlite import SQLiteVault
from memos_core.ports import Batch
from memos_core.testing.clock import ManualClock
from memos_core.testing.embedders import HashingEmbedder

START = datetime(2025, 3, 3, 12, tzinfo=timezone.utc)
MAY_8 = datetime(2023, 5, 8, 13, 56, tzinfo=timezone.utc)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture
def memos(clock: ManualClock) -> Iterator[MemOS]:
    with MemOS(SQLiteVault(":memory:", clock=clock), embedder=HashingEmbedder(), clock=clock) as opened:
        yield opened


def state_of(memos: MemOS) -> tuple[object, ...]:
    return memos.stats().operations, memos.list(namespace="alice", states=list(State))


# -- adding ----------------------------------------------------------------------------------------


def test_what_was_added_is_found_again(memos: MemOS) -> None:
    memos.add("The spare key is under the blue flower pot", namespace="alice")
    memos.add("Dinner with Tom was lovely", namespace="alice")
    assert memos.search("where is the spare key?", namespace="alice")[0].cube.text.startswith("The spare key")


def test_message_keeps_who_said_it_when_and_under_which_id(memos: MemOS) -> None:
    said = Message(
        role="assistant", name="Ana", content="I went there yesterday", at=MAY_8, id="D1:3", metadata={"n": 1}
    )
    [cube] = memos.add([said], namespace=("team", "ana")).written
    assert (cube.namespace, cube.kind, cube.text) == (("team", "ana"), Kind.EPISODE, said.content)
    assert cube.occurred == Interval.instant(MAY_8)
    assert (cube.provenance.speaker, cube.provenance.source_id, cube.source_ids) == ("Ana", "D1:3", ("D1:3",))
    assert cube.times[0].when.iso() == "2023-05-07"
    assert cube.metadata == {"n": 1}
    assert cube.governance.trust is Trust.AGENT


def test_adding_a_message_twice_writes_it_once(memos: MemOS) -> None:
    said = [Message(content="Hello", id="1", at=MAY_8), Message(content="Hi there", id="2", at=MAY_8)]
    first = memos.add(said, namespace="alice")
    again = memos.add(said, namespace="alice")
    assert not again.written
    assert again.ids == first.ids
    assert memos.stats().operations == 2


def test_an_undated_message_added_twice_keeps_its_first_date(memos: MemOS, clock: ManualClock) -> None:
    memos.add(Message(content="Hello", id="1"), namespace="alice")
    clock.advance(timedelta(days=1))
    [cube] = memos.add(Message(content="Hello", id="1"), namespace="alice").unchanged
    assert cube.said_at == START


def test_a_message_with_a_known_id_and_another_text_becomes_a_new_version(memos: MemOS) -> None:
    first = memos.add(Message(content="I live in Rome", id="1", at=MAY_8), namespace="alice").written[0]
    added = memos.add(Message(content="I live in Oslo", id="1", at=MAY_8), namespace="alice")
    assert added.written[0].id == first.id
    assert added.superseded == (first.version,)
    assert [hit.cube.text for hit in memos.search("live in", namespace="alice")] == ["I live in Oslo"]


def test_the_last_word_counts_where_one_call_names_an_id_twice(memos: MemOS) -> None:
    added = memos.add([Message(content="a one", id="1"), Message(content="a two", id="1")], namespace="alice")
    assert [cube.text for cube in added.written] == ["a two"]


def test_the_same_id_in_another_namespace_is_another_memory(memos: MemOS) -> None:
    memos.add(Message(content="mine", id="1"), namespace="alice")
    memos.add(Message(content="yours", id="1"), namespace="bob")
    memos.add(Message(content="theirs", id="1"), namespace="alice/work")
    assert len(memos.list(namespace="alice")) == 2
    assert len(memos.list(namespace="bob")) == 1


def test_a_session_goes_on_over_several_calls(memos: MemOS) -> None:
    [first] = memos.add(Message(content="Shall we?"), namespace="alice", session="s").written
    second, third = memos.add(
        [Message(content="Yes!"), Message(content="Now?")], namespace="alice", session="s"
    ).written
    [other] = memos.add(Message(content="Unrelated"), namespace="alice", session="t").written
    assert (first.follows, second.follows, third.follows, other.follows) == (None, first.id, second.id, None)
    assert [cube.provenance.position for cube in (first, second, third, other)] == [0, 1, 2, 0]


def test_what_is_said_after_an_earlier_message_has_changed_follows_the_last(memos: MemOS) -> None:
    said = [Message(content=text, id=text) for text in ("one", "two", "three")]
    first, _, third = memos.add(said, namespace="alice", session="s").written
    memos.update(first.id, metadata={"starred": True})
    [fourth] = memos.add(Message(content="four"), namespace="alice", session="s").written
    memos.add(said[1].model_copy(update={"content": "too"}), namespace="alice", session="s")
    [fifth] = memos.add(Message(content="five"), namespace="alice", session="s").written
    assert (fourth.follows, fifth.follows) == (third.id, fourth.id)
    assert [cube.provenance.position for cube in (fourth, fifth)] == [3, 4]


def test_a_new_edition_of_a_document_replaces_the_old_one(memos: MemOS) -> None:
    text = (
        "# Tea\n\n"
        + "Green tea is steeped at seventy degrees. " * 20
        + "\n\n# Coffee\n\n"
        + "Beans are ground fresh. " * 30
    )
    first = memos.add(Document(text=text, id="drinks", media_type="text/markdown"), namespace="alice")
    assert len(first.written) > 1
    memos.add(Document(text="# Tea\n\nOnly tea now.", id="drinks", media_type="text/markdown"), namespace="alice")
    present = memos.list(namespace="alice")
    assert "".join(cube.text for cube in present).strip().endswith("Only tea now.")
    archived = memos.list(namespace="alice", states=["archived"])
    assert len(present) + len(archived) == len(first.written)


def test_who_acts_is_recorded(clock: ManualClock) -> None:
    with MemOS(SQLiteVault(":memory:", clock=clock), embedder=HashingEmbedder(), actor="planner", clock=clock) as memos:
        assert memos.add("A plan", namespace="alice").written[0].provenance.actor == "planner"


def test_progress_is_told(memos: MemOS) -> None:
    told: list[tuple[int, int]] = []
    memos.add(
        [Message(content="one"), Message(content="two")], namespace="alice", progress=lambda *step: told.append(step)
    )
    assert told == [(2, 2)]


# -- changing --------------------------------------------------------------------------------------


def test_update_keeps_what_is_not_given_and_reads_the_new_text(memos: MemOS) -> None:
    [old] = memos.add(
        [Message(content="I met Tom", name="Ana", at=MAY_8, metadata={"a": 1})], namespace="alice"
    ).written
    new = memos.update(old.id, "I met Clara in Lisbon yesterday", tags=["travel"])
    assert (new.metadata, new.tags, new.provenance.speaker) == ({"a": 1}, ("travel",), "Ana")
    assert "Clara" in new.entities
    assert new.times[0].when.iso() == "2023-05-07"
    assert new.parents == (old.version,)


def test_history_tells_everything_oldest_first_and_rollback_goes_back(memos: MemOS) -> None:
    [cube] = memos.add("The meeting is at nine", namespace="alice").written
    memos.update(cube.id, "The meeting is at ten")
    memos.forget(cube.id, reason="cancelled")
    back = memos.rollback(cube.id, cube.version)
    assert (back.text, back.state) == ("The meeting is at nine", State.GENERATED)
    changes = memos.history(cube.id)
    assert [change.content.text if change.content else change.reason for change in changes] == [
        "The meeting is at nine", "The meeting is at ten", "cancelled", "The meeting is at nine",
    ]  # fmt: skip


def test_diff_names_the_fields_that_changed(memos: MemOS) -> None:
    [cube] = memos.add("Nine", namespace="alice").written
    memos.update(cube.id, tags=["x"])
    [difference] = memos.diff(cube.id, cube.version)
    assert (difference.field, difference.before, difference.after) == ("tags", [], ["x"])


def test_a_forgotten_cube_is_found_only_when_asked_for(memos: MemOS) -> None:
    [cube] = memos.add("The old address is Elm Street", namespace="alice").written
    assert memos.forget(cube.id).state is State.ARCHIVED
    memos.forget(cube.id)
    assert memos.search("old address", namespace="alice") == []
    assert memos.list(namespace="alice") == []
    assert [found.id for found in memos.list(namespace="alice", states=["archived"])] == [cube.id]
    assert len(memos.history(cube.id)) == 2


def test_an_erased_cube_leaves_only_the_fact_that_it_was_erased(memos: MemOS) -> None:
    [cube] = memos.add(Message(content="My pin is 4711", id="1"), namespace="alice").written
    receipt = memos.erase(cube.id)
    assert receipt.cubes == (cube.id,)
    with pytest.raises(CubeNotFound):
        memos.get(cube.id)
    assert [change.content for change in memos.history(cube.id)] == [None, None]
    assert memos.search("pin", namespace="alice") == []


def test_erasing_several_with_one_unknown_erases_none(memos: MemOS) -> None:
    [cube] = memos.add("Keep me", namespace="alice").written
    with pytest.raises(CubeNotFound):
        memos.erase([cube.id, "unknown"])
    assert memos.get(cube.id).text == "Keep me"


def test_versions_written_apart_are_conflicts_until_resolved(tmp_path: Path, clock: ManualClock) -> None:
    with MemOS.open(tmp_path / "a.db", embedder=HashingEmbedder(), clock=clock) as ours:
        [cube] = ours.add("We meet at nine", namespace="alice").written
        ours.backup(tmp_path / "b.db")
        copy = SQLiteVault(str(tmp_path / "b.db"), clock=clock)
        MemOS(copy, embedder=HashingEmbedder(), clock=clock).update(cube.id, "We meet at ten")
        theirs = [operation for _, operation in copy.log()]
        copy.close()
        ours.update(cube.id, "We meet at eleven")
        ours._vault.commit(Batch(theirs))
        [conflicted] = ours.conflicts(namespace="alice")
        assert len(conflicted.conflicts) == 1
        settled = ours.resolve(cube.id)
        assert settled.conflicts == ()
        assert settled.text == conflicted.text
        assert ours.conflicts(namespace="alice") == []


# -- asking ----------------------------------------------------------------------------------------


def test_a_namespace_covers_those_below_it_and_no_others(memos: MemOS) -> None:
    for name in ("acme", "acme/alice", "acme2"):
        memos.add(f"A note of {name}", namespace=name)
    found = {"/".join(hit.cube.namespace) for hit in memos.search("a note", namespace="acme")}
    assert found == {"acme", "acme/alice"}


def test_known_at_shows_what_was_held_then(memos: MemOS, clock: ManualClock) -> None:
    [cube] = memos.add("The meeting is at nine", namespace="alice").written
    then = clock.now()
    clock.advance(timedelta(hours=1))
    memos.update(cube.id, "The meeting is at ten")
    memos.add("The meeting has biscuits", namespace="alice")
    assert [hit.cube.text for hit in memos.search("meeting", namespace="alice", known_at=then)] == [
        "The meeting is at nine"
    ]
    assert memos.get(cube.id, known_at=then).text == "The meeting is at nine"


def test_as_of_leaves_out_what_had_not_happened(memos: MemOS) -> None:
    memos.add(Message(content="We adopted a cat", at=MAY_8), namespace="alice")
    assert memos.search("cat", namespace="alice", as_of=MAY_8 - timedelta(days=1)) == []
    assert len(memos.search("cat", namespace="alice", as_of=MAY_8 + timedelta(days=1))) == 1


def test_filters_narrow_a_search(memos: MemOS) -> None:
    memos.add(Message(content="apple pie", metadata={"year": 2020}), namespace="alice")
    memos.add(Message(content="apple tart", role="tool", metadata={"year": 2024}), namespace="alice")
    assert [hit.cube.text for hit in memos.search("apple", namespace="alice", where={"year": {"$gte": 2022}})] == [
        "apple tart"
    ]
    assert [hit.cube.text for hit in memos.search("apple", namespace="alice", min_trust="user")] == ["apple pie"]
    assert [hit.cube.text for hit in memos.search("apple", namespace="alice", kinds=["tool_trace"])] == ["apple tart"]


def test_context_shows_dates_and_stays_within_its_budget(memos: MemOS) -> None:
    memos.add(
        [Message(content=f"I saw whale number {n} yesterday", at=MAY_8, id=f"w{n}") for n in range(50)],
        namespace="alice",
    )
    context = memos.context("whale", namespace="alice", max_tokens=300)
    assert 0 < context.tokens <= 300
    assert "2023-05-07" in context.text
    assert context.hits
    assert context.left_out > 0


def test_context_leaves_out_what_the_model_sees_anyway(memos: MemOS) -> None:
    memos.add([Message(content=f"Whale number {n}", id=str(n)) for n in range(4)], namespace="alice")
    context = memos.context("whale", namespace="alice", limit=2, shown=["0", "1"])
    assert {hit.source_ids for hit in context.hits} == {("2",), ("3",)}


def test_recall_is_counted(clock: ManualClock) -> None:
    vault = SQLiteVault(":memory:", clock=clock)
    memos = MemOS(vault, embedder=HashingEmbedder(), clock=clock)
    [cube] = memos.add("apple pie", namespace="alice").written
    memos.search("apple", namespace="alice")
    memos.search("apple", namespace="alice")
    memos._usage.flush()
    assert memos.get(cube.id).usage.count == 2
    memos.close()


# -- upkeep ----------------------------------------------------------------------------------------


def test_another_embedder_is_refused_until_the_vectors_are_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "memory.db"
    with MemOS.open(path, embedder=HashingEmbedder(dim=32)) as memos:
        memos.add([Message(content=f"note {n}") for n in range(5)], namespace="alice")
    with MemOS.open(path, embedder=HashingEmbedder(dim=64)) as memos:
        with pytest.raises(EmbedderMismatch, match="reembed"):
            memos.search("note", namespace="alice")
        with pytest.raises(EmbedderMismatch):
            memos.add("one more", namespace="alice")
        assert len(memos.list(namespace="alice")) == 5
        assert memos.reembed() == 5
        assert len(memos.search("note", namespace="alice")) == 5
        assert memos.reembed() == 0


def test_rebuild_changes_no_answer_and_verify_finds_nothing(memos: MemOS) -> None:
    memos.add([Message(content=f"note {n} about Rome", name="Ana", at=MAY_8) for n in range(5)], namespace="alice")
    before = memos.search("Rome", namespace="alice")
    memos.rebuild()
    after = memos.search("Rome", namespace="alice")
    assert [(hit.cube.id, hit.score) for hit in before] == [(hit.cube.id, hit.score) for hit in after]
    assert memos.verify() == []


def test_a_vault_is_still_there_after_reopening(tmp_path: Path) -> None:
    with MemOS.open(tmp_path / "memory.db", embedder=HashingEmbedder()) as memos:
        memos.add("The spare key is under the pot", namespace="alice")
    with MemOS.open(tmp_path / "memory.db", embedder=HashingEmbedder()) as memos:
        assert memos.search("spare key", namespace="alice")[0].cube.text == "The spare key is under the pot"


# -- bad input: a typed error that says what to do, and nothing changes -----------------------------


@pytest.mark.parametrize(
    ("what", "error"),
    [
        ("", InvalidText),
        ("   \n", InvalidText),
        ("x" * 10_000_000, TooLarge),
        ("lone \ud800 surrogate", InvalidText),
        ("nul \0 character", InvalidText),
        (42, InvalidInput),
        (None, InvalidInput),
        (b"bytes", InvalidInput),
        ([{"content": "fine"}, {"content": ""}], InvalidText),
        ([{"content": "fine"}, {"text": "no content"}], InvalidInput),
        ([{"content": "fine", "at": "2023-05-08T10:00:00"}], NaiveDatetime),
        ([{"content": "fine", "metadata": {"x": float("nan")}}], InvalidInput),
        ([{"content": "fine", "metadata": {"x": object()}}], InvalidInput),
        ([{"content": "fine", "metadata": {"x": "y" * 1_000_000}}], TooLarge),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_what_cannot_be_added_is_refused_whole(memos: MemOS, what: object, error: type[MemOSError]) -> None:
    memos.add("already here", namespace="alice")
    before = state_of(memos)
    with pytest.raises(error):
        memos.add(what, namespace="alice")  # type: ignore[arg-type]
    assert state_of(memos) == before


@pytest.mark.parametrize(
    "namespace", [None, "", "/", "a//b", (), ("",), ("a/b",), "a\0b", "x" * 300, "\ud800", "a/" * 20 + "a", 7]
)
def test_without_a_namespace_nothing_happens(memos: MemOS, namespace: object) -> None:
    with pytest.raises(InvalidNamespace):
        memos.add("text", namespace=namespace)  # type: ignore[arg-type]
    with pytest.raises(InvalidNamespace):
        memos.search("text", namespace=namespace)  # type: ignore[arg-type]
    with pytest.raises(InvalidNamespace):
        memos.list(namespace=namespace)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("filters", "error"),
    [
        ({"as_of": datetime(2023, 1, 1)}, NaiveDatetime),  # noqa: DTZ001
        ({"known_at": datetime(2023, 1, 1)}, NaiveDatetime),  # noqa: DTZ001
        ({"kinds": ["dream"]}, InvalidFilter),
        ({"min_trust": "absolute"}, InvalidFilter),
        ({"where": {"a' or 1=1 --": 1}}, InvalidFilter),
        ({"where": {"a": {"$regex": ".*"}}}, InvalidFilter),
        ({"where": {"a": [1, 2]}}, InvalidFilter),
        ({"limit": 0}, InvalidInput),
        ({"limit": 10**9}, InvalidInput),
    ],
)
def test_a_search_that_is_not_understood_says_so(
    memos: MemOS, filters: dict[str, object], error: type[MemOSError]
) -> None:
    with pytest.raises(error):
        memos.search("anything", namespace="alice", **filters)  # type: ignore[arg-type]


def test_a_blank_question_is_refused(memos: MemOS) -> None:
    with pytest.raises(InvalidText):
        memos.search("  ", namespace="alice")


def test_an_unknown_id_is_named(memos: MemOS) -> None:
    for call in (memos.get, memos.forget, memos.erase, memos.history, memos.resolve):
        with pytest.raises(CubeNotFound, match="'nowhere'") as caught:
            call("nowhere")
        assert caught.value.cube_id == "nowhere"


def test_an_unknown_version_is_named(memos: MemOS) -> None:
    [cube] = memos.add("text", namespace="alice").written
    for call in (memos.rollback, memos.resolve, memos.diff):
        with pytest.raises(VersionNotFound, match="no version"):
            call(cube.id, "f" * 64)


def test_when_the_embedder_fails_nothing_is_stored(clock: ManualClock) -> None:
    def broken(texts: list[str]) -> list[list[float]]:
        raise ConnectionError("the server is away")

    with MemOS(SQLiteVault(":memory:", clock=clock), embedder=broken, clock=clock) as memos:
        with pytest.raises(EmbeddingFailed, match="the server is away"):
            memos.add("text", namespace="alice")
        assert memos.stats().operations == 0


@pytest.mark.parametrize("vector", [[float("nan"), 1.0], [float("inf"), 1.0], [0.0, 0.0], []])
def test_vectors_that_are_none_are_never_stored(clock: ManualClock, vector: list[float]) -> None:
    with MemOS(
        SQLiteVault(":memory:", clock=clock), embedder=lambda texts: [vector for _ in texts], clock=clock
    ) as memos:
        with pytest.raises(MemOSError):
            memos.add("text", namespace="alice")
        assert memos.stats().operations == 0
