"""Cutting a text into spans that fit a window, at the most natural boundary that will do."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from memos_core.ports import Span

#: From the most natural unit to the least: paragraphs, sentences and lines, words, characters.
UNITS = (
    re.compile(r".+?(?:\n\s*\n|\Z)", re.DOTALL),
    re.compile(r".+?(?:[.!?\u2026]+[\"'\u201d\u2019)\]]*\s+|\n|(?<=[\u3002\uff01\uff1f])|\Z)", re.DOTALL),
    re.compile(r"\s*\S+\s*|\s+", re.DOTALL),
    re.compile(r".", re.DOTALL),
)


def split(text: str, *, limit: int, measure: Callable[[str], int]) -> list[Span]:
    """Cut a text into consecutive spans that each measure at most ``limit``.

    Parameters
    ----------
    measure
        Length of a stretch in the window's unit. The length of two stretches together must not be more
        than the sum of theirs.

    Returns
    -------
    list[Span]
        They cover the whole text, in order. A text that fits is one span.
    """
    if measure(text) <= limit:
        return [Span(0, len(text))]
    return list(_pack(text, Span(0, len(text)), UNITS, limit, measure))


def _pack(
    text: str, whole: Span, units: Sequence[re.Pattern[str]], limit: int, measure: Callable[[str], int]
) -> Iterator[Span]:
    start, filled, end = whole.start, 0, whole.start
    for match in units[0].finditer(text, whole.start, whole.end):
        size = measure(match.group())
        if end > start and filled + size > limit:
            yield Span(start, end)
            start, filled = end, 0
        if size > limit and len(units) > 1:
            yield from _pack(text, Span(match.start(), match.end()), units[1:], limit, measure)
            start, filled = match.end(), 0
        else:
            filled += size
        end = match.end()
    if end > start:
        yield Span(start, end)
