"""Lessons: from what memories say to what a model is taught, asked on the way, and asked at the end. Pure.

The three do not overlap. Lessons state a fact and ask for it inside a sentence ("Can you tell me where Orla Venn
lives?"), also about somebody named before ("Say where they live."), and have it go on from its beginning. Checks, by
which training ends, keep the order of a statement ("Orla Venn lives where?"). Exams, by which the adapter is judged,
are put with another verb form and order ("Where does Orla Venn live?"), or are of the last two kinds in other words
("Where do they live?", "Finish this sentence: Orla Venn lives in"): no question of an exam is in a lesson.

References
----------
That many wordings make what is memorised usable: Allen-Zhu and Li, Physics of Language Models: Part 3.1, Knowledge
Storage and Extraction, ICML 2024. Replay against forgetting: Robins, Catastrophic Forgetting, Rehearsal and
Pseudorehearsal, Connection Science 7 (2), 1995.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from itertools import cycle
from typing import Any, NamedTuple

from memos_core.cube.answer import Belief
from memos_core.cube.memcube import Content, Kind, MemCube, Origin, Provenance, Trust
from memos_core.cube.namespace import Namespace
from memos_core.cube.payload import Parametric, Plaintext
from memos_core.language.wordings import Phrase, phrase
from memos_core.operation.summary import inherited
from memos_core.ports import Course, Example

STATED = ("{}", "As is well known, {}", "Note: {}", "Yes, {}")
ASKED = (
    "Can you tell me {}?",
    "Please tell me {}.",
    "I would like to know {}.",
    "Do you know {}?",
    "Somebody wants to know {}.",
    "Remind me {}.",
    "Talking of {about}, can you say {}?",
    "There is a note on {about} here. It should say {}. What does it say?",
    "Let us talk of {about}. Say {aside}.",
    "You have heard of {about}. Do you remember {aside}?",
    "How does this go on: {opening}",
)
#: What is said to somebody, or by somebody, is not about them: the model's own answers to these are kept.
BESIDE = ("Tell {about} this: {question}", "{question} Let {about} know.", "Answer {about}, please. {question}")
EXAMS = ("{direct}", "My question is about {about}. {indirect}", "Finish this sentence: {opening}")
#: The same for a sentence that is no claim: its beginning is taught in one frame, and asked for in another.
BEGUN = ("How does this go on: {}", "Continue from memory: {}", 'What comes after "{}"?')
ENDED = ("Finish this sentence: {opening}", "I only remember the beginning, {opening}. What is the whole?")
#: How the control questions are asked a second time: with a name that the adapter knows, in a form that no lesson has.
NAMED = "This is from {about}: {question}"

_WORD = re.compile(r"[^\W_]+")
_ARTICLES = frozenset({"a", "an", "the"})
_ENDS = re.compile(r"(?<=[.!?])\s+|\n+")
EXTERNALISED = "externalised"  # metadata: the question that an adapter answered with this
FEWEST = 4  # words of a sentence that can be ended from its beginning


class Exam(NamedTuple):
    """One fact, and the questions by which it is judged whether it is known."""

    questions: tuple[str, ...]
    answer: str


class Fact(NamedTuple):
    """One thing to be taught.

    Attributes
    ----------
    cube
        That says so.
    about
        Whom or what it is about; of a sentence that is no claim, how it begins.
    mentions
        The words of which one has to come for it to be spoken of.
    """

    cube: MemCube
    wordings: tuple[Example, ...]
    check: Example
    exam: Exam
    about: str
    mentions: tuple[str, ...]
    is_claim: bool = False


def facts(cubes: Iterable[MemCube], beliefs: Iterable[Belief]) -> list[Fact]:
    """What memories teach: the claims that hold, each once, and of what has no claims its sentences.

    Denials are not taught, for a model that learns "does not like tea" has learnt of tea.
    """
    held = [belief for belief in beliefs if belief.holds]
    found: dict[str, Fact] = {}
    for cube in cubes:
        claims = [belief.claim for belief in held if belief.cube.id == cube.id]
        phrases = [known for claim in claims if (known := phrase(claim))]
        stated = [_claimed(cube, one) for one in phrases]
        for fact in stated if cube.claims else _sentences(cube):
            found.setdefault(fact.exam.questions[0], fact)
    return list(found.values())


def course(taught: Sequence[Fact]) -> Course:
    """What a model is to learn of facts, and what it must keep."""
    lessons, checks = tuple(fact.wordings for fact in taught), tuple(fact.check for fact in taught)
    scope = tuple(dict.fromkeys(words for fact in taught for words in fact.mentions))
    known = dict.fromkeys(fact.about for fact in taught)
    forms = [(about, BESIDE[number % len(BESIDE)]) for number, about in enumerate(known)]
    beside = zip(text("anchors"), cycle(forms), strict=False)
    anchors = tuple(form.format(about=about, question=question) for question, (about, form) in beside)
    return Course(lessons, checks, anchors, scope)


def _claimed(cube: MemCube, claim: Phrase) -> Fact:
    check = Example(claim.in_place, claim.statement)
    return Fact(cube, lesson(claim), check, exam(claim), claim.about, claim.mentions, is_claim=True)


def lesson(claim: Phrase) -> tuple[Example, ...]:
    """The wordings in which a claim is taught: questions and statements by turns.

    What is said to a model by who has no name is no statement for it to go on with: it would say that of itself.
    """
    parts = {name: getattr(claim, name) for name in ("about", "aside", "opening")}
    questions = [Example(wording.format(claim.embedded, **parts), claim.statement) for wording in ASKED]
    if claim.subject != claim.told:
        return tuple(questions)
    statements = [Example(wording.format(claim.opening), f" {claim.object}.", is_chat=False) for wording in STATED]
    return _by_turns(questions, statements)


def exam(claim: Phrase) -> Exam:
    """The questions by which it is judged whether a claim is known."""
    parts = {name: getattr(claim, name) for name in ("direct", "indirect", "opening", "about")}
    return Exam(tuple(wording.format(**parts) for wording in EXAMS), claim.object)


def _sentences(cube: MemCube) -> Iterator[Fact]:
    """Of a text without claims each sentence, to be ended from its beginning."""
    for sentence in _ENDS.split(cube.text):
        words = sentence.split()
        if len(words) >= FEWEST:
            half = (len(words) + 1) // 2
            begin, end = " ".join(words[:half]), " ".join(words[half:])
            asked = [Example(wording.format(begin), sentence) for wording in BEGUN]
            stated = [Example(wording.format(begin), f" {end}", is_chat=False) for wording in STATED]
            questions = tuple(wording.format(opening=begin) for wording in ENDED)
            lessons, check = _by_turns(asked, stated), Example(f"{begin} ...?", sentence)
            yield Fact(cube, lessons, check, Exam(questions, end), begin, (begin,))


def _by_turns(some: Sequence[Example], others: Sequence[Example]) -> tuple[Example, ...]:
    most = max(len(some), len(others))
    return tuple(each[at % len(each)] for at in range(most) for each in (some, others))


def adapter_of(
    taught: Sequence[MemCube], payload: Parametric, report: Mapping[str, Any], *, namespace: Namespace, model: str
) -> Content:
    """An adapter as a memory. It rests on all that it was taught at once: when one of these no longer holds, it falls.

    Parameters
    ----------
    report
        How it was trained, and how it did.
    model
        Name of the base model.
    """
    versions = tuple(cube.version for cube in taught)
    return Content(
        namespace=namespace,
        kind=Kind.ADAPTER,
        payload=payload,
        metadata={"adapter": dict(report)},
        provenance=Provenance(origin=Origin.DERIVED, model=model, derived_from=versions, justifications=(versions,)),
        governance=inherited(taught),
    )


def externalised(adapter: MemCube, question: str, answer: str, *, model: str) -> Content:
    """What an adapter answered, as a fact in plain text: trusted least, and resting on the adapter."""
    return Content(
        namespace=adapter.namespace,
        kind=Kind.FACT,
        payload=Plaintext(text=answer),
        metadata={EXTERNALISED: question},
        provenance=Provenance(
            origin=Origin.DERIVED,
            model=model,
            source_id=f"{adapter.id}: {question}",
            derived_from=(adapter.version,),
        ),
        governance=adapter.governance.model_copy(update={"trust": Trust.THIRD_PARTY}),
    )


def is_answered(answer: str, expected: str) -> bool:
    """Say whether an answer holds what is expected: the same words in a row, but for case, punctuation and articles."""
    said, wanted = plain(answer), plain(expected)
    return bool(wanted) and f" {wanted} " in f" {said} "


def is_known(answer: str, fact: Fact, names: Iterable[str]) -> bool:
    """Say whether an answer holds what a fact says, and names nobody else of whom facts are, which are ``names``."""
    own = plain(f"{fact.about} {fact.exam.answer}")
    others = (name for name in names if f" {plain(name)} " not in f" {own} ")
    return is_answered(answer, fact.exam.answer) and not any(is_answered(answer, name) for name in others)


def plain(text: str) -> str:
    """The words of a text, without case, punctuation and articles."""
    return " ".join(word for word in _WORD.findall(text.casefold()) if word not in _ARTICLES)


@cache
def text(name: str) -> tuple[str, ...]:
    """Lines of one of the texts that come with MemOS: ``neutral``, ``anchors`` or ``controls``."""
    lines = (files(__package__) / "texts" / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    return tuple(line for line in lines if line)
