"""Ollama by its own interface, spoken by a server written from its documentation (docs/api.md)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from memos_core.errors import ChatModelFailed, EmbeddingFailed
from memos_core.infrastructure.models import sending
from memos_core.infrastructure.models.ollama import OllamaChatModel, OllamaEmbedder, pulled_models
from memos_core.ports import Reply, Turn
from memos_core.prompting.streaming import stream
from memos_core.testing.server import Answer, Bits, Received, ScriptedServer

SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}
TURNS = [Turn("system", "Be brief."), Turn("user", "Who?")]
NDJSON = {"Content-Type": "application/x-ndjson"}
HAS = ["qwen3:4b", "nomic-embed-text:latest"]


def message(text: str, **more: object) -> dict[str, Any]:
    return {
        "model": "qwen3:4b",
        "created_at": "2026-01-01T00:00:00Z",
        "message": {"role": "assistant", "content": text},
    } | more


DONE = message("", done=True, done_reason="stop", prompt_eval_count=9, eval_count=2)


def line(answer: object) -> bytes:
    return json.dumps(answer, ensure_ascii=False).encode() + b"\n"


class Ollama(ScriptedServer):
    """Has two models, answers "Ana" to every conversation, and embeds a text as its length."""

    def answer(self, received: Received) -> Answer:
        given = super().answer(received)
        if given[2] != "otherwise":
            return given
        if received.path == "/api/tags":
            return 200, {}, {"models": [{"name": name, "size": 1} for name in HAS]}
        model = received.body["model"]
        if model not in HAS:
            return 404, {}, {"error": f"model '{model}' not found"}
        if received.path == "/api/embed":
            return 200, {}, {"model": model, "embeddings": [[len(text), 1.0] for text in received.body["input"]]}
        if received.body["stream"]:
            pieces = [message("An", done=False), message("a", done=False), DONE]
            return 200, NDJSON, Bits([line(piece) for piece in pieces])
        return 200, {}, DONE | message("Ana")


@pytest.fixture
def ollama(monkeypatch: pytest.MonkeyPatch) -> Iterator[Ollama]:
    monkeypatch.setattr(sending, "FIRST_PAUSE", 0.0)
    with Ollama(lambda _: "otherwise") as running:
        running.url = running.url.removesuffix("/v1")
        yield running


def model(ollama: Ollama, name: str = "qwen3:4b", **options: Any) -> OllamaChatModel:
    return OllamaChatModel(name, url=ollama.url, **options)


def test_a_reply_has_its_counts_and_the_request_the_schema_and_the_limit(ollama: Ollama) -> None:
    given = model(ollama, options={"num_ctx": 16384, "seed": 1}, keep_alive="1h", think=False)
    assert given.complete(TURNS, max_tokens=50, schema=SCHEMA) == Reply("Ana", 9, 2)
    [request] = ollama.requests
    assert request.path == "/api/chat"
    assert request.body == {
        "model": "qwen3:4b",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Who?"}],
        "options": {"temperature": 0, "num_predict": 50, "num_ctx": 16384, "seed": 1},
        "truncate": False, "stream": False, "format": SCHEMA, "keep_alive": "1h", "think": False,
    }  # fmt: skip


def test_a_reply_comes_in_pieces(ollama: Ollama) -> None:
    assert list(stream(model(ollama), TURNS, max_tokens=50)) == ["An", "a"]
    assert "format" not in ollama.requests[0].body


def test_the_text_is_the_same_wherever_the_bytes_are_cut_and_thoughts_are_not_of_it(ollama: Ollama) -> None:
    thought = message("") | {"message": {"role": "assistant", "content": "", "thinking": "hm"}}
    sent = b"\n".join(map(line, [thought, message("Zoë 🙂"), message(" 日本"), DONE]))
    for size in (1, 3, 1000):
        ollama.answers = [(200, NDJSON, Bits([sent[at : at + size] for at in range(0, len(sent), size)]))]
        assert "".join(stream(model(ollama), TURNS, max_tokens=5)) == "Zoë 🙂 日本"


def test_a_model_that_is_not_there_can_be_pulled(ollama: Ollama) -> None:
    for ask in (model(ollama, "none:1b").complete, lambda *a, **o: list(model(ollama, "none:1b").stream(*a, **o))):
        with pytest.raises(ChatModelFailed, match=r"not found.*ollama pull none:1b"):
            ask(TURNS, max_tokens=5)
    with pytest.raises(EmbeddingFailed, match="ollama pull none:1b"):
        OllamaEmbedder("none:1b", url=ollama.url).embed(["a"])
    assert len(ollama.requests) == 3


def test_an_ollama_that_is_not_up_can_be_started(ollama: Ollama) -> None:
    nobody = "http://127.0.0.1:9"
    with pytest.raises(ChatModelFailed, match="ollama serve"):
        OllamaChatModel("qwen3:4b", url=nobody).complete(TURNS, max_tokens=5)
    with pytest.raises(EmbeddingFailed, match="ollama serve"):
        OllamaEmbedder("qwen3:4b", url=nobody).embed(["a"])


def test_an_error_in_the_middle_and_a_break_are_told(ollama: Ollama) -> None:
    for last, said in ((line({"error": "out of memory"}), "broke off: out of memory"), (b"", "before its end")):
        ollama.answers = [(200, NDJSON, Bits([line(message("An")), last] if last else [line(message("An"))]))]
        pieces = stream(model(ollama), TURNS, max_tokens=5)
        assert next(pieces) == "An"
        with pytest.raises(ChatModelFailed, match=said):
            next(pieces)
    assert len(ollama.requests) == 2


@pytest.mark.parametrize("nonsense", [{}, [], {"message": {}}, {"message": {"content": 7}}, "text"])
def test_nonsense_is_an_error(ollama: Ollama, nonsense: object) -> None:
    ollama.answers = [(200, {}, nonsense)] * 4
    with pytest.raises(ChatModelFailed, match="no text"):
        model(ollama).complete(TURNS, max_tokens=5)


def test_a_long_conversation_that_it_refuses_to_cut_is_an_error(ollama: Ollama) -> None:
    ollama.answers = [(400, {}, {"error": "the input length exceeds the context length"})]
    with pytest.raises(ChatModelFailed, match="exceeds the context length"):
        model(ollama).complete(TURNS, max_tokens=5)


def test_texts_are_embedded_in_batches_and_never_cut(ollama: Ollama) -> None:
    embedder = OllamaEmbedder("nomic-embed-text:latest", url=ollama.url, keep_alive=0)
    assert embedder.spec.dim == 2
    vectors = embedder.embed(["a" * size for size in range(1, 101)])
    assert vectors.shape == (100, 2)
    assert vectors[0] == pytest.approx([0.7071, 0.7071], abs=1e-3)
    asked = [request for request in ollama.requests if request.path == "/api/embed"]
    assert [len(request.body["input"]) for request in asked] == [1, 64, 36]
    assert all(request.body["truncate"] is False and request.body["keep_alive"] == 0 for request in asked)
    ollama.answers = [(200, {}, {"nothing": 1})]
    with pytest.raises(EmbeddingFailed, match="gave no embeddings"):
        embedder.embed(["a"])


def test_what_it_has_can_be_seen(ollama: Ollama) -> None:
    assert pulled_models(ollama.url) == HAS
    assert pulled_models("http://127.0.0.1:9") is None
    ollama.answers = [(200, {}, {"not": "ollama"})]
    assert pulled_models(ollama.url) is None
