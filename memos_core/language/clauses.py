"""Sentences taken apart: clauses with a subject, auxiliaries, a negation, and the words of the verb.

Only what is plainly stated becomes a clause. Questions, conditions, wishes, quotations, code, jokes and hearsay do not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from memos_core.language.people import NAME, RELATION, Person, person

#: What stands in a sentence for a time expression, as a pattern.
TIME = "(?:\ue000\\d+\ue001)"


def time_mark(number: int) -> str:
    """What stands in a sentence for its time expression of this number."""
    return f"\ue000{number}\ue001"


def numbers(text: str) -> list[int]:
    """Numbers of the time expressions in a text."""
    return [int(number) for number in re.findall("\ue000(\\d+)\ue001", text)]


_SENTENCE = re.compile(r"(?:\b(?:Mr|Mrs|Ms|Dr|St|Prof|vs|e\.g|i\.e)\.|[^.!?\n]|[.!?](?=\w))+[.!?]*")

#: What makes a whole sentence no statement of fact.
_UNREAL = re.compile(
    r"""
    \b(?:if|imagine|suppose|supposing|pretend|let's\s+say|wish(?:ed|es)?|dream(?:ed|t|s)?|almost|nearly|maybe|perhaps|
    apparently|supposedly|allegedly|might|according\s+to|who\s+knows|i\s+(?:think|guess|swear)|just\s+kidding|kidding|
    joking|haha|ha|lol|in\s+(?:the|a|this|my)\s+(?:novel|story|book|film|movie|game|series|show|dream)|character|
    act\s+as|translate|write|unless|whether|as\s+though|no\s+way|my\s+career|
    (?:he|she|they|you|somebody|someone|\w+)\s+(?:said|says|thinks?|told|claims?|jokes?|joked|wondered|believes?))\b
    |["\u201c\u201d`]|^\s*>|\?
    """,
    re.IGNORECASE | re.VERBOSE,
)
_OPENING = re.compile(
    r"""
    \s*(?:(?:well|so|oh|yes|yeah|no|and|but|also|actually|honestly|anyway|hey|hi|ok|okay|btw|by\ the\ way|sure|
    thanks|wow|haha|now|lately|recently|these\ days|nowadays|currently|then|plus|still|sadly|luckily|unfortunately|
    fortunately|finally|in\ fact|to\ be\ honest|as\ you\ know|fyi|update|correction|after\ that|
    (?:(?:in|on|since|by|back\ in|early|late)\ )?\ue000\d+\ue001)(?!\w)[\s,:!-]*)*
    """,
    re.IGNORECASE | re.VERBOSE,
)
#: Where a new statement begins: before somebody, or before a verb that says something of the same.
_TURN = re.compile(
    rf"""
    \s*;\s*|\s*:\s+|\s+[-\u2013]+\s+|\s*\u2014\s*|
    (?:\s*,)?\s+(?:and|but|so)\s+(?={TIME}?\s*(?:
      (?:I|we|she|he|it|they|you|this|that|people|my|our)\b|{NAME}\s+(?:\w+s|was)\b|
      (?:also\s+|now\s+|still\s+)*(?:loves?|likes?|hates?|enjoys?|owns?|has|have|had|lives?|works?|worked|speaks?|plays?|
      studies|am|is|was|moved|married|drives?|prefers?)\b
    ))|
    \s*,\s+(?=(?:I|my|our)\s)
    """,
    re.VERBOSE,
)
_WHO = re.compile(r"(?P<open>,?)\s+who\s+(?P<said>[^,]+)(?P<close>,?)", re.IGNORECASE)

_ADVERBS = frozenset(
    """
    really also still just always absolutely truly actually currently now mostly both honestly recently already finally
    usually simply genuinely definitely totally kind officially probably even sometimes often normally generally
    originally happily severely mainly lately only so very quite even then
    """.split()
)
_HELPS = {
    "am": "be", "is": "be", "are": "be", "was": "was", "were": "was", "have": "have", "has": "have", "been": "been",
    "will": "will", "do": "", "does": "", "did": "", "can": "can",
}  # fmt: skip
_FULL = (
    (re.compile(r"\bcan['\u2019]?t\b|\bcannot\b", re.IGNORECASE), "can not"),
    (re.compile(r"\bwon['\u2019]t\b", re.IGNORECASE), "will not"),
    (re.compile(r"n['\u2019]t\b", re.IGNORECASE), " not"),
    (re.compile(r"(?<=\bI)['\u2019]m\b", re.IGNORECASE), " am"),
    (re.compile(r"['\u2019]re\b", re.IGNORECASE), " are"),
    (re.compile(r"['\u2019]ve\b", re.IGNORECASE), " have"),
    (re.compile(r"['\u2019]ll\b", re.IGNORECASE), " will"),
    (re.compile(r"\bno longer\b", re.IGNORECASE), "not"),
    (re.compile(r"(?<=[a-z])['\u2019]s (?=(?:been|moving|getting|going|working|living|an?|allergic)\b)"), " is "),
)  # fmt: skip
_OTHERS = re.compile(r"\b(?:it|they|you|this|that|people|everyone|he|she)\b", re.IGNORECASE)
_PRONOUN = re.compile(r"(?:she|he)\b", re.IGNORECASE)
_ANY_MORE = re.compile(r",?\s+any\s?more\b", re.IGNORECASE)


class Clause(NamedTuple):
    """One plain statement.

    Attributes
    ----------
    helps
        The last auxiliary: "be", "have", "been", "was", "will", "can", or nothing.
    used_to
        It was so, and is no more.
    opening, words
        What stands before the subject, and all from the verb on.
    """

    subject: Person
    opening: str
    helps: str
    is_negated: bool
    used_to: bool
    words: str


class Sentence(NamedTuple):
    """A sentence and where it begins in its text."""

    text: str
    start: int


def sentences(text: str) -> Iterator[Sentence]:
    """Sentences that state something."""
    for found in _SENTENCE.finditer(text):
        if not _UNREAL.search(found[0]):
            yield Sentence(found[0], found.start())


def in_full(text: str) -> str:
    """Contractions written out: "I've" as "I have"."""
    for pattern, full in _FULL:
        text = pattern.sub(full, text)
    return text


def clauses(sentence: str, *, speaker: str) -> Iterator[Clause]:
    """The clauses of a sentence; one without a subject of its own has that of the clause before it.

    Parameters
    ----------
    sentence
        Without time expressions at its beginning, and :func:`in_full`.
    """
    subject: Person | None = None
    for part in _turns(sentence):
        start = _OPENING.match(part).end()  # type: ignore[union-attr]  # it matches nothing, too
        opening, stated = part[:start], person(part, start, speaker=speaker)
        pronoun = _PRONOUN.match(part, start)
        if pronoun and subject is not None and subject.name != speaker:
            subject, start = subject._replace(is_third=True), pronoun.end()
        elif stated is not None:
            subject, start = stated, stated.end
        elif _OTHERS.match(part, start):
            subject = None
        clause = _clause(subject, opening, part[start:]) if subject is not None else None
        if clause is not None:
            yield clause
        if subject is not None and subject.is_third and re.search(NAME, part[start:]):
            subject = None  # "Maria met Lena and she ...": that could be either


def _turns(sentence: str) -> list[str]:
    """The sentence cut where a new statement may begin; what "who" adds stands for itself."""
    cut: list[str] = []
    at = 0
    for turn in _TURN.finditer(sentence):
        cut.append(sentence[at : turn.start()])
        at = turn.end()
    return [stated for part in [*cut, sentence[at:]] for stated in _apart(part)]


def _apart(part: str) -> list[str]:
    """As "My aunt, who sings, has a cat" says two things of the aunt; "a brother who sings" one more of a brother."""
    found = _WHO.search(part)
    if not found:
        return [part]
    before = part[: found.start()]
    known = re.search(rf"\b(?:an?|one|my|our)\s+(?P<relation>{RELATION})$", before, re.IGNORECASE)
    if not known:
        return [before]
    who = f"my {known['relation']}"
    rest = part[found.end() :]
    return [before, f"{who} {found['said']}", *([f"{who} {rest.strip()}"] if found["close"] and rest.strip() else [])]


def _clause(subject: Person, opening: str, text: str) -> Clause | None:
    text = _ANY_MORE.sub("", text) if (ends := _ANY_MORE.search(text)) else text
    words = text.split()
    helps, negated, used_to, at = "", False, False, 0
    while at < len(words):
        word = words[at].casefold().strip(",")
        if word == "used" and words[at + 1 : at + 2] == ["to"]:
            used_to, at = True, at + 1
        elif word in {"not", "never"}:
            negated = True
        elif word in _HELPS and not _is_main(word, words[at + 1 :]):
            helps = _HELPS[word] or helps
        elif word not in _ADVERBS:
            break
        at += 1
    if not at < len(words) or (ends and not negated):
        return None
    return Clause(subject, opening, helps, negated, used_to, " ".join(words[at:]))


def _is_main(word: str, rest: list[str]) -> bool:
    """Say whether "have" or "do" is the verb itself: it is, unless a participle or a negation follows."""
    if word in {"do", "does", "did"}:
        return "not" not in rest[:2]
    if word not in {"have", "has"}:
        return False
    behind = next((other.casefold() for other in rest if other.casefold() not in _ADVERBS), "")
    return not (behind in _PARTICIPLES or (behind.endswith("ed") and behind not in {"red", "shed", "bed"}))


_PARTICIPLES = frozenset(
    "been had got become quit left lost begun gone taken broken split sold bought given not never grown".split()
)
