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
#: Who is spoken of by a pronoun, and takes the verb without "s"; of others the possessive is made from the name.
_POSSESSIVE = {"I": "my", "You": "Your", "they": "their"}
_BE = {
    ("I", "is"): "am",
    ("You", "is"): "are",
    ("You", "was"): "were",
    ("they", "is"): "are",
    ("they", "was"): "were",
}
UNNAMED = "user"  # what claims call a speaker without a name
_PAST = frozenset({"grew", "graduated", "did"})
_WITH_BE = frozenset({"married", "dating", "allergic", "born", "named", "engaged", "afraid", "interested", "known"})
_HISSING = ("ches", "shes", "sses", "xes", "zes", "oes")


class Phrase(NamedTuple):
    """A claim, ready to be said and asked in many ways.

    Attributes
    ----------
    subject
        As who asks speaks of it: ``"Orla Venn"``; of a speaker without a name, ``"I"``.
    told
        As who answers does: ``"Orla Venn"``, ``"You"``.
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
    told: str
    owned: str
    verb: str
    bare: str
    tail: str
    object: str
    word: str
    left: str

    @property
    def about(self) -> str:
        """The subject after a preposition: ``"Orla Venn"``, ``"me"``."""
        return "me" if self.subject == "I" else self.subject

    @property
    def mentions(self) -> tuple[str, ...]:
        """The words by one of which it is spoken of: ``("Orla Venn",)``, ``("I", "me", "my")``."""
        return ("I", "me", "my") if self.subject == "I" else (self.subject,)

    @property
    def whole(self) -> str:
        """The subject, with what is meant of it."""
        owner = _POSSESSIVE.get(self.subject, f"{self.subject}'s")
        return _joined(owner, self.owned) if self.owned else self.subject

    @property
    def opening(self) -> str:
        """A statement up to its object: ``"Orla Venn lives in"``."""
        return _joined(self.whole, self._verb, self.tail)

    @property
    def statement(self) -> str:
        """``"Orla Venn lives in Tarnmouth."``, ``"You live in Tarnmouth."``."""
        return f"{_joined(self._replace(subject=self.told).opening, self.object)}."

    @property
    def embedded(self) -> str:
        """A question as part of a sentence: ``"where Orla Venn lives"``."""
        return _joined(self.word, self.whole, self._verb, self.left)

    @property
    def in_place(self) -> str:
        """A question in the order of a statement: ``"Orla Venn lives where?"``."""
        return f"{_joined(self.whole, self._verb, self.left, self.word)}?"

    @property
    def direct(self) -> str:
        """A question on its own: ``"Where does Orla Venn live?"``."""
        word = self.word.capitalize()
        if self.verb == self.bare:
            return f"{_joined(word, self._verb, self.whole, self.left)}?"
        helper = "did" if self.verb in _PAST else "do" if self.subject in _POSSESSIVE else "does"
        return f"{_joined(word, helper, self.whole, self.bare, self.left)}?"

    @property
    def indirect(self) -> str:
        """A question about somebody named before: ``"Where do they live?"``."""
        return self._again.direct

    @property
    def aside(self) -> str:
        """The same as part of a sentence: ``"where they live"``."""
        return self._again.embedded

    @property
    def _again(self) -> Phrase:
        return self if self.subject == "I" else self._replace(subject="they")

    @property
    def _verb(self) -> str:
        if self.owned or self.subject not in _POSSESSIVE:
            return self.verb
        return _BE.get((self.subject, self.verb), self.verb if self.verb in _PAST else self.bare)


def phrase(claim: Claim) -> Phrase | None:
    """Put a claim into a phrase; ``None`` for a denial, of which there is nothing to be asked."""
    if claim.negated or not (claim.subject and claim.object and claim.predicate.strip()):
        return None
    first, _, rest = claim.predicate.partition(" ")
    subject, told = _voices(claim.subject)
    if rest == "of" and claim.object == UNNAMED:  # "Edith is the sister of user": it is asked who my sister is
        return Phrase("I", "You", first, "is", "is", "", told, "who", "")
    word, left = _ASKED.get(claim.predicate, ("what", rest))
    owned, verb, tail = "", first, rest
    if first in _WITH_BE:
        verb, tail = "was" if first == "born" else "is", claim.predicate
        left = _joined(first, left)
    elif rest == "of":
        verb, tail, left, word = "is", f"the {claim.predicate}", f"the {claim.predicate}", "who"
    elif not _is_verb(first):
        owned, verb, tail, left = claim.predicate, "is", "", ""
    thing = "you" if claim.object == UNNAMED else claim.object
    return Phrase(subject, told, owned, verb, _bare(verb), tail, thing, word, left)


def _voices(subject: str) -> tuple[str, str]:
    """How who asks speaks of a subject, and how who answers does."""
    if subject == UNNAMED:
        return "I", "You"
    of_them = subject.removeprefix(f"{UNNAMED}'s ")
    return (subject, subject) if of_them == subject else (f"my {of_them}", f"Your {of_them}")


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
