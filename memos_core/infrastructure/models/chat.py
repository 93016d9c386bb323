"""Chat models: behind an OpenAI-compatible server, or an object that the user has already."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from memos_core.errors import ChatModelFailed, InvalidInput, MemOSError
from memos_core.infrastructure.models.adapt import name_of
from memos_core.ports import ChatModel, Reply, Turn
from memos_core.prompting.budget import estimated_tokens

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
        body = {"model": self._model, "messages": [turn._asdict() for turn in turns]}
        answer = self._post(body, max_tokens, schema, self._dialect)
        try:
            text = _text(answer["choices"][0]["message"]["content"])
        except (KeyError, IndexError, TypeError):
            text = None
        if text is None:
            said = answer.get("error") if isinstance(answer, Mapping) else None
            detail = self._endpoint.shown(f"{self._endpoint.url} gave no text. {said or ''}".strip())
            raise ChatModelFailed(model=self._model, detail=detail)
        usage = answer.get("usage")
        return _reply(turns, text, usage, "prompt_tokens", "completion_tokens")

    def _post(
        self, body: Mapping[str, Any], max_tokens: int, schema: Mapping[str, Any] | None, dialect: _Dialect
    ) -> Any:
        from memos_core.infrastructure.models.sending import NoAnswer

        try:
            answer = self._endpoint.post({**body, **dialect.settings(max_tokens, schema)})
        except NoAnswer as error:
            other = dialect.yielding(str(error), asked_form=schema is not None) if error.status in REFUSED else None
            if other is None:
                raise ChatModelFailed(model=self._model, detail=str(error)) from error
        else:
            self._dialect = dialect
            return answer
        return self._post(body, max_tokens, schema, other)


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


def as_chat_model(given: Any) -> ChatModel:
    """Make a chat model of anything that answers text.

    Parameters
    ----------
    given
        An object with the members of ``ports.ChatModel``; a LangChain chat model; a LlamaIndex ``LLM``; or a function
        from a text to a text. The last three have the temperature and length of reply that they were made with.

    Raises
    ------
    InvalidInput
        If it does none of this.
    """
    if isinstance(given, type):
        raise InvalidInput(detail=f"{given.__name__} is a class. Pass an object of it.")
    if all(hasattr(given, name) for name in ("complete", "acomplete", "metadata")):
        return AdaptedChatModel(given, _ask_llama_index)
    if hasattr(given, "invoke"):
        return AdaptedChatModel(given, _ask_langchain)
    if all(hasattr(given, name) for name in ("complete", "name")):
        return cast("ChatModel", given)
    if callable(given):
        return AdaptedChatModel(given, _ask_function)
    raise InvalidInput(
        detail=f"A {type(given).__name__} is no chat model: it has neither invoke nor complete, and cannot be called."
    )


class AdaptedChatModel:
    """A foreign chat model behind our port. It is asked with the turns alone, for what else it takes is its own.

    Parameters
    ----------
    ask
        Asks the model, and gives the reply with its text unchecked.
    """

    def __init__(self, given: Any, ask: Callable[[Any, Sequence[Turn]], Reply]) -> None:
        self._given = given
        self._ask = ask
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
        try:
            return self._ask(self._given, turns)
        except MemOSError:
            raise
        # A foreign model may raise anything at all; whatever it is becomes one typed error with its cause.
        except Exception as error:
            raise ChatModelFailed(model=self._name, detail=f"{type(error).__name__}: {error}") from error


def _ask_langchain(model: Any, turns: Sequence[Turn]) -> Reply:
    answer = model.invoke([tuple(turn) for turn in turns])
    text = _text(getattr(answer, "content", answer))  # a plain LLM gives the text itself
    return _reply(turns, text, getattr(answer, "usage_metadata", None), "input_tokens", "output_tokens")


def _ask_llama_index(model: Any, turns: Sequence[Turn]) -> Reply:
    answer = model.complete(_flat(turns))
    return _reply(turns, answer.text, answer.additional_kwargs, "prompt_tokens", "completion_tokens")


def _ask_function(function: Callable[[str], str], turns: Sequence[Turn]) -> Reply:
    return _reply(turns, function(_flat(turns)), None, "", "")


def _flat(turns: Sequence[Turn]) -> str:
    """The turns as one text. The first two are one thought; after that, who speaks has to be said."""
    return "\n\n".join(turn.content if at < 2 else f"{turn.role}:\n{turn.content}" for at, turn in enumerate(turns))


def _text(content: Any) -> str | None:
    """A message's text: a string, or the text blocks of a list; ``None`` if there is none."""
    if isinstance(content, str):
        return content
    if not isinstance(content, Sequence):
        return None
    texts = [block.get("text") if isinstance(block, Mapping) else block for block in content]
    found = [text for text in texts if isinstance(text, str)]
    return "".join(found) if found else None


def _reply(turns: Sequence[Turn], text: Any, usage: Any, sent: str, received: str) -> Reply:
    """A reply with the tokens that the back end counted, or with estimates."""
    if not isinstance(text, str):
        raise TypeError(f"it gave a {type(text).__name__}, not text")
    counts = usage if isinstance(usage, Mapping) else {}
    return Reply(
        text,
        _count(counts.get(sent), sum(estimated_tokens(turn.content) for turn in turns)),
        _count(counts.get(received), estimated_tokens(text)),
    )


def _count(given: Any, otherwise: int) -> int:
    return given if isinstance(given, int) and given > 0 else otherwise
