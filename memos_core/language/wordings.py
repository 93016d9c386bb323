"""One claim in many words: statements and questions in English, by templates. Pure.

A claim is put into a phrase first, which knows the parts that change their place: "lives in" is asked with "where", by
"does" and "live", and loses its preposition; "favourite colour" is something that the subject has.
"""

from __future__ import annotations

from typing import NamedTuple

from memos_core.cube.claim import Claim

#: How a predicate is asked: the question word, and what stays at the end. Of others, "what" and the preposition.
_ASKED = {
    "lives in": ("where", ""),
    "works at": ("where", ""),
    "studies at": ("where", ""),
    "born in": ("where", ""),
    "grew up in": ("where", "up"),
    "comes from": ("where", "from"),
    "graduated from": ("where", "from"),
    "born on": ("when", ""),
    "married to": ("who", "to"),
    "dating": ("who", ""),
    "plans to": ("what", "to do"),
}
#: Past forms, and other verbs that are not the present form without "s".
_BARE = {"has": "have", "does": "do", "goes": "go", "grew": "grow", "graduated": "graduate", "did": "do"}
_PLURAL = {"is": "are", "was": "were"}
_PAST = frozenset({"grew", "graduated", "did"})
_WITH_BE = frozenset({"married", "dating", "allergic", "born", "named", "engaged", "afraid", "interested", "known"})
_HISSING = ("ches", "shes", "sses", "xes", "zes", "oes")


class Phrase(NamedTuple):
    """A claim, ready to be said and asked in many ways.

    Attributes
    ----------
    owned
        What of the subject is meant, e.g. ``"favourite colour"``; empty if it is the subject itself.
    verb, bare
        ``"lives"`` and ``"live"``; of forms of "be", both the same.
    tail
        What stands between verb and object in a statement, e.g. ``"in"``.
    word, left
        The question word, and what a question keeps of the tail.
    """

    subject: str
    owned: str
    verb: str
    bare: str
    tail: str
    object: str
    word: str
    left: str

    @property
    def whole(self) -> str:
        """The subject, with what is meant of it."""
        return _joined(f"{self.subject}'s" if self.owned else self.subject, self.owned)

    @property
    def opening(self) -> str:
        """A statement up to its object: ``"Orla Venn lives in"``."""
        return _joined(self.whole, self.verb, self.tail)

    @property
    def statement(self) -> str:
        """``"Orla Venn lives in Tarnmouth."``."""
        return f"{_joined(self.opening, self.object)}."

    @property
    def embedded(self) -> str:
        """A question as part of a sentence: ``"where Orla Venn lives"``."""
        return _joined(self.word, self.whole, self.verb, self.left)

    @property
    def in_place(self) -> str:
        """A question in the order of a statement: ``"Orla Venn lives where?"``."""
        return f"{_joined(self.whole, self.verb, self.left, self.word)}?"

    @property
    def direct(self) -> str:
        """A question on its own: ``"Where does Orla Venn live?"``."""
        return self._asked(self.whole, self.verb)

    @property
    def indirect(self) -> str:
        """A question about somebody named before: ``"Where do they live?"``."""
        return self._asked(self._they, self.verb if self.owned else _PLURAL.get(self.verb, self.verb), helper="do")

    @property
    def aside(self) -> str:
        """The same as part of a sentence: ``"where they live"``."""
        other = self.verb if self.owned or self.verb in _PAST else self.bare
        return _joined(self.word, self._they, other if self.owned else _PLURAL.get(other, other), self.left)

    @property
    def _they(self) -> str:
        return f"their {self.owned}" if self.owned else "they"

    def _asked(self, who: str, verb: str, *, helper: str = "does") -> str:
        word = self.word.capitalize()
        if self.verb == self.bare:
            return f"{_joined(word, verb, who, self.left)}?"
        return f"{_joined(word, 'did' if self.verb in _PAST else helper, who, self.bare, self.left)}?"


def phrase(claim: Claim) -> Phrase | None:
    """Put a claim into a phrase; ``None`` for a denial, of which there is nothing to be asked."""
    if claim.negated or not (claim.subject and claim.object and claim.predicate.strip()):
        return None
    first, _, rest = claim.predicate.partition(" ")
    word, left = _ASKED.get(claim.predicate, ("what", rest))
    owned, verb, tail = "", first, rest
    if first in _WITH_BE:
        verb, tail = "was" if first == "born" else "is", claim.predicate
        left = _joined(first, left)
    elif rest == "of":
        verb, tail, left, word = "is", f"the {claim.predicate}", f"the {claim.predicate}", "who"
    elif not _is_verb(first):
        owned, verb, tail, left = claim.predicate, "is", "", ""
    return Phrase(claim.subject, owned, verb, _bare(verb), tail, claim.object, word, left)


def _is_verb(word: str) -> bool:
    return word in _BARE or word in {"is", "was"} or (word.endswith("s") and not word.endswith(("ss", "us")))


def _bare(verb: str) -> str:
    if verb in {"is", "was"}:
        return verb
    if verb in _BARE:
        return _BARE[verb]
    if verb.endswith("ies") and len(verb) > 4:
        return f"{verb[:-3]}y"
    return verb[:-2] if verb.endswith(_HISSING) else verb.removesuffix("s")


def _joined(*parts: str) -> str:
    return " ".join(part for part in parts if part)
