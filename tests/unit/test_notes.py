"""Notes: what another system knew, taken over in its words."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from memos_core import Kind, MemOS, Note, Origin, Trust
from memos_core.cube.claim import Claim
from memos_core.errors import InvalidInput, InvalidText, NaiveDatetime
from memos_core.testing.embedders import HashingEmbedder

MAY, JUNE = (datetime(2024, month, 1, tzinfo=timezone.utc) for month in (5, 6))


@pytest.fixture
def memos() -> MemOS:
    return MemOS.open(":memory:", embedder=HashingEmbedder())


def test_a_note_keeps_what_its_author_said_of_it(memos: MemOS) -> None:
    claim = Claim(subject="Ana", predicate="works at", object="the Observatory", single_valued=True)
    note = Note(
        text="Ana works at the Observatory.",
        kind=Kind.PROFILE,
        at=MAY,
        until=JUNE,
        id="n1",
        uri="mem://1",
        speaker="Ana",
        tags=("job",),
        entities=("Observatory",),
        claims=(claim,),
        metadata={"score": 0.5},
    )
    [cube] = memos.add(note, namespace="a").written
    assert (cube.text, cube.kind, cube.tags, cube.metadata) == (note.text, Kind.PROFILE, ("job",), {"score": 0.5})
    assert cube.occurred is not None
    assert (cube.occurred.start, cube.occurred.end) == (MAY, JUNE)
    assert cube.provenance.origin is Origin.IMPORT
    assert (cube.provenance.source_id, cube.provenance.source_uri, cube.provenance.speaker) == ("n1", "mem://1", "Ana")
    assert cube.claims == (claim,)
    assert cube.entities == ("Observatory", "Ana")
    assert cube.governance.trust is Trust.AGENT


def test_what_it_does_not_say_is_found_in_its_text(memos: MemOS) -> None:
    [cube] = memos.add(Note(text="I live in Porto.", speaker="Ana"), namespace="a").written
    assert [(claim.subject, claim.object) for claim in cube.claims] == [("Ana", "Porto")]
    assert "Porto" in cube.entities
    [silent] = memos.add(Note(text="I live in Porto.", speaker="Ana", claims=()), namespace="b").written
    assert silent.claims == ()


def test_notes_stand_alone_and_are_updated_by_their_id(memos: MemOS) -> None:
    first, second = memos.add([Note(text="The fox is red.", id="1"), Note(text="The owl is white.")], namespace="a").ids
    assert memos.get(second).follows is None
    changed = memos.add([Note(text="The fox is grey.", id="1")], namespace="a")
    assert changed.ids == (first,)
    assert memos.add([Note(text="The fox is grey.", id="1")], namespace="a").written == ()


def test_a_note_that_cannot_be_is_refused() -> None:
    with pytest.raises(NaiveDatetime):
        Note(text="x", at=datetime(2024, 1, 1))  # noqa: DTZ001
    with pytest.raises(InvalidInput, match="since when"):
        Note(text="x", until=MAY)
    with pytest.raises(InvalidInput, match="since when"):
        Note(text="x", at=JUNE, until=MAY)
    with pytest.raises(InvalidInput, match="kind"):
        Note(text="x", kind="thought")


def test_notes_that_cannot_be_stored_are_refused_whole(memos: MemOS) -> None:
    with pytest.raises(InvalidText):
        memos.add([Note(text="The fox is red."), Note(text=" ")], namespace="a")
    with pytest.raises(InvalidInput, match="together"):
        memos.add([Note(text="The fox is red."), "The owl is white."], namespace="a")  # type: ignore[list-item]
    assert memos.list(namespace="a") == []


def test_a_passage_of_a_document_is_trusted_as_one_and_its_i_is_nobody_here() -> None:
    with MemOS.open(":memory:", embedder=HashingEmbedder()) as memos:
        [cube] = memos.add(Note(text="I live in Lisbon.", kind=Kind.DOCUMENT), namespace="a").written
        assert (cube.provenance.origin, cube.governance.trust) == (Origin.DOCUMENT, Trust.DOCUMENT)
        assert cube.claims == ()


def test_a_note_outlives_the_truth_of_what_it_was_read_out_of_and_not_its_words(memos: MemOS) -> None:
    [said] = memos.add("I have a dog.", namespace="a").written
    [note] = memos.add(Note(text="The dog is called Rex.", derived_from=(said.version,)), namespace="a").written
    walk = memos.derive("Buy food for the dog.", because=said.id)
    memos.add("I no longer have a dog.", namespace="a")
    assert [memos.get(each.id).state.value for each in (note, walk)] == ["generated", "archived"]
    assert memos.erase(said.id).derived == (note.id, walk.id)
