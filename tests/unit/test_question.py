from datetime import datetime, timezone

import pytest

from memos_core.errors import InvalidText
from memos_core.operation.recall.question import analyse

NOW = datetime(2023, 5, 8, 12, tzinfo=timezone.utc)


def test_a_question_has_words_names_and_a_time() -> None:
    question = analyse("Where did Clara go last summer?", now=NOW)
    assert question.terms == ("clara", "go", "last", "summer")
    assert "clara" in question.entities
    assert question.interval is not None
    assert question.interval.iso() == "2022-06-01..2022-08-31"


def test_several_times_are_one_stretch() -> None:
    question = analyse("how long between 3 May 2022 and 6 June 2022?", now=NOW)
    assert question.interval is not None
    assert question.interval.iso() == "2022-05-03..2022-06-06"


def test_a_question_without_a_time_asks_about_none() -> None:
    assert analyse("Where does she live?", now=NOW).interval is None


def test_a_part_of_a_speakers_name_names_them() -> None:
    question = analyse("what did ana blum say?", now=NOW)
    assert question.names("Ana Blum")
    assert question.names("ANA")
    assert not question.names("Tom")
    assert not question.names(None)


def test_named_speakers_are_not_looked_up_unless_nothing_else_is_left() -> None:
    assert analyse("what did Ana cook?", now=NOW).terms_without(["Ana"]) == ("cook",)
    assert analyse("Ana?", now=NOW).terms_without(["Ana"]) == ("ana",)


def test_a_blank_question_is_refused() -> None:
    with pytest.raises(InvalidText):
        analyse(" \n", now=NOW)
