"""What a question asks for: words, names, a time."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from memos_core.cube.claim import Claim
from memos_core.cube.interval import Granularity, Interval
from memos_core.errors import InvalidText
from memos_core.language.claim_rules import asked_by
from memos_core.language.names import entity_key, find_names
from memos_core.language.times import find_times
from memos_core.language.words import only_asks, terms


@dataclass(frozen=True)
class Question:
    """A question, analysed.

    Attributes
    ----------
    terms
        Words to look up, in order.
    entities
        Keys of names in it, and of its words, for a name may be written small.
    interval
        The time it asks about; ``None`` if it names none.
    called
        Keys of other names of whom it names.
    """

    text: str
    terms: tuple[str, ...]
    entities: tuple[str, ...]
    interval: Interval | None
    called: frozenset[str] = frozenset()

    def also_calling(self, names: Iterable[Collection[str]]) -> Question:
        """The question, knowing which names stand for one; a group that it does not name is nothing to it."""
        own = set(self.entities)
        met = [group for group in names if not own.isdisjoint(group)]
        return replace(self, called=frozenset().union(*met) - own)

    def names(self, speaker: str | None) -> bool:
        """Say whether the question names a speaker, by the whole name or a part of it, or by another name."""
        if speaker is None:
            return False
        key = entity_key(speaker)
        return key in self.called or not set(self.terms).isdisjoint(key.split())

    def touches(self, claim: Claim) -> bool:
        """Say whether the question asks for what a claim says: for its predicate, or with its object."""
        words = {*self.text.casefold().replace("?", " ").split(), *self.terms}
        return not words.isdisjoint(asked_by(claim.predicate) | set(terms(claim.object)))

    def is_repeated_by(self, text: str) -> bool:
        """Say whether a text asks the same and says nothing beside it; one with words of its own tells them."""
        return only_asks(text) and set(self.terms).issuperset(terms(text))

    def terms_without(self, speakers: Iterable[str]) -> tuple[str, ...]:
        """The terms that name none of these: who speaks does not say the own name. All, if that leaves nothing."""
        named = {word for speaker in speakers for word in entity_key(speaker).split()}
        return tuple(term for term in self.terms if term not in named) or self.terms


def analyse(text: str, *, now: datetime) -> Question:
    """Analyse a question.

    Raises
    ------
    InvalidText
        If it is blank.
    """
    if not text.strip():
        raise InvalidText(detail="The question is blank. Ask for something, or use list() to see everything.")
    mentions = find_times(text, said_at=now)
    words = tuple(terms(text))
    return Question(
        text=text,
        terms=words,
        entities=tuple(dict.fromkeys((*map(entity_key, find_names(text)), *words))),
        interval=_hull([mention.when for mention in mentions]),
    )


def _hull(intervals: list[Interval]) -> Interval | None:
    """The stretch from the first to the last; a range between two dates is all that lies between."""
    if not intervals:
        return None
    ends = [interval.end for interval in intervals]
    end = None if None in ends else max(end for end in ends if end is not None)
    return Interval(start=min(interval.start for interval in intervals), end=end, granularity=Granularity.SPAN)
