"""Chat models: behind an OpenAI-compatible server, or an object that the user has already."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar, cast

from memos_core.errors import ChatModelFailed, InvalidInput
from memos_core.infrastructure.models.foreign import FUNCTION, LANGCHAIN, LLAMA_INDEX, AdaptedChatModel
from memos_core.infrastructure.models.local import LocalModel
from memos_core.infrastructure.models.replies import reply, text_of
from memos_core.ports import ChatModel, Reply, Turn

if TYPE_CHECKING:
    from memos_core.infrastructure.models.sending import Complaint, Incoming

Made = TypeVar("Made")

#: Statuses of servers that do not know something in the request.
REFUSED = frozenset({400, 422})
#: How an answer's form is asked for, the strictest first.
STRICTNESS = ("json_schema", "json_object", None)


class HTTPChatModel:
    """Asks ``POST {base_url}/chat/completions``: OpenAI, OpenRouter, Ollama, vLLM, LM Studio, llama.cpp.

    Parameters
    ----------
    base_url
        Up to and with the version, e.g. ``"http://localhost:11434/v1"``.
    model
        Name of the model there.
    api_key
        Sent as a bearer token. It is never shown, logged or stored.
    timeout
        In seconds, for one request.

    Notes
    -----
    A request that fails in passing is tried again as by :class:`HTTPEmbedder`. If the server refuses (400, 422) a
    strict JSON schema, plain JSON is asked for, and then no form at all; if it refuses ``temperature`` or wants
    ``max_completion_tokens``, it gets its way. What it took is kept for the next call.
    """

    def __init__(self, base_url: str, model: str, *, api_key: str | None = None, timeout: float = 60.0) -> None:
        from memos_core.infrastructure.models.sending import Endpoint  # an HTTP client: loaded where one is used

        self._endpoint = Endpoint(base_url.rstrip("/") + "/chat/completions", api_key=api_key, timeout=timeout)
        self._model = model
        self._dialect = _Dialect()

    def __repr__(self) -> str:
        return f"HTTPChatModel({self._endpoint.url!r}, {self._model!r})"

    @property
    def name(self) -> str:
        """As the server calls it."""
        return self._model

    def complete(self, turns: Sequence[Turn], *, max_tokens: int, schema: Mapping[str, Any] | None = None) -> Reply:
        """Give the next turn.

        Raises
        ------
        ChatModelFailed
            If the server cannot be reached, answers with an error, or with anything but text.
        """
        from memos_core.infrastructure.models.sending import decoded

        [answer] = self._ask(turns, decoded, max_tokens=max_tokens, schema=schema)
        text = _said(answer)
        if text is None:
            said = answer.get("error") if isinstance(answer, Mapping) else None
            detail = self._endpoint.shown(f"{self._endpoint.url} gave no text. {said or ''}".strip())
            raise ChatModelFailed(model=self._model, detail=detail)
        return reply(turns, text, answer.get("usage"), "prompt_tokens", "completion_tokens")

    def stream(self, turns: Sequence[Turn], *, max_tokens: int) -> Iterator[str]:
        """Give the next turn in pieces, by server-sent events. A server that does not stream gives one piece.

        Raises
        ------
        ChatModelFailed
            As for :meth:`complete`, and if the answer breaks off. Nothing is tried again once a piece has come.
        """
        return self._ask(turns, _pieces, max_tokens=max_tokens, more={"stream": True})

    def _ask(
        self,
        turns: Sequence[Turn],
        read: Callable[[Incoming], Iterator[Made]],
        *,
        max_tokens: int,
        schema: Mapping[str, Any] | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> Iterator[Made]:
        from memos_core.infrastructure.models.sending import NoAnswer

        body = {"model": self._model, "messages": [turn._asdict() for turn in turns], **(more or {})}
        dialect: _Dialect | None = self._dialect
        while dialect is not None:
            refused = None
            try:
                yield from self._endpoint.stream({**body, **dialect.settings(max_tokens, schema)}, read)
            except NoAnswer as error:
                refused = error
            if refused is None:
                self._dialect = dialect
                return
            asked_form = schema is not None
            dialect = dialect.yielding(str(refused), asked_form=asked_form) if refused.status in REFUSED else None
        raise ChatModelFailed(model=self._model, detail=str(refused)) from refused


@dataclass(frozen=True)
class _Dialect:
    """What of the protocol a server understands."""

    limit: str = "max_tokens"
    temperature: bool = True
    strictness: int = 0

    def settings(self, max_tokens: int, schema: Mapping[str, Any] | None) -> dict[str, Any]:
        """The fields of a request beside its messages."""
        settings: dict[str, Any] = {self.limit: max_tokens}
        if self.temperature:
            settings["temperature"] = 0
        form = STRICTNESS[self.strictness] if schema is not None else None
        if form:
            settings["response_format"] = {"type": form}
        if form == "json_schema":
            settings["response_format"]["json_schema"] = {"name": "answer", "strict": True, "schema": schema}
        return settings

    def yielding(self, complaint: str, *, asked_form: bool) -> _Dialect | None:
        """The next to try after a refusal; ``None`` if there is nothing left to give way in."""
        if "max_completion_tokens" in complaint and self.limit == "max_tokens":
            return replace(self, limit="max_completion_tokens")
        if "temperature" in complaint and self.temperature:
            return replace(self, temperature=False)
        if asked_form and STRICTNESS[self.strictness]:
            return replace(self, strictness=self.strictness + 1)
        return None


def _said(answer: Any) -> str | None:
    """The text of a whole answer; ``None`` if it has none."""
    try:
        return text_of(answer["choices"][0]["message"]["content"])
    except (KeyError, IndexError, TypeError):
        return None


def _pieces(incoming: Incoming) -> Iterator[str]:
    """The text of an answer that comes as server-sent events, piece by piece."""
    from memos_core.infrastructure.models.lines import events
    from memos_core.infrastructure.models.sending import Complaint, decoded

    if incoming.media_type == "application/json":
        [answer] = decoded(incoming)
        text = _said(answer)
        if text is None:
            raise _complaint(answer)
        yield text
        return
    why, given = None, False
    for event in events(incoming.chunks):
        if event.data.strip() == "[DONE]":
            why = why or "stop"
            break
        chunk = json.loads(event.data)
        if event.kind == "error" or not isinstance(chunk, Mapping) or chunk.get("error"):
            raise _complaint(chunk)
        text, ended = _delta(chunk)
        why, given = ended or why, given or bool(text)
        if text:
            yield text
    if why is None:
        raise ConnectionError("the answer broke off before its end")
    if not given and why == "tool_calls":
        raise Complaint("it wants to call a tool, and gave no text")


def _delta(chunk: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """The text of a chunk, and why the answer ends with it. One that only counts tokens has neither."""
    try:
        for choice in chunk.get("choices") or ():
            return text_of((choice.get("delta") or {}).get("content")), choice.get("finish_reason")
    except (AttributeError, TypeError) as error:
        raise ValueError(f"a chunk that is none: {chunk!r}") from error
    return None, None


def _complaint(answer: Any) -> Complaint:
    """What a server sends in the place of an answer."""
    from memos_core.infrastructure.models.sending import Complaint

    said = answer.get("error", answer) if isinstance(answer, Mapping) else answer
    if not isinstance(said, Mapping):
        return Complaint(said)
    return Complaint(said.get("message") or said, said.get("code"))


def as_chat_model(given: Any) -> ChatModel:
    """Make a chat model of anything that answers text.

    Parameters
    ----------
    given
        An object with the members of ``ports.ChatModel``; a :class:`.local.LocalModel`; a LangChain chat model; a
        LlamaIndex ``LLM``; or a function from a text to a text. The last three have the temperature and length of reply
        that they were made with.

    Raises
    ------
    InvalidInput
        If it does none of this.
    """
    if isinstance(given, type):
        raise InvalidInput(detail=f"{given.__name__} is a class. Pass an object of it.")
    if isinstance(given, LocalModel):
        from memos_core.infrastructure.models.local_chat import LocalChatModel

        return LocalChatModel(given)
    if all(hasattr(given, name) for name in ("complete", "acomplete", "metadata")):
        return AdaptedChatModel(given, LLAMA_INDEX)
    if hasattr(given, "invoke"):
        return AdaptedChatModel(given, LANGCHAIN)
    if all(hasattr(given, name) for name in ("complete", "name")):
        return cast("ChatModel", given)
    if callable(given):
        return AdaptedChatModel(given, FUNCTION)
    raise InvalidInput(
        detail=f"A {type(given).__name__} is no chat model: it has neither invoke nor complete, and cannot be called."
    )
