"""Claims found without a model."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

import pytest

from memos_core.cube.claim import Claim
from memos_core.language.claims import find_claims
from memos_core.language.times import find_times

SAID_AT = datetime(2023, 6, 14, 18, 30, tzinfo=timezone.utc)
DATA = Path(__file__).parents[1] / "data"


def claims(text: str, speaker: str = "Dana") -> list[str]:
    return [written(claim) for claim in find_claims(text, speaker=speaker, times=find_times(text, said_at=SAID_AT))]


def written(claim: Claim) -> str:
    when = "" if claim.when is None else f" | {claim.when.iso()}"
    return f"{claim.subject} | {'not ' if claim.negated else ''}{claim.predicate} | {claim.object}{when}"


def labelled(name: str) -> list[tuple[str, set[str]]]:
    rows: list[tuple[str, set[str]]] = []
    for line in (DATA / name).read_text("utf-8").splitlines():
        if line.startswith("    "):
            rows[-1][1].add(line.strip())
        elif line and not line.startswith("#"):
            rows.append((line, set()))
    return rows


@pytest.mark.parametrize(
    ("sample", "precision", "recall"), [("claims.txt", 0.97, 0.97), ("claims_held_out.txt", 0.9, 0.8)]
)
def test_most_of_what_is_found_in_labelled_sentences_is_right(sample: str, precision: float, recall: float) -> None:
    rows = [(set(claims(text)), wanted) for text, wanted in labelled(sample)]
    right = sum(len(found & wanted) for found, wanted in rows)
    assert right / sum(len(found) for found, _ in rows) >= precision
    assert right / sum(len(wanted) for _, wanted in rows) >= recall


def test_i_is_whoever_speaks() -> None:
    assert claims("I live in Lisbon.", speaker="Ana") == ["Ana | lives in | Lisbon"]
    assert claims("My sister lives in Lisbon.", speaker="Ana") == ["Ana's sister | lives in | Lisbon"]


@pytest.mark.parametrize(
    "text",
    [
        "Do I live in Lisbon?",
        "If I lived in Lisbon, I would swim.",
        "Tom says I live in Lisbon.",
        '"I live in Lisbon" is an exercise.',
        "I live in Lisbon. Just kidding!",
        "I might live in Lisbon one day.",
        "I wish I lived in Lisbon.",
    ],
)
def test_what_is_not_stated_is_no_claim(text: str) -> None:
    assert claims(text) == []


def test_a_change_holds_from_its_time_on_and_an_end_denies() -> None:
    assert claims("I moved to Porto last month.") == ["Dana | lives in | Porto | 2023-05-01.."]
    assert claims("I lived in Porto until 2021.") == ["Dana | not lives in | Porto | 2021-01-01.."]
    assert claims("I lived in Porto from 2011 to 2014.") == ["Dana | lives in | Porto | 2011-01-01..2014-12-31"]


def test_a_pronoun_counts_only_where_one_person_can_be_meant() -> None:
    assert "Maria | lives in | Rome" not in claims("Maria met Lena and she lives in Rome now.")
    assert "Dana's mother | lives in | Rome" in claims("My mother speaks well and she lives in Rome.")


def test_a_claim_keeps_the_words_that_say_it() -> None:
    [claim] = find_claims("Hello! I live in Lisbon. Nice here.", speaker="Dana", times=())
    assert claim.text == "I live in Lisbon."


def test_only_what_one_can_have_one_of_is_single_valued() -> None:
    text = "I live in Lisbon. I like jazz. My favourite colour is green."
    single = {claim.predicate: claim.single_valued for claim in find_claims(text, speaker="Dana", times=())}
    assert single == {"lives in": True, "likes": False, "favourite colour": True}
