"""Several texts in one short one."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import ValidationInfo, field_validator

from memos_core.errors import InvalidInput
from memos_core.language.words import spaced
from memos_core.ports import ChatModel
from memos_core.prompting.asking import Answer, Value, Words, ask
from memos_core.prompting.budget import Budget
from memos_core.prompting.numbers import numbers

#: Models count badly, so they are asked for fewer words than they may use.
ASKED_SHARE = 0.8
TOKENS_A_WORD = 4
TOKENS_AROUND = 100


class Summary(Answer):
    """A summary, checked for its length and for numbers that are nowhere in the texts."""

    summary: Words

    @field_validator("summary")
    @classmethod
    def _fits(cls, summary: str, info: ValidationInfo) -> str:
        given = info.context or {}
        limit: int = given["words"]
        if not summary:
            raise ValueError("it is empty")
        if (length := len(spaced(summary).split())) > limit:
            raise ValueError(f"it has {length} words, and at most {limit} are allowed")
        if invented := numbers(summary) - given["numbers"]:
            raise ValueError(f"no text has the numbers {', '.join(sorted(invented))}")
        return summary


def summarise(model: ChatModel, texts: Sequence[str], *, words: int, budget: Budget) -> str:
    """One text of at most so many words that says what the texts say.

    Raises
    ------
    InvalidInput
        If there is no text, or no word is allowed.
    BadReply
        If it is twice empty, too long, or has a number that no text has.
    BudgetExceeded, ChatModelFailed
        As for :func:`ask`.
    """
    if words < 1 or not any(text.strip() for text in texts):
        raise InvalidInput(detail="A summary needs some text, and leave to be at least one word long.")
    values: dict[str, Value] = {"texts": texts, "words": max(1, int(words * ASKED_SHARE))}
    context = {"words": words, "numbers": numbers(" ".join(texts))}
    max_tokens = TOKENS_AROUND + TOKENS_A_WORD * words
    return ask(model, "summarise", values, Summary, budget=budget, max_tokens=max_tokens, context=context).summary
