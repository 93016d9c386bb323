"""A reply in pieces, as a model writes it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import cast

from memos_core.ports import ChatModel, StreamingChatModel, Turn


def stream(model: ChatModel, turns: Sequence[Turn], *, max_tokens: int) -> Iterator[str]:
    """Give a model's reply in pieces; of a model that cannot stream, the whole reply as one piece when it is done.

    Raises
    ------
    ChatModelFailed
        If there is no reply, or it breaks off.
    """
    if callable(getattr(model, "stream", None)):
        return whole(cast("StreamingChatModel", model).stream(turns, max_tokens=max_tokens))
    return whole(model.complete(turns, max_tokens=max_tokens).text for _ in range(1))


def whole(pieces: Iterable[str]) -> Iterator[str]:
    r"""Pieces that each are Unicode: halves of a character in two pieces are put together, a lone half is replaced.

    JSON writes characters beyond the first plane as two escapes, which a server may send in two pieces.

    Examples
    --------
    >>> list(whole(["a \ud83d", "\ude42", "\ud83d"]))
    ['a ', '🙂', '�']
    """
    half = ""
    for piece in pieces:
        text, half = half + piece, ""
        if "\ud800" <= text[-1:] <= "\udbff":
            text, half = text[:-1], text[-1]
        if text:
            yield _mended(text)
    if half:
        yield _mended(half)


def _mended(text: str) -> str:
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
