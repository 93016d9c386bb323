"""The rules by which claims are found: a table of predicates, the verbs that state them, and what may stand behind.

A clause is taken apart first (:mod:`memos_core.language.clauses`): "I've never really liked" is the subject "I", the
auxiliary "have", a negation, and "liked". A rule sees the rest, so it needs neither adverbs nor negations. To add one,
add a line.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import Enum
from typing import NamedTuple

from memos_core.language import objects as kind


class Says(Enum):
    """What a clause says about the time of its claim."""

    HOLDS = "holds"  #: it is so: "lives in"
    BEGINS = "begins"  #: it is so from then on: "moved to"
    ENDS = "ends"  #: it is not so from then on: "sold"
    HELD = "held"  #: it was so; a claim only with a time: "lived in ... until 2021"
    HAPPENS = "happens"  #: at its time: "graduated from"
    WILL = "will"  #: at its time; a claim only with one: "will move"


class Auxiliary(str, Enum):
    """What helps the verb."""

    NONE = ""
    BE = "be"
    HAVE = "have"
    BEEN = "been"
    WAS = "was"
    WILL = "will"
    CAN = "can"


class Rule(NamedTuple):
    """One way to state a predicate.

    Attributes
    ----------
    verb
        What must come right after subject, auxiliaries, adverbs and negations.
    object
        From the words behind the verb to the objects of claims: none where they are no such object.
    only_negated, negates
        The rule holds only of denials; the verb itself denies ("hate").
    """

    predicate: str
    auxiliaries: frozenset[Auxiliary]
    verb: re.Pattern[str]
    object: Callable[[str], list[str]]
    says: Says = Says.HOLDS
    negates: bool = False
    only_negated: bool = False


#: Predicates of which one object holds at a time; a new one replaces the old. Of others, objects gather.
SINGLE = frozenset({"lives in", "works at", "works as", "married to", "dating", "age", "born in", "born on"})


def is_single(predicate: str) -> bool:
    """Say whether a new object of a predicate replaces the old one."""
    return predicate in SINGLE or predicate.startswith("favourite ")


#: Words by which a question asks for a predicate, beside those of the predicate itself.
_ASKED_BY = {
    "lives in": "live lives lived living home reside resides city town country address move moved where based staying",
    "works at": "work works worked working job employer employed company office where",
    "works as": "work works working job profession occupation career role living",
    "married to": "married marry wife husband spouse partner",
    "dating": "dating date girlfriend boyfriend partner relationship seeing",
    "age": "age old birthday",
    "likes": "like likes liked love loves enjoy enjoys favourite favorite hate hates hobby hobbies interests fan",
    "has": "have has own owns pet pets",
    "plays": "play plays instrument sport",
    "studies": "study studies studying learn learning course",
    "plans to": "plan plans planning going",
    "eats": "eat eats food diet",
    "drinks": "drink drinks",
}


def asked_by(predicate: str) -> frozenset[str]:
    """Words by which a question asks for a predicate."""
    return frozenset(f"{predicate} {_ASKED_BY.get(predicate, '')}".split()) - {"in", "at", "as", "to", "of", "is"}


def _rule(predicate: str, auxiliaries: str, verb: str, of: Callable[[str], list[str]], **more: object) -> Rule:
    allowed = frozenset(Auxiliary("" if word == "-" else word) for word in auxiliaries.split())
    ends = "" if verb.startswith("(?=") else r"(?!\w)"
    return Rule(predicate, allowed, re.compile(rf"(?:{verb}){ends}", re.IGNORECASE), of, **more)  # type: ignore[arg-type]


_BEGINS, _ENDS, _HELD = {"says": Says.BEGINS}, {"says": Says.ENDS}, {"says": Says.HELD}

RULES: tuple[Rule, ...] = (
    # home
    _rule("lives in", "-", r"lives? in", kind.place),
    _rule("lives in", "be been", r"(?:living|based) in", kind.place),
    _rule("lives in", "have", r"lived in", kind.place),
    _rule("lives in", "-", r"lived in", kind.place, **_HELD),
    _rule("lives in", "- have", r"(?:moved|relocated)(?: back| over| out)? to", kind.place, **_BEGINS),
    _rule("lives in", "- have", r"(?:moved|relocated) (?:here |back )?from", kind.place, **_ENDS),
    _rule("grew up in", "-", r"grew up in", kind.home),
    _rule("comes from", "be", r"(?:originally )?from", kind.place),
    _rule("comes from", "-", r"comes? from", kind.place),
    # work
    _rule("works as", "-", r"works? as", kind.role),
    _rule("works as", "have", r"worked as", kind.role),
    _rule("works as", "be been", r"working as", kind.role),
    _rule("works as", "be", r"(?=an? )", kind.occupation),
    _rule("works as", "- have", r"(?:became|become|got (?:a |the )?(?:new )?job as)", kind.occupation, **_BEGINS),
    _rule("works as", "was", r"promoted to", kind.role, **_BEGINS),
    _rule("works as", "- have", r"(?:started|began) (?:working|work|a job|a new job) as", kind.role, **_BEGINS),
    _rule("works at", "-", r"works? (?:at|for)", kind.organisation),
    _rule("works at", "-", r"works? as [^,;]*? (?:at|for)", kind.organisation),
    _rule("works at", "have", r"worked (?:at|for)", kind.organisation),
    _rule("works at", "-", r"worked (?:at|for)", kind.organisation, **_HELD),
    _rule("works at", "be been", r"working (?:at|for)", kind.organisation),
    _rule(
        "works at",
        "- have",
        r"(?:(?:started|began) (?:working |work |(?:a |my )?(?:new )?job )?(?:at|for)|"
        r"got (?:a |the )?(?:new )?job (?:at|with))",
        kind.organisation,
        **_BEGINS,
    ),
    _rule(
        "works at", "- have", r"(?:quit|left|lost) (?:my|his|her) (?:old )?job (?:at|with)", kind.organisation, **_ENDS
    ),
    _rule("works in", "-", r"works? in", kind.field),
    # taste
    _rule("likes", "-", r"(?:loves?|likes?|enjoys?|adores?)", kind.liked),
    _rule("likes", "be", r"(?:a )?(?:huge |big |great |massive )?fan of", kind.liked),
    _rule("likes", "be", r"(?:into|obsessed with|crazy about|fond of|passionate about|addicted to)", kind.liked),
    _rule("likes", "-", r"(?:hates?|dislikes?|detests?|loathes?)", kind.liked, negates=True),
    _rule("likes", "-", r"liked", kind.liked, only_negated=True),
    _rule("likes", "can", r"(?:stand|bear)", kind.liked, only_negated=True),
    _rule("prefers", "-", r"prefers?", kind.preferred),
    _rule("is", "be", r"(?=\w)", kind.condition),
    _rule("is", "- have", r"(?:became|become|turned|went)", kind.condition, **_BEGINS),
    _rule("eats", "-", r"eats?", kind.goods, only_negated=True),
    _rule("drinks", "-", r"drinks?", kind.goods, only_negated=True),
    _rule("eats", "- have", r"(?:stopped|quit|gave up) eating", kind.goods, **_ENDS),
    _rule("drinks", "- have", r"(?:stopped|quit|gave up) drinking", kind.goods, **_ENDS),
    # belongings, family, pets
    _rule("has", "-", r"(?:have|has)(?: got)?(?! to\b)", kind.belonging),
    _rule("has", "have", r"(?:had|got)(?! to\b)", kind.belonging),
    _rule("has", "-", r"owns?", kind.owned),
    _rule("has", "- have", r"(?:bought|got|adopted)", kind.belonging, **_BEGINS),
    _rule("has", "- have", r"(?:sold|got rid of|gave away)(?= (?:my|our|his|her) )", kind.owned, **_ENDS),
    # partners
    _rule("married to", "be been have", r"(?:happily )?married to", kind.name),
    _rule("married to", "-", r"married", kind.name, **_BEGINS),
    _rule("married to", "- have", r"divorced", kind.name, **_ENDS),
    _rule("dating", "be been", r"(?:dating|going out with)", kind.name),
    _rule("dating", "- have", r"(?:broke|broken|split) up with", kind.name, **_ENDS),
    # age and birth
    _rule("age", "be", r"(?=\w+(?:-\w+)? years? old)", kind.years),
    _rule("age", "- have", r"turned", kind.years, **_BEGINS),
    _rule("born in", "was", r"born (?:and raised )?in", kind.place),
    # health
    _rule("allergic to", "be", r"(?:severely |highly )?allergic to", kind.allergen),
    _rule("allergic to", "-", r"(?:have|has)", kind.allergy),
    # skills
    _rule("speaks", "-", r"speaks?", kind.languages),
    _rule("speaks", "be", r"fluent in", kind.languages),
    _rule("studies", "be been", r"(?:studying|learning)", kind.subject),
    _rule("studies", "-", r"(?:studies|study)", kind.subject),
    _rule("studies at", "be been", r"studying (?:[^,;]*? )?at", kind.organisation),
    _rule("studies at", "-", r"(?:studies|study) (?:[^,;]*? )?at", kind.organisation),
    _rule("graduated from", "- have", r"graduated from", kind.organisation, says=Says.HAPPENS),
    _rule("teaches", "-", r"(?:teaches|teach)", kind.subject),
    _rule("plays", "-", r"plays?", kind.played),
    _rule("plays", "- have", r"(?:stopped|quit|gave up) playing", kind.played, **_ENDS),
    _rule("drives", "-", r"drives?", kind.make),
    _rule("uses", "-", r"uses?", kind.name),
    # plans; those with "will" and "going to" count only with a time to come
    _rule("plans to", "be been", r"planning to", kind.deed, says=Says.HAPPENS),
    _rule("plans to", "-", r"plans? to", kind.deed, says=Says.HAPPENS),
    _rule("plans to", "have", r"decided to", kind.deed, says=Says.HAPPENS),
    _rule("plans to", "be", r"(?:going to|gonna)", kind.deed, says=Says.WILL),
    _rule("plans to", "will", r"(?=\w)", kind.deed, says=Says.WILL),
    _rule("plans to", "be", r"(?=\w+ing )", kind.deed_going_on, says=Says.WILL),
)
