"""Pipelines: steps over a selection, in one commit."""

from __future__ import annotations

import pytest

from memos_core import MemOS, Message
from memos_core.cube.memcube import Kind, State, Trust
from memos_core.errors import (
    BadReply,
    ChangedMeanwhile,
    CubeNotFound,
    InvalidInput,
    InvalidTransition,
    ModelWarning,
    NotPermitted,
)
from memos_core.operation.pipeline import purge, redact, retag, summarise, transfer, translate
from memos_core.testing.chat import ScriptedChatModel
from memos_core.testing.embedders import HashingEmbedder


def opened(*replies: object) -> MemOS:
    return MemOS.open(":memory:", embedder=HashingEmbedder(), llm=ScriptedChatModel(replies) if replies else None)


@pytest.fixture
def memos() -> MemOS:
    return opened()


def told(memos: MemOS, text: str, *, namespace: str = "a") -> str:
    return memos.add(Message(content=text, role="tool", name="Ana"), namespace=namespace).ids[0]


def texts(memos: MemOS, namespace: str = "a") -> set[str]:
    return {cube.text for cube in memos.list(namespace=namespace)}


def test_steps_run_one_after_the_other_in_one_commit(memos: MemOS) -> None:
    fox = told(memos, "The key of the fox is 1234.")
    told(memos, "The owl has none.")
    before = len(memos.log())
    done = memos.pipeline([redact(r"\d+"), retag(add=["shared"]), transfer("team")], namespace="a")
    assert len(done) == 2
    assert texts(memos, "team") == {"The key of the fox is [redacted].", "The owl has none."}
    assert texts(memos) == set()
    assert memos.get(fox).tags == ("shared",)
    assert len(memos.log()) == before + 2
    assert memos.search("1234", namespace="team")[0].cube.text != "The key of the fox is 1234."


def test_a_changed_text_is_read_again(memos: MemOS) -> None:
    memos.add(Message(content="I live in Lisbon.", role="user", name="Ana"), namespace="a")
    memos.pipeline([redact("Lisbon", by="Porto")], namespace="a")
    [cube] = memos.list(namespace="a")
    assert [claim.object for claim in cube.claims] == ["Porto"]
    assert "Porto" in cube.entities


def test_redacting_takes_a_function_too(memos: MemOS) -> None:
    told(memos, "The fox is red.")
    memos.pipeline([redact(str.upper)], namespace="a")
    assert texts(memos) == {"THE FOX IS RED."}


def test_tags_are_added_and_removed(memos: MemOS) -> None:
    cube = told(memos, "The fox is red.")
    memos.update(cube, tags=["old", "kept"])
    memos.pipeline([retag(add=["new", "kept"], remove=["old"])], namespace="a")
    assert memos.get(cube).tags == ("kept", "new")
    assert memos.pipeline([retag(add=["new"])], namespace="a") == []


@pytest.mark.parametrize("change", ["update", "forget", "erase", "freeze"])
def test_what_is_changed_while_steps_run_is_not_written_over(memos: MemOS, change: str) -> None:
    fox, owl = told(memos, "The fox is red."), told(memos, "The owl is white.")

    def slow(text: str) -> str:
        if text.startswith("The fox") and memos.get(owl).state is not State.ARCHIVED:
            memos.update(owl, "The owl is grey.") if change == "update" else getattr(memos, change)(owl)
        return text.upper()

    with pytest.raises(ChangedMeanwhile, match=owl):
        memos.pipeline([redact(slow)], namespace="a")
    assert memos.get(fox).text == "The fox is red."
    assert change == "erase" or memos.get(owl).text != "THE OWL IS WHITE."


def test_purging_erases_with_history(memos: MemOS) -> None:
    fox, owl = told(memos, "The fox is red."), told(memos, "The owl is white.", namespace="b")
    conclusion = memos.derive("The fox is warm.", because=fox)
    done = memos.pipeline([purge()], namespace="a", kinds=["episode", "tool_trace"])
    assert [(each.cube_id, each.after) for each in done] == [(fox, None)]
    for gone in (fox, conclusion.id):
        with pytest.raises(CubeNotFound):
            memos.get(gone)
    assert memos.get(owl)


def test_a_summary_rests_on_what_the_others_have_come_to(memos: MemOS) -> None:
    ids = {told(memos, f"The {name} lives in the forest near 17 Oak Street.") for name in ("fox", "owl", "hare")}
    done = memos.pipeline([redact(r"\d+"), summarise(words=30), retag(add=["summary"])], namespace="a")
    made = next(each for each in done if each.before is None)
    summary = memos.get(made.cube_id)
    assert summary.kind is Kind.SUMMARY
    assert "[redacted] Oak Street" in summary.text
    assert "17" not in summary.text
    assert summary.tags == ("summary",)
    assert summary.governance.trust is Trust.TOOL
    assert set(summary.provenance.derived_from) == {memos.get(each).version for each in ids}
    assert all(memos.get(each).tags == () for each in ids)
    assert not summary.is_stale


