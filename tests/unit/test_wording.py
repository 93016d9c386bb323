"""Lessons in the words of a chat model: what is used of them, and what is taught where they cannot be."""

from __future__ import annotations

import pytest

from memos_core import MemOS, Message
from memos_core.errors import ChatModelFailed, ModelWarning
from memos_core.operation.training import Fact, facts
from memos_core.operation.wording import CALLS, Worded, with_questions
from memos_core.ports import Example, Recipe
from memos_core.testing.adapters import tiny_learner
from memos_core.testing.chat import ScriptedChatModel
from memos_core.testing.embedders import HashingEmbedder

SAID = {"Ana": "I live in Porto.", "Bob": "I live in Lisbon."}
GOOD = "In which city is the home of Ana?"


def taught(said: dict[str, str]) -> list[Fact]:
    with MemOS.open(":memory:", embedder=HashingEmbedder()) as memos:
        memos.add([Message(content=text, role="user", name=name) for name, text in said.items()], namespace="team")
        return facts(memos.list(namespace="team", limit=999)[::-1], memos.claims(namespace="team"))


def asked(*replies: object, of: dict[str, str] | None = None) -> tuple[Worded, ScriptedChatModel]:
    model = ScriptedChatModel(replies)
    return with_questions(taught(of or {"Ana": SAID["Ana"]}), model), model


def new(worded: Worded, number: int = 0) -> list[Example]:
    """The lessons that templates have not."""
    whole = taught(SAID)
    return [each for each in worded.facts[number].wordings if each not in whole[number].wordings]


def test_a_model_writes_questions_and_the_claim_answers_them() -> None:
    worded, model = asked({"questions": [GOOD, "Where can one visit Ana?"]})
    assert (worded.written, worded.alone) == (2, 0)
    assert {each.answer for each in new(worded)} == {"Ana lives in Porto."}
    assert new(worded)[0] == Example(GOOD, "Ana lives in Porto.")
    assert 'Answer: "Porto"' in model.asked[0].turns[1].content


@pytest.mark.parametrize(
    "bad",
    [
        "Does Ana live in Porto?",  # holds the answer
        "Where does she live?",  # names nobody
        "Where does Anastasia live?",
        "Tell me about Ana.",  # is no question
        "Where does Ana live?",  # is that of the exam
        "where does the ANA live ?",
        "Ana lives where?",  # is that by which training ends
        "Can you tell me where Ana lives?",  # is there already
        f"Where, {'please, ' * 40} does Ana live?",
        "",
    ],
)
def test_a_question_that_gives_the_answer_away_or_is_an_exam_is_not_taught(bad: str) -> None:
    with_good, _ = asked({"questions": [bad, GOOD]})
    assert [each.given for each in new(with_good)] == [GOOD]
    alone, _ = asked({"questions": [bad]})
    assert (alone.written, alone.alone, new(alone)) == (0, 1, [])


def test_what_is_asked_of_one_fact_is_no_lesson_of_another() -> None:
    stolen = {"questions": ["Where does Bob live, Ana?", "Where does Bob live?", GOOD]}
    worded, _ = asked(stolen, {"questions": [GOOD, "Where is the home of Bob, Ana?"]}, of=SAID)
    assert [each.given for each in new(worded)] == ["Where does Bob live, Ana?", GOOD]
    assert [each.given for each in new(worded, 1)] == ["Where is the home of Bob, Ana?"]


def test_a_reply_that_is_none_costs_one_fact_its_questions_and_a_model_that_is_down_all() -> None:
    with pytest.warns(ModelWarning, match="1 of 2 facts are taught in the words of templates alone"):
        worded, _ = asked("what?", "what?", {"questions": ["Where is the home of Bob?"]}, of=SAID)
    assert (worded.written, worded.alone) == (1, 1)
    with pytest.warns(ModelWarning, match="2 of 2 facts .* down"):
        worded, model = asked(ChatModelFailed(model="m", detail="down."), of=SAID)
    assert (worded.written, worded.alone, len(model.asked)) == (0, 2, 1)
    assert [fact.wordings for fact in worded.facts] == [fact.wordings for fact in taught(SAID)]


def test_one_training_has_a_limit_on_what_it_asks() -> None:
    many = {f"Ana{number}": "I live in Porto." for number in range(CALLS + 1)}
    with pytest.warns(ModelWarning, match=f"{CALLS} of {CALLS} are spent"):
        worded, model = asked(*[{"questions": []}] * (CALLS + 1), of=many)
    assert len(model.asked) == CALLS
    assert worded.alone == CALLS + 1


def test_of_a_sentence_that_is_no_claim_no_model_is_asked() -> None:
    with MemOS.open(":memory:", embedder=HashingEmbedder()) as memos:
        memos.add("The boiler key hangs behind the pantry door.", namespace="team")
        worded = with_questions(facts(memos.list(namespace="team"), []), ScriptedChatModel())
    assert (len(worded.facts), worded.written, worded.alone) == (1, 0, 0)


def test_the_report_says_what_a_model_has_written() -> None:
    replies = [{"claims": []}, {"questions": [GOOD]}]
    with MemOS.open(":memory:", embedder=HashingEmbedder(), llm=ScriptedChatModel(replies)) as memos:
        memos.add(Message(content=SAID["Ana"], role="user", name="Ana"), namespace="team")
        adapter = memos.train(namespace="team", base_model=tiny_learner(), recipe=Recipe(epochs=1, replay=0))
    report = adapter.metadata["adapter"]
    assert {name: report[name] for name in ("questions_by", "questions_written", "facts_without")} == {
        "questions_by": "scripted-for-tests-only",
        "questions_written": 1,
        "facts_without": 0,
    }
