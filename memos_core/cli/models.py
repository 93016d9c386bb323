"""Which chat model a command asks, and where its key is."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from memos_core.errors import InvalidInput

if TYPE_CHECKING:
    from memos_core.ports import ChatModel

WITH = "Which chat model"
#: The variable with the key of each provider. A key is sent nowhere else.
KEYS = {"openai": "OPENAI_API_KEY", "openrouter": "OPENROUTER_API_KEY", "http": "MEMOS_API_KEY"}

HELP = "The chat model, e.g. ollama:qwen3:4b, openai:gpt-4.1-mini, gguf:model.gguf or http://localhost:8080/v1#NAME."
Model = Annotated[Optional[str], typer.Option("--model", metavar="NAME", help=HELP, rich_help_panel=WITH)]
KeyFile = Annotated[
    Optional[Path],
    typer.Option(
        "--api-key-file", metavar="PATH", exists=True, dir_okay=False, rich_help_panel=WITH,
        help=f"A file with its key. Otherwise it is in {', '.join(KEYS.values())}.",
    ),
]  # fmt: skip


def named_model(name: str, key_file: Path | None = None) -> ChatModel:
    """The chat model of this name, with its key from a file or the environment.

    Raises
    ------
    InvalidInput
        If it is no name, or a service's key is nowhere.
    """
    from memos_core.infrastructure.models.naming import SERVICES, chat_model, model_name

    provider = model_name(name).provider
    variable = KEYS.get(provider, "")
    key = key_file.read_text("utf-8").strip() if key_file else os.environ.get(variable)
    if provider in SERVICES and not key:
        raise InvalidInput(detail=f"{name} needs a key: set {variable}, or say with --api-key-file where it is.")
    return chat_model(name, api_key=key, ollama_url=ollama_url())


def some_model(name: str | None) -> ChatModel | None:
    """As :func:`named_model`; ``None`` if none is named."""
    return None if name is None else named_model(name)


def ollama_url() -> str | None:
    """Where Ollama is, as its own variable says; ``None`` if that is not set."""
    host = os.environ.get("OLLAMA_HOST", "").strip().rstrip("/")
    if not host:
        return None
    scheme, _, where = host.rpartition("://")
    where = where.replace("0.0.0.0", "127.0.0.1")  # noqa: S104  # where a server listens is not where it is asked
    return f"{scheme or 'http'}://{where}" + ("" if scheme or ":" in where else ":11434")


def choices() -> str:
    """What can be named, and what an Ollama that is up has."""
    from memos_core.infrastructure.models.naming import FORMS
    from memos_core.infrastructure.models.ollama import URL, pulled_models

    width = max(map(len, FORMS))
    lines = [f"  {form:<{width}}  {what}" for form, what in FORMS.items()]
    pulled = pulled_models(ollama_url() or URL)
    if pulled:
        lines.append(f"An Ollama is up, with: {', '.join(f'ollama:{name}' for name in pulled)}")
    elif pulled is not None:
        lines.append("An Ollama is up, and has no model yet; get one with: ollama pull qwen3:4b")
    return "\n".join(lines)