def test_a_summary_made_again_is_the_same_memory(memos: MemOS) -> None:
    told(memos, "The fox lives in the forest.")
    [first] = memos.pipeline([summarise(), transfer("team")], namespace="a")
    [again] = memos.pipeline([summarise(), transfer("team")], namespace="a")
    assert first.cube_id == again.cube_id
    assert memos.pipeline([summarise()], namespace="nobody") == []


def test_a_model_translates_and_sums_up() -> None:
    memos = opened(
        {"translation": "Le renard a 17 ans."},
        {"translation": "Le renard a 17 ans."},
        {"summary": "A fox, 17."},
    )
    told(memos, "The fox is 17.")
    assert [
        each.after.text for each in memos.pipeline([translate("French")], namespace="a", dry_run=True) if each.after
    ] == ["Le renard a 17 ans."]
    assert texts(memos) == {"The fox is 17."}
    memos.pipeline([translate("French"), summarise(words=9)], namespace="a")
    assert texts(memos) == {"Le renard a 17 ans.", "A fox, 17."}


def test_a_translation_with_other_numbers_is_refused_and_nothing_changes() -> None:
    memos = opened({"translation": "Le renard a 71 ans."}, {"translation": "Le renard."})
    told(memos, "The fox is 17.")
    with pytest.raises(BadReply):
        memos.pipeline([retag(add=["x"]), translate("French")], namespace="a")
    assert memos.list(namespace="a")[0].tags == ()


def test_a_summary_without_a_working_model_quotes() -> None:
    memos = opened("no", "no")
    told(memos, "The fox lives in the forest.")
    with pytest.warns(ModelWarning):
        memos.pipeline([summarise()], namespace="a")
    assert any("The fox lives in the forest." in text and "Ana" in text for text in texts(memos))


def test_a_dry_run_says_the_same_and_does_nothing(memos: MemOS) -> None:
    told(memos, "The key is 1234.")
    before = len(memos.log())
    steps = [redact(r"\d+"), transfer("b")]
    planned = memos.pipeline(steps, namespace="a", dry_run=True)
    assert len(memos.log()) == before
    assert planned == memos.pipeline(steps, namespace="a")
    assert {difference.field for each in planned for difference in each.differences} >= {"payload", "namespace"}


def test_one_frozen_memory_keeps_the_whole_pipeline_from_running(memos: MemOS) -> None:
    memos.freeze(told(memos, "The fox is red."))
    told(memos, "The owl is white.")
    for step in (retag(add=["x"]), purge()):
        with pytest.raises(InvalidTransition):
            memos.pipeline([step], namespace="a")
    assert all(cube.tags == () for cube in memos.list(namespace="a"))
    assert len(texts(memos)) == 2


def test_an_error_in_a_step_of_ones_own_changes_nothing(memos: MemOS) -> None:
    told(memos, "The fox is red.")

    def fails(text: str) -> str:
        raise LookupError(text)

    with pytest.raises(LookupError):
        memos.pipeline([retag(add=["x"]), redact(fails)], namespace="a")
    assert memos.list(namespace="a")[0].tags == ()


def test_steps_that_make_no_sense_are_refused(memos: MemOS) -> None:
    told(memos, "The fox is red.")
    for wrong in (
        lambda: redact("("),
        lambda: retag(add=["x", 3]),  # type: ignore[list-item]
        lambda: summarise(words=0),
        lambda: transfer(""),
        lambda: memos.pipeline([translate("French")], namespace="a"),
        lambda: memos.pipeline([redact(lambda _: "")], namespace="a"),
    ):
        with pytest.raises(InvalidInput):
            wrong()
    assert texts(memos) == {"The fox is red."}


def test_a_pipeline_reaches_no_further_than_its_principal(memos: MemOS) -> None:
    cube = told(memos, "The secret of the fox.")
    memos.grant("user:ana", namespace="a", role="editor")
    memos.grant("user:bob", namespace="b", role="reader")
    ana, bob = memos.as_principal("user:ana"), memos.as_principal("user:bob")
    with pytest.raises(NotPermitted):
        ana.pipeline([transfer("b")], namespace="a")
    with pytest.raises(NotPermitted):
        ana.pipeline([purge()], namespace="a")
    assert memos.get(cube).state is State.GENERATED
    memos.pipeline([redact("secret", by="tail"), transfer("b")], namespace="a")
    assert bob.get(cube).text == "The tail of the fox."
    shown = [change.content.text for change in bob.history(cube) if change.content]
    assert shown == ["The tail of the fox."]
    with pytest.raises(CubeNotFound):
        bob.get(cube, known_at=memos.log()[-1].at)
