"""A question in other words, so that a search finds what its own words miss."""

from __future__ import annotations

from memos_core.ports import ChatModel
from memos_core.prompting.asking import Answer, Words, ask
from memos_core.prompting.budget import Budget

OTHERS = 3
MAX_TOKENS = 300


class Wordings(Answer):
    """Other wordings of a question."""

    wordings: list[Words]


def rewrite(model: ChatModel, question: str, *, budget: Budget) -> list[str]:
    """The question, and up to three other wordings of it. Errors are those of :func:`ask`."""
    found = ask(model, "rewrite", {"question": question}, Wordings, budget=budget, max_tokens=MAX_TOKENS)
    others: dict[str, str] = {}
    for wording in found.wordings:
        others.setdefault(wording.casefold(), wording)
    known = {question.strip().casefold(), ""}
    return [question, *[wording for key, wording in others.items() if key not in known][:OTHERS]]
