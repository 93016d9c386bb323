"""Lessons in the words of a chat model, beside those of the templates.

The model writes questions alone. What they are answered with is the claim itself, so that nothing it makes up is taught
as true; and a question is held against rules before it is used.
"""

from __future__ import annotations

import warnings
from collections.abc import Collection, Sequence
from typing import NamedTuple

from memos_core.errors import BadReply, ChatModelError, ModelWarning
from memos_core.operation.training import Fact, is_answered, plain
from memos_core.ports import ChatModel, Example
from memos_core.prompting.budget import Budget
from memos_core.prompting.questions import COUNT, write_questions

CALLS, TOKENS = 200, 200_000  # of one training
LONGEST = 200  # characters of a question
_MARKS = ("?", "\N{FULLWIDTH QUESTION MARK}", "\N{ARABIC QUESTION MARK}")


class Worded(NamedTuple):
    """Facts, and how many of their lessons a model has written.

    Attributes
    ----------
    alone
        Facts with a claim of which only the templates' lessons are taught: no question could be used, or none came.
    """

    facts: list[Fact]
    written: int
    alone: int


def with_questions(facts: Sequence[Fact], model: ChatModel) -> Worded:
    """Add lessons with the questions of a model to facts that are claims.

    Where it fails, or the limit on calls and tokens is reached, templates are all that is taught, with a warning.
    """
    budget, known = Budget(calls=CALLS, tokens=TOKENS), _asked(facts)
    found: list[Fact] = []
    written = alone = 0
    problem: ChatModelError | None = None
    for fact in facts:
        questions: list[str] = []
        if fact.is_claim and not _is_final(problem):
            try:
                questions = _questions(fact, model, budget, known)
            except ChatModelError as error:
                problem = error
        known |= {plain(question) for question in questions}
        lessons = tuple(Example(question, fact.check.answer) for question in questions)
        found.append(fact._replace(wordings=(*fact.wordings, *lessons)))
        written, alone = written + len(lessons), alone + bool(fact.is_claim and not lessons)
    if problem is not None:
        warnings.warn(
            ModelWarning(f"{alone} of {len(facts)} facts are taught in the words of templates alone: {problem}"),
            stacklevel=3,
        )
    return Worded(found, written, alone)


def _is_final(problem: ChatModelError | None) -> bool:
    """Whether there is no use in asking again: only what is wrong with one reply says nothing about the next."""
    return problem is not None and not isinstance(problem, BadReply)


def _questions(fact: Fact, model: ChatModel, budget: Budget, known: Collection[str]) -> list[str]:
    """The questions that can be used: of this fact, about whom it is about, and not what is asked anywhere else."""
    answer = fact.exam.answer
    about = " or ".join(fact.mentions)
    given = write_questions(model, fact.check.answer, about=about, answer=answer, budget=budget)
    usable = {
        plain(question): question
        for question in given
        if len(question) <= LONGEST
        and question.endswith(_MARKS)
        and any(is_answered(question, name) for name in fact.mentions)
        and not is_answered(question, answer)
    }
    return [question for words, question in usable.items() if words not in known][:COUNT]


def _asked(facts: Sequence[Fact]) -> set[str]:
    """All that is asked already: an exam, a check or a lesson of one fact is no lesson of another."""
    return {
        plain(question)
        for fact in facts
        for question in (*fact.exam.questions, fact.check.given, *(each.given for each in fact.wordings))
    }
