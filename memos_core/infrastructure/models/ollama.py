"""Ollama by its own interface: chat models and embedders, and what is to be done when it is not there."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from memos_core.errors import ChatModelFailed, EmbeddingFailed
from memos_core.infrastructure.models.adapt import AdaptedEmbedder, in_batches
from memos_core.infrastructure.models.lines import lines
from memos_core.infrastructure.models.replies import reply, text_of
from memos_core.infrastructure.models.sending import Complaint, Endpoint, Incoming, NoAnswer, decoded
from memos_core.ports import Reply, Turn

URL = "http://localhost:11434"
LOOK = 1.0  # seconds, to see whether one is there

Made = TypeVar("Made")


class OllamaChatModel:
    """Asks ``POST {url}/api/chat``.

    Parameters
    ----------
    model
        As ``ollama list`` shows it.
    options
        Of the model's run, e.g. ``{"num_ctx": 16384}``; they come before our own.
    keep_alive
        How long it stays in memory afterwards, e.g. ``"1h"``; by default as long as Ollama keeps it.
    think
        Whether a model that can think aloud does; by default as Ollama has it. Thoughts are never part of a reply.
    timeout
        In seconds, to connect and for each read. The first answer waits until the model is loaded.

    Notes
    -----
    A request that fails in passing is tried again as by :class:`.http.HTTPEmbedder`. Ollama is asked not to cut a
    conversation that is longer than its context: releases that know this say so, and older ones cut it silently.

    References
    ----------
    Ollama, docs/api.md, "Generate a chat completion".
    """

    def __init__(
        self,
        model: str,
        *,
        url: str = URL,
        options: Mapping[str, Any] | None = None,
        keep_alive: str | int | None = None,
        think: bool | None = None,
        timeout: float = 120.0,
    ) -> None:
        self._endpoint = Endpoint(url.rstrip("/") + "/api/chat", timeout=timeout)
        self._model = model
        self._options = dict(options or {})
        settings = {"keep_alive": keep_alive, "think": think}
        self._settings = {name: value for name, value in settings.items() if value is not None}

    def __repr__(self) -> str:
        return f"OllamaChatModel({self._model!r}, url={self._endpoint.url.removesuffix('/api/chat')!r})"

    @property
    def name(self) -> str:
        """As Ollama calls it."""
        return self._model

    def complete(self, turns: Sequence[Turn], *, max_tokens: int, schema: Mapping[str, Any] | None = None) -> Reply:
        """Give the next turn. Ollama writes no other than what a schema allows.

        Raises
        ------
        ChatModelFailed
            If Ollama is not there, has not got the model, or answers with an error.
        """
        more = {} if schema is None else {"format": schema}
        [answer] = self._ask(turns, _whole, max_tokens=max_tokens, more={"stream": False, **more})
        return reply(turns, answer["message"]["content"], answer, "prompt_eval_count", "eval_count")

    def stream(self, turns: Sequence[Turn], *, max_tokens: int) -> Iterator[str]:
        """Give the next turn in pieces. Errors are those of :meth:`complete`, and if the answer breaks off."""
        return self._ask(turns, _pieces, max_tokens=max_tokens, more={"stream": True})

    def _ask(
        self,
        turns: Sequence[Turn],
        read: Callable[[Incoming], Iterator[Made]],
        *,
        max_tokens: int,
        more: Mapping[str, Any],
    ) -> Iterator[Made]:
        body = {
            "model": self._model,
            "messages": [turn._asdict() for turn in turns],
            "options": {"temperature": 0, "num_predict": max_tokens, **self._options},
            "truncate": False,
            **self._settings,
            **more,
        }
        try:
            yield from self._endpoint.stream(body, read)
        except NoAnswer as error:
            raise ChatModelFailed(model=self._model, detail=_advised(error, self._model)) from error


class OllamaEmbedder(AdaptedEmbedder):
    """Asks ``POST {url}/api/embed``.

    Parameters
    ----------
    model
        As ``ollama list`` shows it; the vault keeps it with the vectors.
    keep_alive
        How long it stays in memory afterwards, e.g. ``"1h"``; by default as long as Ollama keeps it.
    timeout
        In seconds, to connect and for each read.

    Notes
    -----
    Ollama is asked not to cut a text that is longer than the model's window; that is an ``EmbeddingFailed``.

    References
    ----------
    Ollama, docs/api.md, "Generate Embeddings".
    """

    def __init__(
        self, model: str, *, url: str = URL, keep_alive: str | int | None = None, timeout: float = 120.0
    ) -> None:
        super().__init__(in_batches(self._request), model=model)
        self._endpoint = Endpoint(url.rstrip("/") + "/api/embed", timeout=timeout)
        self._settings = {} if keep_alive is None else {"keep_alive": keep_alive}

    def __repr__(self) -> str:
        return f"OllamaEmbedder({self._model!r}, url={self._endpoint.url.removesuffix('/api/embed')!r})"

    def _request(self, texts: Sequence[str]) -> list[Any]:
        body = {"model": self._model, "input": list(texts), "truncate": False, **self._settings}
        try:
            answer = self._endpoint.post(body)
            return list(answer["embeddings"])
        except NoAnswer as error:
            raise EmbeddingFailed(model=self._model, detail=_advised(error, self._model)) from error
        except (KeyError, TypeError) as error:
            detail = f"{self._endpoint.url} gave no embeddings: {error!r}"
            raise EmbeddingFailed(model=self._model, detail=detail) from error


def pulled_models(url: str = URL) -> list[str] | None:
    """Names of the models that an Ollama has; ``None`` if none answers within a second."""
    try:
        answer = Endpoint(url.rstrip("/") + "/api/tags", timeout=LOOK, attempts=1).get()
        return [str(model["name"]) for model in answer["models"]]
    except (NoAnswer, KeyError, TypeError):
        return None


def _advised(error: NoAnswer, model: str) -> str:
    """What went wrong, and what to run."""
    if error.is_down:
        return f"{error}. Ollama is not running there; start it with: ollama serve"
    if error.status == 404:
        return f"{error} Get the model with: ollama pull {model}"
    return str(error)


def _whole(incoming: Incoming) -> Iterator[Mapping[str, Any]]:
    [answer] = decoded(incoming)
    _text(answer)
    yield answer


def _pieces(incoming: Incoming) -> Iterator[str]:
    """The text of an answer that comes as one JSON object a line."""
    for line in lines(incoming.chunks):
        if not line.strip():
            continue
        answer = json.loads(line)
        text = _text(answer)
        if text:
            yield text
        if answer.get("done"):
            return
    raise ConnectionError("the answer broke off before its end")


def _text(answer: Any) -> str:
    if isinstance(answer, Mapping) and answer.get("error"):
        raise Complaint(answer["error"])
    text = text_of(answer["message"].get("content")) if isinstance(answer, Mapping) and "message" in answer else None
    if text is None:
        raise ValueError(f"the answer has no text: {answer!r}")
    return text
