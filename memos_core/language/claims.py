"""Claims without a model: what people say plainly about themselves and those around them.

A sentence is taken apart into clauses (:mod:`memos_core.language.clauses`), and each clause is held against a table of
rules (:mod:`memos_core.language.claim_rules`). What is asked, wished, quoted, joked or supposed is no claim. English
only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from memos_core.cube.claim import Claim
from memos_core.cube.interval import Interval
from memos_core.cube.memcube import TimeMention
from memos_core.language import objects as kinds
from memos_core.language.claim_rules import RULES, Auxiliary, Rule, Says, is_single
from memos_core.language.clauses import Clause, Sentence, clauses, in_full, numbers, sentences, time_mark
from memos_core.language.introductions import introductions
from memos_core.language.people import told_by

#: What takes back all that stands before it.
_JEST = re.compile(r"\b(?:kidding|joking|jk)\b", re.IGNORECASE)
LONGEST_DEED = 12  # words

#: Where what belongs to a verb ends.
_END = re.compile(
    r"\s*(?:\b(?:in|on|at|since|from|until|till|over|by|around|about|every)\s+)?(?:this\s+)?\ue000|"
    r"\s*[,;:!?.(\u2014]|\s+(?:because|since|although|though|while|until|whenever|whereas|which|that|when|but|"
    r"these days|by the way|hands down|with a passion|in particular|the most|so much|"
    r"even more|a lot|very much|as well|too|lately|anyway|honestly|again|now|years ago|at work|"
    r"at home|for work|for a living|"
    r"for \w+ years|to bits|after)\b",
    re.IGNORECASE,
)
_EVENT = re.compile(
    r"(?!(?:thought|forgot|wanted|felt|heard|said|told|needed|decided|planned|"
    r"moved|turned|started|seemed|looked|"
    r"called|ended|was|were|had to|hoped|talked|asked)\b)(?:\w{3,}ed|ran|saw|went|broke|had|took|"
    r"made|met|bought|gave|won|"
    r"lost|ate|drove|flew|wrote|built|caught|swam|sang|taught|rode|hiked|found|sent|paid|spent|held|began)(?= \w)",
    re.IGNORECASE,
)


def find_claims(text: str, *, speaker: str, times: Sequence[TimeMention]) -> tuple[Claim, ...]:
    """Find the claims of a text, in order, each once.

    Parameters
    ----------
    speaker
        Who "I" is.
    times
        Of the same text, from :func:`memos_core.language.times.find_times`.

    Examples
    --------
    >>> [claim] = find_claims("I no longer live in Utrecht.", speaker="Ana", times=())
    >>> claim.subject, claim.negated, claim.predicate, claim.object
    ('Ana', True, 'lives in', 'Utrecht')
    """
    found: dict[tuple[str, str, str], Claim] = {}
    if _JEST.search(text):
        return ()
    for sentence in sentences(text):
        for claim in _of_sentence(sentence, speaker, times):
            found.setdefault((claim.subject, claim.predicate, claim.object), claim)
    return tuple(found.values())


def _of_sentence(sentence: Sentence, speaker: str, times: Sequence[TimeMention]) -> Iterator[Claim]:
    end = sentence.start + len(sentence.text)
    here = [mention for mention in times if sentence.start <= mention.offset < end]
    plain = in_full(_without_times(sentence, here))
    for claim in (*introductions(plain, speaker=speaker), *_favourite(plain, speaker)):
        yield claim.model_copy(update={"text": sentence.text.strip()})
    for clause in clauses(plain, speaker=speaker):
        said = _Said(clause, tuple(here[number] for number in numbers(clause.opening + clause.words)), speaker)
        claims = [claim for rule in RULES for claim in _by_rule(rule, said)] + list(_birthday(said))
        for claim in claims or _deed(said):
            yield claim.model_copy(update={"text": sentence.text.strip()})


def _without_times(sentence: Sentence, times: Sequence[TimeMention]) -> str:
    """The sentence with a mark in place of each time expression."""
    text, done = "", 0
    for number, mention in enumerate(times):
        start = mention.offset - sentence.start
        text += sentence.text[done:start] + time_mark(number)
        done = start + len(mention.text)
    return text + sentence.text[done:]


_PAST = re.compile(r"\b(?:last|ago|yesterday)\b", re.IGNORECASE)


class _Said(NamedTuple):
    """A clause, the times in it, and who said it."""

    clause: Clause
    times: tuple[TimeMention, ...]
    speaker: str

    def claim(self, predicate: str, value: str, *, negated: bool = False, when: Interval | None = None) -> Claim:
        """A claim about the subject of the clause."""
        return Claim(
            subject=self.clause.subject.name,
            predicate=predicate,
            object=value,
            single_valued=is_single(predicate),
            negated=negated,
            when=when,
        )


def _by_rule(rule: Rule, said: _Said) -> Iterator[Claim]:
    clause = said.clause
    verb = rule.verb.match(clause.words) if Auxiliary(clause.helps) in rule.auxiliaries else None
    denied = clause.is_negated or clause.used_to
    if verb is None or (rule.only_negated and not denied) or not _agrees(clause):
        return
    behind = clause.words[verb.end() :].strip()
    when, is_over = _validity(rule.says, said)
    if rule.says in {Says.HELD, Says.WILL} and when is None:
        return
    for value in rule.object(_object(behind)):
        none = value.casefold().startswith("no ")
        negated = (denied != rule.negates) or rule.says is Says.ENDS or is_over or none
        told = told_by(value[3:] if none else value, speaker=said.speaker)
        yield said.claim(rule.predicate, told, negated=negated, when=when)


def _object(words: str) -> str:
    """The words behind a verb that belong to it."""
    return _END.split(words, maxsplit=1)[0].strip(" '\"")


def _agrees(clause: Clause) -> bool:
    """Say whether the verb fits one person, where only a name says that the subject is one."""
    verb = clause.words.split(" ", 1)[0]
    return (
        not clause.subject.is_third
        or bool(clause.helps)
        or bool(re.search(r"(?:s|ed)$|^(?:grew|got|bought|quit|left|sold|became|began|broke|gave)$", verb))
    )


def _validity(says: Says, said: _Said) -> tuple[Interval | None, bool]:
    """From when to when a claim holds, and whether what is said is that it is over."""
    if not said.times:
        return None, False
    mention = said.times[0]
    word, since = mention.text.casefold().split(" ", 1)[0], Interval(start=mention.when.start)
    if says in {Says.BEGINS, Says.ENDS}:
        return since, False
    if says in {Says.HAPPENS, Says.WILL}:
        return (None if says is Says.WILL and _PAST.search(mention.text) else mention.when), False
    if word in {"until", "till"}:
        return since, True
    if says is Says.HELD:
        return (mention.when, False) if word in {"from", "between"} else (None, False)
    return (since, False) if word in {"since", "ever"} else (None, False)


_FAVOURITE = re.compile(r"\b[Mm]y\s+favou?rite\s+(?P<kind>[a-z]+(?:\s[a-z]+)?)\s+(?:is|are)\s+(?P<object>.+)")


def _favourite(text: str, speaker: str) -> Iterator[Claim]:
    for found in _FAVOURITE.finditer(text):
        for value in kinds.liked(_object(found["object"]))[:1]:
            yield Claim(subject=speaker, predicate=f"favourite {found['kind']}", object=value, single_valued=True)


def _birthday(said: _Said) -> Iterator[Claim]:
    if said.clause.helps == "was" and said.clause.words.startswith("born ") and said.times:
        born = said.times[0].when
        yield said.claim("born on", born.iso(), when=born)


#: "a book from the 1900s": a time that tells what it is, and not when it was done.
_OF_A_TIME = re.compile(r"\b(?:from|of)\s+(?:the\s+|my\s+)?\ue000")


def _deed(said: _Said) -> Iterator[Claim]:
    """What somebody did at a time that is told."""
    clause = said.clause
    if clause.helps or clause.is_negated or clause.used_to or not said.times or not _EVENT.match(clause.words):
        return
    deed = re.sub(
        r"\s+(?:on|in|at|over|during|by|around|about|for|since|last|this|of|from|the|an?)+$",
        "",
        told_by(_object(clause.words), speaker=said.speaker),
    )
    if (
        1 < len(deed.split()) <= LONGEST_DEED
        and not _OF_A_TIME.search(clause.words)
        and not re.search(r"\b(?:it|that|you|your)\b", deed)
    ):
        yield said.claim("did", deed, when=said.times[0].when)
