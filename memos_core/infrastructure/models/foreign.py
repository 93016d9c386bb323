"""Chat models of other libraries, behind our port."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from memos_core.errors import ChatModelFailed, MemOSError
from memos_core.infrastructure.models.adapt import name_of
from memos_core.infrastructure.models.replies import flat, reply, text_of
from memos_core.ports import Reply, Turn


class Way(NamedTuple):
    """How a kind of models is asked: for a reply, and for one in pieces (``None`` if none of them can)."""

    ask: Callable[[Any, Sequence[Turn]], Reply]
    stream: Callable[[Any, Sequence[Turn]], Iterator[object]] | None = None
    streams_by: str = ""  # a method that not all have


class AdaptedChatModel:
    """A foreign chat model behind our port. It is asked with the turns alone, for what else it takes is its own."""

    def __init__(self, given: Any, way: Way) -> None:
        self._given = given
        self._way = way
        self._name = name_of(given)

    def __repr__(self) -> str:
        return f"AdaptedChatModel({self._name!r})"  # the model's own repr may show its key

    @property
    def name(self) -> str:
        """What it calls its model, else the name of its type or function."""
        return self._name

    def complete(self, turns: Sequence[Turn], *, max_tokens: int, schema: Mapping[str, Any] | None = None) -> Reply:  # noqa: ARG002  # no framework has one way to pass them to every model
        """Give the next turn.

        Raises
        ------
        ChatModelFailed
            If the model raises, or gives anything but text.
        """
        with self._failing():
            return self._way.ask(self._given, turns)

    def stream(self, turns: Sequence[Turn], *, max_tokens: int) -> Iterator[str]:
        """Give the next turn in pieces; as one piece, where the model cannot stream. Errors are those of complete."""
        if self._way.stream is not None and hasattr(self._given, self._way.streams_by):
            begun = False
            with self._failing():
                try:
                    for piece in _texts(self._way.stream(self._given, turns)):
                        begun = True
                        yield piece
                except NotImplementedError:  # so says a model that cannot, of a library whose others can
                    if begun:
                        raise
                else:
                    return
        yield self.complete(turns, max_tokens=max_tokens).text

    @contextmanager
    def _failing(self) -> Iterator[None]:
        try:
            yield
        except MemOSError:
            raise
        # A foreign model may raise anything at all; whatever it is becomes one typed error with its cause.
        except Exception as error:
            raise ChatModelFailed(model=self._name, detail=f"{type(error).__name__}: {error}") from error


def _texts(pieces: Iterable[object]) -> Iterator[str]:
    for piece in pieces:
        if piece is not None and not isinstance(piece, str):
            raise TypeError(f"it gave a {type(piece).__name__}, not text")
        if piece:
            yield piece


def _ask_langchain(model: Any, turns: Sequence[Turn]) -> Reply:
    answer = model.invoke([tuple(turn) for turn in turns])
    text = text_of(getattr(answer, "content", answer))  # a plain LLM gives the text itself
    return reply(turns, text, getattr(answer, "usage_metadata", None), "input_tokens", "output_tokens")


def _stream_langchain(model: Any, turns: Sequence[Turn]) -> Iterator[object]:
    for chunk in model.stream([tuple(turn) for turn in turns]):
        yield text_of(getattr(chunk, "content", chunk))


def _ask_llama_index(model: Any, turns: Sequence[Turn]) -> Reply:
    answer = model.complete(flat(turns))
    return reply(turns, answer.text, answer.additional_kwargs, "prompt_tokens", "completion_tokens")


def _stream_llama_index(model: Any, turns: Sequence[Turn]) -> Iterator[object]:
    shown = 0
    for answer in model.stream_complete(flat(turns)):
        yield answer.text[shown:] if answer.delta is None else answer.delta
        shown = len(answer.text)


def _ask_function(function: Callable[[str], str], turns: Sequence[Turn]) -> Reply:
    return reply(turns, function(flat(turns)))


LANGCHAIN = Way(_ask_langchain, _stream_langchain, "stream")
LLAMA_INDEX = Way(_ask_llama_index, _stream_llama_index, "stream_complete")
FUNCTION = Way(_ask_function)
