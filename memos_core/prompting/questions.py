"""Questions that a fact answers, in other words than those of a template."""

from __future__ import annotations

from memos_core.ports import ChatModel
from memos_core.prompting.asking import Answer, Value, Words, ask
from memos_core.prompting.budget import Budget

COUNT = 6
MAX_TOKENS = 400


class Questions(Answer):
    """Questions with one answer."""

    questions: list[Words]


def write_questions(model: ChatModel, fact: str, *, about: str, answer: str, budget: Budget) -> list[str]:
    """Questions that a fact answers, each once. Whether they can be used is for the caller to judge.

    Parameters
    ----------
    about
        The name of whom or what the fact is about.
    answer
        The words of the fact that answer all of them.

    Raises
    ------
    BadReply, BudgetExceeded, ChatModelFailed
        As for :func:`ask`.
    """
    values: dict[str, Value] = {"fact": fact, "about": about, "answer": answer, "count": COUNT}
    found = ask(model, "questions", values, Questions, budget=budget, max_tokens=MAX_TOKENS)
    return list(dict.fromkeys(question for question in found.questions if question))
