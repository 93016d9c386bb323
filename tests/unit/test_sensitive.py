"""Sensitive parts of texts: what is found in the written cases, and nothing else."""

from __future__ import annotations

import itertools
import random
import re
from pathlib import Path

import pytest

from memos_core.cube.policy import Sensitive
from memos_core.language.sensitive import Finding, find_sensitive, redacted

CASES = Path(__file__).parents[1] / "data" / "sensitive.txt"
FEWEST = 20  # of each kind, with and without


def cases() -> list[tuple[Sensitive, str]]:
    """Lines with their marks, and the kind they stand under."""
    found, kind = [], Sensitive.EMAIL
    for line in CASES.read_text(encoding="utf-8").splitlines():
        if heading := re.fullmatch(r"\[([a-z]+)\]", line):
            kind = Sensitive(heading[1])
        elif line and not line.startswith("#"):
            found.append((kind, line))
    return found


@pytest.mark.parametrize(("kind", "line"), cases(), ids=lambda value: value if isinstance(value, str) else value.value)
def test_a_line_holds_what_is_marked_in_it_and_nothing_else(kind: Sensitive, line: str) -> None:
    text = line.replace("«", "").replace("»", "")
    marked = line
    for finding in reversed(find_sensitive(text)):
        assert finding.kind is kind
        text = f"{text[: finding.start]}«{text[finding.start : finding.end]}»{text[finding.end :]}"
    assert text == marked


def test_there_are_enough_cases_of_each_kind() -> None:
    for kind in Sensitive:
        lines = [line for each, line in cases() if each is kind]
        assert sum("«" in line for line in lines) >= FEWEST
        assert sum("«" not in line for line in lines) >= FEWEST


def test_a_private_key_is_found_whole_or_by_its_head() -> None:
    body = "\n".join(["MIIEpAIBAAKCAQEA7" * 3] * 20)
    key = f"-----BEGIN RSA PRIVATE KEY-----\n{body}\n-----END RSA PRIVATE KEY-----"
    assert redacted(f"a {key} b", find_sensitive(f"a {key} b")) == "a [key] b"
    assert find_sensitive("x -----BEGIN PRIVATE KEY----- y") == (Finding(Sensitive.KEY, 2, 29),)


def test_findings_never_overlap_and_are_in_order() -> None:
    chance = random.Random(7)
    lines = [line.replace("«", "").replace("»", "") for _, line in cases()]
    for _ in range(100):
        text = " ".join(chance.sample(lines, 6))
        found = find_sensitive(text)
        assert all(one.end <= other.start for one, other in itertools.pairwise(found))


def test_redacting_leaves_nothing_to_find_and_the_rest_as_it_was() -> None:
    for _, line in cases():
        text = line.replace("«", "").replace("»", "")
        clean = redacted(text, find_sensitive(text))
        assert re.sub(r"\[(email|phone|card|iban|key)\]", "", clean) == re.sub("«.*?»", "", line)
        assert find_sensitive(clean) == ()


@pytest.mark.parametrize(
    "piece",
    [
        "a",
        "1",
        "1 ",
        "+1",
        "a@",
        "a.",
        "@",
        "A1",
        "DE89 ",
        "password:",
        "eyJ",
        "eyJa.",
        "://a:",
        "(1)",
        "-----BEGIN ",
        "sk-",
        "0 ",
    ],
)
def test_hostile_text_of_a_megabyte_comes_to_an_end(piece: str) -> None:
    """With a rule that is quadratic it would not, while anybody waits."""
    assert len(find_sensitive(piece * (1_000_000 // len(piece)))) < 1_000_000
