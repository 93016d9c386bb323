"""Texts in the order in which they answer a question."""

from __future__ import annotations

from collections.abc import Sequence

from memos_core.ports import ChatModel
from memos_core.prompting.asking import Answer, ask
from memos_core.prompting.budget import Budget

SHOWN = 1000  # characters of a text, from its beginning
CUT = " [...]"
TOKENS_A_NUMBER = 6
TOKENS_AROUND = 50


class Order(Answer):
    """Numbers of texts, the most helpful first."""

    order: list[int]


def rerank(model: ChatModel, question: str, texts: Sequence[str], *, budget: Budget) -> list[int]:
    """Indices of the texts, the most helpful first.

    The model sees the first 1,000 characters of each. Those it does not name stay in their order, behind; numbers that
    no text has are passed over. One text, or none, needs no model. Errors are those of :func:`ask`.
    """
    if len(texts) < 2:
        return list(range(len(texts)))
    shown = [text if len(text) <= SHOWN else text[:SHOWN] + CUT for text in texts]
    values = {"question": question, "texts": shown}
    max_tokens = TOKENS_AROUND + TOKENS_A_NUMBER * len(texts)
    found = ask(model, "rerank", values, Order, budget=budget, max_tokens=max_tokens)
    named = [number - 1 for number in found.order if 1 <= number <= len(texts)]
    return list(dict.fromkeys([*named, *range(len(texts))]))
