"""What was said of a time: the words, when they were said, and whether they look back or ahead."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

MONTHS = {
    name: index + 1
    for index, names in enumerate(
        "january jan|february feb|march mar|april apr|may|june jun|july jul|august aug|"
        "september sep sept|october oct|november nov|december dec".split("|")
    )
    for name in names.split()
}
WEEKDAYS = {
    name: index for index, name in enumerate("monday tuesday wednesday thursday friday saturday sunday".split())
}
SHORT_WEEKDAYS = {
    "mon": 0,
    "tue": 1,
    "tues": 1,
    "wed": 2,
    "thu": 3,
    "thur": 3,
    "thurs": 3,
    "fri": 4,
    "sat": 5,
    "sun": 6,
}
NUMBERS = {
    "a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8,
    "nine": 9, "ten": 10, "eleven": 11, "twelve": 12, "fifteen": 15, "twenty": 20, "thirty": 30,
    "a couple of": 2, "a couple": 2, "couple of": 2, "a few": 3, "few": 3, "several": 4,
}  # fmt: skip
VAGUE = frozenset({"a couple of", "a couple", "couple of", "a few", "few", "several"})
HOLIDAYS = {
    "new year's day": (1, 1), "valentine's day": (2, 14), "st patrick's day": (3, 17), "the fourth of july": (7, 4),
    "halloween": (10, 31), "christmas eve": (12, 24), "christmas day": (12, 25), "christmas": (12, 25),
    "boxing day": (12, 26), "new year's eve": (12, 31),
}  # fmt: skip

AHEAD = re.compile(
    r"\b(?:will|going to|gonna|won't|shall|let's|plan(?:s|ning)?|hop(?:e|ing)|tomorrow|next|upcoming|soon|can't wait|"
    r"looking forward|should|want to|deadline|due)\b|'ll\b|\u2019ll\b|"
    r"(?:\b(?:am|are|is)|'m|\u2019m|'re|\u2019re)\s+(?:not\s+|finally\s+)?\w+ing\b",
    re.IGNORECASE,
)
_BEHIND = re.compile(
    r"\b(?:was|were|had|did|went|saw|got|took|made|came|met|bought|gave|found|felt|said|told|thought|began|broke|ran|"
    r"won|lost|left|kept|spent|taught|wrote|read|ate|drove|flew|grew|held|heard|knew|paid|sang|sent|slept|spoke|swam|"
    r"wore|been|back|\w{2,}ed)\b",
    re.IGNORECASE,
)


GOES_ON = re.compile(r"\b(?:have|has|'ve|\u2019ve|'s|\u2019s)(?:\s+\w+)?\s+been\b", re.IGNORECASE)


@dataclass(frozen=True)
class Saying:
    """A match of a rule, when it was said, and the clause around it."""

    match: re.Match[str]
    at: datetime
    clause: str

    def __getitem__(self, group: str) -> str:
        """A group in lower case with single blanks; empty if it took no part."""
        found = self.match.groupdict().get(group) or ""
        return " ".join(found.casefold().replace("\u2019", "'").split())

    @property
    def number(self) -> int:
        """The number matched, as digits or words."""
        word = self["number"]
        return int(word) if word.isdigit() else NUMBERS[word]

    @property
    def looks_ahead(self) -> bool:
        """Whether the clause speaks of the future; one without any sign of the past does not look back."""
        return bool(AHEAD.search(self.clause)) or not _BEHIND.search(self.clause)

    @property
    def direction(self) -> int:
        """1 where the clause speaks of the future, -1 of the past, 0 where it does not tell."""
        return 1 if AHEAD.search(self.clause) else -1 if _BEHIND.search(self.clause) else 0

    @property
    def step(self) -> int:
        """-1, 0 or 1 for last, this and next."""
        if self["which"] in {"last", "past", "previous", "this past"}:
            return -1
        return 1 if self["which"] in {"next", "coming", "this coming"} else 0
