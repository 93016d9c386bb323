"""What is counted as found, and at what cost."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from memos_bench.conversations import load
from memos_bench.measuring import Cost, Judge, Row, ceiling, measure, reciprocal_rank
from memos_bench.peers import FLOORS, MEMOS
from memos_bench.summing import counted, interval, lead, summary
from memos_bench.vectors import SharedVectors
from memos_core.testing.embedders import HashingEmbedder

COST = Cost(milliseconds=1.0, adding=1.0, others=0)


@pytest.fixture
def judge(lines: Path, embedder: HashingEmbedder) -> Judge:
    return Judge(load(lines)[0], SharedVectors(embedder))


def judged(judge: Judge, found: Sequence[str], *, number: int = 2) -> Row:
    return judge.row(("x", "x"), number, judge.conversation.questions[number - 1], found, COST)


def test_recall_is_the_share_of_the_evidence_and_repetitions_take_no_place(judge: Judge) -> None:
    row = judged(judge, ["2", "2", "2", "2", "2", "1"])
    assert row.found == ["2", "1"]
    assert row.recall["5"] == 0.5
    assert judged(judge, ["3", "1"]).recall["5"] == 1


def test_rank_is_that_of_the_first_evidence() -> None:
    assert reciprocal_rank(["x", "a", "b"], frozenset("ab")) == 0.5
    assert reciprocal_rank(["x"], frozenset("ab")) == 0


def test_sessions_count_once_and_are_not_told_of_where_there_is_but_one(
    judge: Judge, lines: Path, embedder: HashingEmbedder
) -> None:
    assert judged(judge, ["2", "1"]).sessions == 0.5
    assert judged(judge, ["2", "4"]).sessions == 1
    assert judged(Judge(load(lines)[1], SharedVectors(embedder)), ["1"], number=1).sessions is None


def test_a_message_that_does_not_fit_is_passed_over(judge: Judge) -> None:
    assert judge.fitting(["1", "2", "3"], 7) == ["2"]  # 8 tokens, 4 and 8
    assert judge.fitting(["1", "2", "3"], 12) == ["1", "2"]


def test_broken_evidence_lowers_the_ceiling(lines: Path, embedder: HashingEmbedder) -> None:
    a, b = load(lines)
    vectors = SharedVectors(embedder)
    assert ceiling([a, b], vectors).recall == 1
    broken = replace(b, questions=[replace(b.questions[0], evidence=frozenset({"1", "gone"}))])
    assert ceiling([a, broken], vectors).recall == pytest.approx((1 + 1 + 0.5) / 3)


def test_every_system_is_asked_every_question_and_progress_reaches_its_end(
    lines: Path, embedder: HashingEmbedder
) -> None:
    steps: list[tuple[int, int]] = []
    rows = measure(
        load(lines), [MEMOS, FLOORS], SharedVectors(embedder), lambda done, total: steps.append((done, total))
    )
    names = {"MemOS", "FTS5", "vectors", "reciprocal ranks of both"}
    assert {row.system for row in rows} == names
    assert len(rows) == 4 * len(names)
    assert steps[-1][0] == steps[-1][1]
    assert [done for done, _ in steps] == sorted(done for done, _ in steps)


def test_words_that_both_have_are_found_by_every_system_here(lines: Path, embedder: HashingEmbedder) -> None:
    rows = measure(load(lines), [MEMOS, FLOORS], SharedVectors(embedder), lambda _done, _total: None)
    assert all(row.rank == 1 for row in rows if row.conversation == "a" and row.question == 1)


def test_adversarial_questions_are_in_no_mean(judge: Judge) -> None:
    rows = [judged(judge, ["1"], number=number) for number in (1, 3)]
    assert summary(counted(rows)).recall["10"] == 1


def test_intervals_come_from_conversations_and_not_from_questions(judge: Judge) -> None:
    right, wrong = judged(judge, ["1"], number=1), judged(judge, [], number=1)

    def recalled(row: Row) -> float:
        return row.recall["10"]

    assert interval([right, wrong], recalled) is None
    mixed = [replace(row, conversation=name) for name in "abcd" for row in (right, wrong)]
    assert interval(mixed, recalled) == (0.5, 0.5)
    apart = [replace(row, conversation=name) for row, name in ((right, "a"), (wrong, "b"))]
    assert interval(apart, recalled) == (0, 1)


def test_a_lead_is_taken_question_by_question(judge: Judge) -> None:
    ours = [judged(judge, ["1"], number=1), judged(judge, ["1"], number=2)]
    theirs = [judged(judge, [], number=1)]
    assert lead(ours, theirs) == (1, None)
