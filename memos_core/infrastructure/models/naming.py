"""A chat model by a name that is written down: on a command line, in a configuration."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import urlsplit

from memos_core.errors import InvalidInput
from memos_core.ports import ChatModel

#: Services with OpenAI's interface, and where they are.
SERVICES = {"openai": "https://api.openai.com/v1", "openrouter": "https://openrouter.ai/api/v1"}
#: What a name may look like, and what it means.
FORMS = {
    "ollama:NAME": "a model of the Ollama on this machine",
    "openai:NAME": "a model of OpenAI",
    "openrouter:NAME": "a model of OpenRouter",
    "http://HOST/v1#NAME": "a server with OpenAI's interface: llama.cpp, vLLM, LM Studio, another Ollama",
    "gguf:FILE": "a model file, run by llama.cpp in this process",
    "hf:FOLDER": "a model of transformers, in this process",
}


class ModelName(NamedTuple):
    """A name taken apart: the provider, e.g. ``"ollama"`` or ``"http"``, and the model there or its address."""

    provider: str
    model: str


def model_name(spec: str) -> ModelName:
    """Take a name apart.

    Raises
    ------
    InvalidInput
        If it has none of the forms.

    Examples
    --------
    >>> model_name("ollama:qwen3:4b")
    ModelName(provider='ollama', model='qwen3:4b')
    """
    provider, _, model = spec.strip().partition(":")
    if provider in {"http", "https"}:
        return ModelName("http", spec.strip())
    if provider not in {form.split(":")[0] for form in FORMS} or not model:
        raise InvalidInput(detail=f"A chat model is named in one of these ways: {', '.join(FORMS)}.")
    return ModelName(provider, model)


def chat_model(spec: str, *, api_key: str | None = None, ollama_url: str | None = None) -> ChatModel:
    """Make the chat model of a name; see ``docs/CHAT_MODELS.md``.

    Parameters
    ----------
    api_key
        Of a service or server. Names never hold keys.
    ollama_url
        Where Ollama is, if it is not on this machine.

    Raises
    ------
    InvalidInput
        If it has none of the forms, or there is no such model in this process.
    ExtraMissing
        If what runs it is not installed.
    """
    provider, model = model_name(spec)
    if provider == "ollama":
        from memos_core.infrastructure.models.ollama import URL, OllamaChatModel

        return OllamaChatModel(model, url=ollama_url or URL)
    if provider == "gguf":
        from memos_core.infrastructure.models.gguf import GGUFChatModel

        return GGUFChatModel(model)
    if provider == "hf":
        from memos_core.infrastructure.models.local import LocalModel
        from memos_core.infrastructure.models.local_chat import LocalChatModel

        return LocalChatModel(LocalModel.load(model))
    from memos_core.infrastructure.models.chat import HTTPChatModel

    address, name = (SERVICES[provider], model) if provider in SERVICES else _address(model)
    return HTTPChatModel(address, name, api_key=api_key)


def _address(given: str) -> tuple[str, str]:
    """The address of a server, and the name of a model there."""
    parts = urlsplit(given)
    if parts.query:
        raise InvalidInput(detail="The address of a model server has no question mark; keys are not part of it.")
    if not parts.fragment:
        raise InvalidInput(
            detail="Say which model of the server, behind a #, as in http://localhost:8080/v1#NAME. "
            "A server that has only one takes any name."
        )
    return parts._replace(fragment="").geturl(), parts.fragment
