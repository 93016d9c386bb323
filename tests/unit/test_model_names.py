"""Chat models by a name that is written down."""

from __future__ import annotations

import sys

import pytest

from memos_core.errors import ExtraMissing, InvalidInput
from memos_core.infrastructure.models.naming import FORMS, chat_model


@pytest.mark.parametrize(
    ("spec", "made"),
    [
        ("ollama:qwen3:4b", "OllamaChatModel('qwen3:4b', url='http://localhost:11434')"),
        ("openai:gpt-4.1-mini", "HTTPChatModel('https://api.openai.com/v1/chat/completions', 'gpt-4.1-mini')"),
        ("openrouter:qwen/qwen3-8b", "HTTPChatModel('https://openrouter.ai/api/v1/chat/completions', 'qwen/qwen3-8b')"),
        (" http://localhost:8080/v1#any ", "HTTPChatModel('http://localhost:8080/v1/chat/completions', 'any')"),
        ("https://host/v1/#org/m:1", "HTTPChatModel('https://host/v1/chat/completions', 'org/m:1')"),
    ],
)
def test_a_name_says_which_model_and_where(spec: str, made: str) -> None:
    assert repr(chat_model(spec, api_key="sk-secret-key")) == made


@pytest.mark.parametrize("spec", ["", "qwen3:4b", "ollama:", "ollama", "gpt-4", "ftp://host/v1#m", "file:x"])
def test_what_is_no_name_is_told_the_forms(spec: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        chat_model(spec)
    assert all(form in str(caught.value) for form in FORMS)


@pytest.mark.parametrize(
    "spec", ["http://host/v1", "http://host/v1?key=sk-secret#m", "https://me:sk-secret@host/v1#m", "http://#m"]
)
def test_an_address_without_a_model_or_with_a_key_is_refused_and_the_key_not_shown(spec: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        chat_model(spec)
    assert "sk-secret" not in str(caught.value)


@pytest.mark.parametrize(("spec", "library"), [("gguf:m.gguf", "xllamacpp"), ("hf:m", "transformers")])
def test_without_its_extra_a_model_says_what_to_install(
    spec: str, library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ExtraMissing, match=rf"memcubes\[{spec.split(':', maxsplit=1)[0]}\]"):
        chat_model(spec)
