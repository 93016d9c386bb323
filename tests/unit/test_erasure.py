"""Erasure: what goes with what is erased, what is made anew of the rest, and what cannot come back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from memos_core import Document, Limits, MemCube, MemOS, Message
from memos_core.cube.memcube import State
from memos_core.cube.message import Note
from memos_core.errors import CubeNotFound, InvalidTransition
from memos_core.infrastructure.exchange.importers import Item, Noted, Said, Written
from memos_core.operation.erasure import mark_of
from memos_core.operation.pipeline import summarise
from memos_core.operation.scheduler.decisions import Action
from memos_core.system.importing import take_in
from memos_core.testing.clock import ManualClock
from memos_core.testing.embedders import HashingEmbedder

DAY = timedelta(days=1)
ALL = Limits(episode=4, summary_words=1_000)
TALK = (
    "Her number is zq4711, she said at the gate.",
    "The lighthouse keeper told us about the storm.",
    "Femke painted the lighthouse from the pier.",
    "In the evening we ate fish at the harbour.",
)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def memos(clock: ManualClock, tmp_path: Path) -> Iterator[MemOS]:
    with MemOS.open(tmp_path / "vault.db", embedder=HashingEmbedder(), clock=clock) as found:
        yield found


def talked(memos: MemOS, clock: ManualClock) -> tuple[list[str], MemCube]:
    """A conversation that is summed up: ids of its messages, and the summary."""
    ids = memos.add([Message(content=text, role="user") for text in TALK], namespace="a", session="s").ids
    clock.advance(2 * DAY)
    memos.tick(limits=ALL)
    return list(ids), summary(memos)


def summary(memos: MemOS) -> MemCube:
    [found] = memos.list(namespace="a", kinds=["summary"])
    return found


def is_anywhere(memos: MemOS, word: str, folder: Path) -> bool:
    """Whether a word is in anything that any operation says, or in any byte of any file."""
    said = any(word.encode() in (op.body or b"") for _, op in memos._whole.log(limit=9_999))
    memos.stats()
    return said or any(word.encode() in path.read_bytes() for path in folder.iterdir())


def test_a_summary_that_quotes_what_is_erased_goes_with_it_and_is_made_anew_of_the_rest(
    memos: MemOS, clock: ManualClock, tmp_path: Path
) -> None:
    ids, old = talked(memos, clock)
    assert "zq4711" in old.text
    plan = memos.derive("Call zq4711 in the morning.", because=old.id)
    receipt = memos.erase(ids[0])
    assert set(receipt.derived) == {old.id, plan.id}
    assert not is_anywhere(memos, "zq4711", tmp_path)
    [planned] = [each for each in memos.tick(dry_run=True, limits=ALL) if each.decision.action is Action.SUMMARISE]
    assert "was erased" in planned.decision.reason
    memos.tick(limits=ALL)
    new = summary(memos)
    assert new.id != old.id
    assert "lighthouse" in new.text
    assert set(new.provenance.derived_from) == {memos.get(name).version for name in ids[1:]}


def test_a_summary_goes_whose_earlier_version_quoted_it(memos: MemOS, clock: ManualClock, tmp_path: Path) -> None:
    ids, old = talked(memos, clock)
    memos.forget(ids[0])
    memos.tick(limits=ALL)
    assert "zq4711" not in memos.get(old.id).text
    memos.erase(ids[0])
    assert not is_anywhere(memos, "zq4711", tmp_path)
    memos.tick(limits=ALL)
    assert "lighthouse" in summary(memos).text


@pytest.mark.parametrize("how", ["expire", "forget"])
def test_summaries_and_conclusions_out_of_recall_go_as_well(
    memos: MemOS, clock: ManualClock, tmp_path: Path, how: str
) -> None:
    ids, old = talked(memos, clock)
    [made] = memos.pipeline([summarise(words=500)], namespace="a", session="s", kinds=["episode"])
    conclusion = memos.derive("Call zq4711.", because=ids[0])
    for name in (old.id, made.cube_id, conclusion.id):
        getattr(memos, how)(name)
    assert set(memos.erase(ids[0]).derived) == {old.id, made.cube_id, conclusion.id}
    assert not is_anywhere(memos, "zq4711", tmp_path)
    memos.tick(limits=ALL)
    assert memos._whole.jobs() == []


def test_what_was_merged_into_it_says_the_same_and_goes(memos: MemOS, clock: ManualClock, tmp_path: Path) -> None:
    [ground] = memos.add("Femke told me at the door.", namespace="a").ids
    old = memos.derive("Femke has the number zq4711", because=ground)
    other = memos.derive("Femke has the number zq4712", because=ground)
    clock.advance(DAY)
    new = memos.derive("Femke has the number zq4711.", because=ground)
    memos.tick()
    assert memos.get(old.id).state is State.MERGED
    assert memos.erase(new.id).derived == (old.id,)
    assert not is_anywhere(memos, "zq4711", tmp_path)
    assert memos.get(other.id).text.endswith("zq4712")


def test_a_conclusion_that_others_carry_stays_in_its_words(memos: MemOS) -> None:
    dog, vet = memos.add([Message(content=text) for text in ("I have a dog.", "The vet came.")], namespace="a").ids
    for premise in (dog, vet):
        conclusion = memos.derive("There is a dog.", because=premise)
    assert memos.erase(dog).derived == ()
    assert memos.get(conclusion.id).is_stale
    assert memos.erase(vet).derived == (conclusion.id,)


def test_a_frozen_summary_holds_back_the_erasure_of_what_it_quotes(memos: MemOS, clock: ManualClock) -> None:
    ids, old = talked(memos, clock)
    memos.freeze(old.id)
    with pytest.raises(InvalidTransition, match="thaw"):
        memos.erase(ids[0])
    assert memos.get(ids[0])


# -- what was erased does not come back by an import ------------------------------------------------


def items(*texts: str) -> list[Item]:
    """A message, a document of two passages, and a note, as importers read them."""
    said, first, second, noted = texts
    document = Document(text=f"# One\n\n{first}\n\n# Two\n\n{second}", id="d.md", media_type="text/markdown")
    return [
        Said(where="line 1", session="s", message=Message(content=said, id="m1", role="user")),
        Written(where="d.md", document=document),
        Noted(where="line 3", note=Note(text=noted, id="n1")),
    ]


ITEMS = items("The fox is red.", "The owl is white.", "The hare is brown.", "Ana likes stags.")


def texts(memos: MemOS) -> set[str]:
    return {cube.text.strip().split("\n")[-1] for cube in memos.list(namespace="a")}


def test_importing_again_brings_nothing_back_that_was_erased(memos: MemOS) -> None:
    assert take_in(memos, ITEMS, namespace="a").written == 4
    gone = [cube for cube in memos.list(namespace="a") if "owl" not in cube.text]
    memos.erase([cube.id for cube in gone])
    found = take_in(memos, items("The fox is blue.", *"xyz"), namespace="a")
    assert found.erased == 3
    assert texts(memos) == {"x"}
    assert take_in(memos, ITEMS, namespace="b").written == 4


def test_who_says_it_again_is_heard(memos: MemOS) -> None:
    take_in(memos, ITEMS[:1], namespace="a")
    memos.erase(memos.list(namespace="a")[0].id)
    memos.add(Message(content="The fox is red.", id="m1"), namespace="a")
    assert texts(memos) == {"The fox is red."}


def test_a_mark_survives_a_rebuild_travels_and_tells_nothing(memos: MemOS, tmp_path: Path) -> None:
    secret = Message(content="The fox is red.", id="patient-zq4711.pdf")
    [cube] = memos.add(secret, namespace="a").written
    memos.erase(cube.id)
    memos.rebuild()
    assert memos.verify() == []
    assert not is_anywhere(memos, "zq4711", tmp_path)
    assert memos.stats().cubes == 0
    assert mark_of(cube) == mark_of(cube.content())
    assert [entry.cubes for entry in memos.audit(action="erase")] == [(cube.id,)]
    with pytest.raises(CubeNotFound):
        memos.get(mark_of(cube) or "")
    with MemOS.open(":memory:", embedder=HashingEmbedder()) as other:
        other.merge(tmp_path / "vault.db")
        assert take_in(other, [Said(where="x", session="s", message=secret)], namespace="a").erased == 1


def test_who_may_erase_may_leave_a_mark(memos: MemOS) -> None:
    memos.grant("user:ana", namespace="a", role="owner")
    take_in(memos, ITEMS, namespace="a")
    memos.as_principal("user:ana").erase([cube.id for cube in memos.list(namespace="a")])
    assert take_in(memos, ITEMS, namespace="a").erased == 4
