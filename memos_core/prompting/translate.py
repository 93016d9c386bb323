"""A text in another language."""

from __future__ import annotations

from pydantic import ValidationInfo, field_validator

from memos_core.ports import ChatModel
from memos_core.prompting.asking import Answer, Words, ask
from memos_core.prompting.budget import Budget, estimated_tokens
from memos_core.prompting.numbers import numbers

TOKENS_AROUND = 100
LONGER = 3  # times the tokens of the text that its translation may have


class Translation(Answer):
    """A translation, checked for its numbers: they are the same in every language."""

    translation: Words

    @field_validator("translation")
    @classmethod
    def _is_faithful(cls, translation: str, info: ValidationInfo) -> str:
        if not translation:
            raise ValueError("it is empty")
        expected: set[str] = (info.context or {})["numbers"]
        if differing := numbers(translation) ^ expected:
            raise ValueError(f"the numbers {', '.join(sorted(differing))} are not in both texts")
        return translation


def translate(model: ChatModel, text: str, *, language: str, budget: Budget) -> str:
    """The text in another language. Errors are those of :func:`ask`."""
    max_tokens = TOKENS_AROUND + LONGER * estimated_tokens(text)
    values = {"text": text, "language": language}
    context = {"numbers": numbers(text)}
    found = ask(model, "translate", values, Translation, budget=budget, max_tokens=max_tokens, context=context)
    return found.translation
