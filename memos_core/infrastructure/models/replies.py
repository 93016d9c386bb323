"""What back ends answer, as replies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from memos_core.ports import Reply, Turn
from memos_core.prompting.budget import estimated_tokens
from memos_core.prompting.streaming import whole


def text_of(content: Any) -> str | None:
    """A message's text: a string, or the text blocks of a list; ``None`` if there is none."""
    if isinstance(content, str):
        return content
    if not isinstance(content, Sequence):
        return None
    texts = [block.get("text") if isinstance(block, Mapping) else block for block in content]
    found = [text for text in texts if isinstance(text, str)]
    return "".join(found) if found else None


def reply(turns: Sequence[Turn], text: Any, usage: Any = None, sent: str = "", received: str = "") -> Reply:
    """A reply with the tokens that the back end counted, or with estimates.

    Parameters
    ----------
    sent, received
        What ``usage`` calls the two counts.

    Raises
    ------
    TypeError
        If the text is none.
    """
    if not isinstance(text, str):
        raise TypeError(f"it gave a {type(text).__name__}, not text")
    counts = usage if isinstance(usage, Mapping) else {}
    return Reply(
        "".join(whole([text])),
        _count(counts.get(sent), sum(estimated_tokens(turn.content) for turn in turns)),
        _count(counts.get(received), estimated_tokens(text)),
    )


def flat(turns: Sequence[Turn]) -> str:
    """The turns as one text. The first two are one thought; after that, who speaks has to be said."""
    return "\n\n".join(turn.content if at < 2 else f"{turn.role}:\n{turn.content}" for at, turn in enumerate(turns))


def _count(given: Any, otherwise: int) -> int:
    return given if isinstance(given, int) and given > 0 else otherwise
