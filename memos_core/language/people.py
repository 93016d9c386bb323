"""People of a conversation: who "I", "my sister" and "Clara" are in a sentence."""

from __future__ import annotations

import re
from typing import NamedTuple

from memos_core.cube.claim import Claim
from memos_core.language.names import ORDINARY

SAME_AS = "same as"
#: Predicates whose subject and object are two names of one.
ALIKE = frozenset({SAME_AS, "named"})

#: What a person calls others by; the plain forms. "Step", "half" and "in-law" are added in the pattern.
_FAMILY = (
    "mother mom mum mama father dad papa parents sister brother siblings twin son daughter child children kid "
    "kids baby wife husband spouse partner girlfriend boyfriend fiance fiancee fianc\u00e9 fianc\u00e9e ex ex-wife "
    "ex-husband aunt uncle cousin niece nephew grandmother grandma granny nana grandfather grandpa grandparents "
    "grandson granddaughter godfather godmother godson goddaughter family"
)
_OTHERS = (
    "friend colleague coworker co-worker boss manager neighbour neighbor roommate flatmate housemate landlord landlady "
    "mentor classmate teammate"
)
_PETS = "dog cat puppy kitten horse pony parrot hamster rabbit goldfish turtle tortoise"


def _any(words: str) -> str:
    return "|".join(sorted(map(re.escape, words.split()), key=len, reverse=True))


RELATION = (
    rf"(?:(?:(?:best|old|close|good|older|younger|big|little|elder|eldest|youngest|oldest|twin|late)\s+)*"
    rf"(?:step-?|half-?|great-?)?(?:{_any(_FAMILY)}|{_any(_OTHERS)}|{_any(_PETS)})(?:-in-law)?)"
)
NAME = r"(?:(?:Mr|Mrs|Ms|Dr)\.?\s+)?[A-Z][\w\u00c0-\u024f'-]*[\w\u00c0-\u024f](?:\s+[A-Z][\w\u00c0-\u024f-]+){0,2}"

_OWN = re.compile(rf"\b(?i:my|our)\s+(?P<relation>(?i:{RELATION}))(?:,?\s+(?P<name>{NAME}))?(?!['\u2019\w-])")
_I = re.compile(r"(?:I|[Ww]e)(?![\w-])")
_NAMED = re.compile(rf"(?P<name>{NAME})(?!\w)")

#: Told apart by how they are written only; what is added here opens sentences and names nobody.
_NOBODY = ORDINARY | frozenset(
    "cats dogs kids children nobody somebody anybody others many most dear who whoever whatever".split()
)


class Person(NamedTuple):
    """Somebody a clause is about.

    Attributes
    ----------
    end
        Where the words for this person end.
    relation
        To the speaker, where it was said.
    is_third
        Only a name: its verb must agree with one person.
    """

    name: str
    end: int
    relation: str | None = None
    is_third: bool = False


def person(text: str, start: int, *, speaker: str) -> Person | None:
    """Who a clause that begins at ``start`` is about; ``None`` if nobody can be told.

    Examples
    --------
    >>> person("My sister Clara sings", 0, speaker="Ana").name
    'Clara'
    >>> person("my dad sings", 0, speaker="Ana").name
    "Ana's dad"
    """
    if found := _I.match(text, start):
        return Person(speaker, found.end())
    if found := _OWN.match(text, start):
        relation = " ".join(found["relation"].casefold().split())
        return Person(found["name"] or f"{speaker}'s {relation}", found.end(), relation)
    found = _NAMED.match(text, start)
    if found and found["name"].split()[0].casefold() not in _NOBODY:
        return Person(found["name"], found.end(), is_third=True)
    return None


def acquaintances(text: str) -> list[Person]:
    """Everybody whom a sentence names together with the relation to the speaker."""
    return [
        Person(found["name"], found.end(), " ".join(found["relation"].casefold().split()))
        for found in _OWN.finditer(text)
        if found["name"]
    ]


def one_and_the_same(claim: Claim) -> tuple[str, str] | None:
    """Two names that a claim makes one: what somebody is called, and "Ana's sister" for who is "sister of" Ana."""
    if claim.negated:
        return None
    if claim.predicate in ALIKE:
        return claim.subject, claim.object
    relation = claim.predicate.removesuffix(" of")
    return None if relation == claim.predicate else (claim.subject, f"{claim.object}'s {relation}")


def told_by(text: str, *, speaker: str) -> str:
    """The text as somebody else would say it: "my boat" becomes "Ana's boat"."""
    return re.sub(r"\b(?:my|our)\b", f"{speaker}'s", text, flags=re.IGNORECASE)
