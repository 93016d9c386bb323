"""The three forms of conversations that the bench reads."""

import json
from pathlib import Path

import pytest

from memos_bench.conversations import load, said
from memos_core.errors import InvalidInput

LOCOMO = {
    "sample_id": "talk-1",
    "conversation": {
        "speaker_a": "Ines",
        "session_1_date_time": "1:56 pm on 8 May, 2023",
        "session_1": [{"speaker": "Ines", "dia_id": "D1:1", "text": "Look!", "blip_caption": "a goat"}],
    },
    "qa": [
        {"question": "What did Ines show?", "evidence": ["D1:1"], "category": 4},
        {"question": "What did she hide?", "evidence": [], "category": 5},
    ],
}


def write(path: Path, document: object) -> Path:
    path.write_text(json.dumps(document), "utf-8")
    return path


def test_lines_are_conversations_sessions_and_the_questions_that_have_evidence(lines: Path) -> None:
    a, b = load(lines)
    assert [(one.name, list(one.sessions), len(one.questions)) for one in (a, b)] == [
        ("a", ["s1", "s2"], 3),
        ("b", ["s1"], 1),
    ]
    assert a.questions[1].evidence == {"1", "3"}
    assert said(a.messages()[0]) == "Ines: My goat is called Basil."


def test_only_the_first_conversations_are_read_if_so_asked(lines: Path) -> None:
    assert [one.name for one in load(lines, first=1)] == ["a"]


def test_locomo_is_read_with_its_dates_captions_and_categories(tmp_path: Path) -> None:
    [talk] = load(write(tmp_path / "talk.json", [LOCOMO]))
    [message] = talk.messages()
    assert message.content == "Look! [image: a goat]"
    assert message.at is not None
    assert message.at.isoformat() == "2023-05-08T13:56:00+00:00"
    assert [question.category for question in talk.questions] == ["single-hop"]


def test_a_list_of_chats_is_read(tmp_path: Path) -> None:
    message = {"id": "7", "role": "user", "at": "2025-01-01T00:00:00Z", "content": "Hello"}
    chat = {
        "id": 5,
        "messages": [message],
        "questions": [{"question": "Who?", "ability": "recall", "evidence": [7], "answer": "x"}],
    }
    [one] = load(write(tmp_path / "chats.json", [chat]))
    assert (one.name, one.questions[0].evidence) == ("5", {"7"})


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ({"question": "Who?", "evidence": ["9"]}, "'9' is the id of no message"),
        ({"question": "Who?", "evidence": "1"}, "line 2"),
        ({"question": "Who?", "evidance": ["1"]}, "line 2"),
        ({"contents": "Hello"}, "line 2"),
        (["Hello"], "line 2"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, line: object, told: str) -> None:
    path = tmp_path / "talk.jsonl"
    path.write_text(json.dumps({"id": "1", "content": "Hello"}) + "\n" + json.dumps(line), "utf-8")
    with pytest.raises(InvalidInput, match=told):
        load(path)


def test_a_file_in_which_nothing_counts_is_refused(tmp_path: Path) -> None:
    asked = {"question": "Who?", "evidence": ["1"], "category": "adversarial"}
    path = tmp_path / "talk.jsonl"
    path.write_text(json.dumps({"id": "1", "content": "Hello"}) + "\n" + json.dumps(asked), "utf-8")
    with pytest.raises(InvalidInput, match="nothing can be measured"):
        load(path)


def test_json_of_another_form_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"docs/BENCH\.md"):
        load(write(tmp_path / "other.json", [{"text": "Hello"}]))
