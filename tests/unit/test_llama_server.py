"""Chats with a real llama.cpp server, which runs a real, small model."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import pytest

from memos_core import MemOS, Message
from memos_core.errors import ChatModelFailed, InvalidInput, ModelWarning
from memos_core.infrastructure.models.chat import HTTPChatModel
from memos_core.infrastructure.models.gguf import GGUFChatModel
from memos_core.infrastructure.models.naming import chat_model
from memos_core.infrastructure.models.sending import Endpoint
from memos_core.operation.training import facts
from memos_core.operation.wording import with_questions
from memos_core.ports import Turn
from memos_core.prompting.streaming import stream
from memos_core.testing.embedders import HashingEmbedder

FILE = Path(__file__).parents[2] / "build" / "models" / "SmolLM2-135M-Instruct.Q4_1.gguf"
pytestmark = pytest.mark.skipif(not FILE.exists(), reason="needs the small model: make build/models/.made")

TURNS = [Turn("system", "Be brief."), Turn("user", "What is the capital of France?")]
SCHEMA = {"type": "object", "properties": {"city": {"type": "string", "maxLength": 8}}, "required": ["city"]}


@pytest.fixture(scope="module")
def model() -> GGUFChatModel:
    return GGUFChatModel(FILE, context=1024, threads=1)


def test_a_reply_comes_in_pieces_and_counted(model: GGUFChatModel) -> None:
    reply = model.complete(TURNS, max_tokens=9)
    assert "Paris" in reply.text
    assert reply.input_tokens == 24
    pieces = list(stream(model, TURNS, max_tokens=9))
    assert len(pieces) > 3
    assert "".join(pieces) == reply.text


def test_a_reply_has_the_form_of_a_schema(model: GGUFChatModel) -> None:
    reply = model.complete(TURNS, max_tokens=30, schema=SCHEMA)
    assert list(json.loads(reply.text)) == ["city"]


def test_characters_of_several_tokens_come_whole(model: GGUFChatModel) -> None:
    pieces = list(stream(model, [Turn("user", "Repeat: 🙂日本")], max_tokens=12))
    assert "\ufffd" not in "".join(pieces)
    assert all(piece.isprintable() or piece.isspace() for piece in pieces)


def test_a_reply_that_is_not_read_to_its_end_stops_and_the_next_one_comes(model: GGUFChatModel) -> None:
    pieces = stream(model, [Turn("user", "Count to one thousand.")], max_tokens=900)
    next(pieces)
    pieces.close()
    assert "Paris" in model.complete(TURNS, max_tokens=9).text


def test_a_conversation_that_is_too_long_is_an_error(model: GGUFChatModel) -> None:
    long = [Turn("user", "word " * 1500)]
    with pytest.raises(ChatModelFailed, match="exceeds the available context size"):
        model.complete(long, max_tokens=5)
    with pytest.raises(ChatModelFailed, match="exceeds the available context size"):
        list(stream(model, long, max_tokens=5))


def test_the_server_is_for_nobody_else(model: GGUFChatModel) -> None:
    address = model._endpoint.url.removesuffix("/chat/completions")
    with pytest.raises(ChatModelFailed, match=r"401.*Invalid API Key"):
        HTTPChatModel(address, "any", api_key="guessed").complete(TURNS, max_tokens=5)
    assert isinstance(model._endpoint, Endpoint)
    assert model._endpoint._key not in f"{model!r} {model._endpoint!r}"


def test_whatever_a_small_model_writes_only_what_is_so_is_taught(model: GGUFChatModel) -> None:
    with MemOS.open(":memory:", embedder=HashingEmbedder()) as memos:
        memos.add(Message(content="I live in Porto.", role="user", name="Ana"), namespace="team")
        taught = facts(memos.list(namespace="team"), memos.claims(namespace="team"))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ModelWarning)  # it may fail: it is small
            worded = with_questions(taught, model)
    new = [each for each in worded.facts[0].wordings if each not in taught[0].wordings]
    assert len(new) == worded.written
    assert {each.answer for each in new} <= {"Ana lives in Porto."}
    assert all("Ana" in each.given and "Porto" not in each.given for each in new)


def test_a_file_that_is_no_model_is_named(tmp_path: Path) -> None:
    (tmp_path / "bad.gguf").write_bytes(b"nonsense")
    for path in (tmp_path / "bad.gguf", tmp_path / "none.gguf"):
        with pytest.raises(InvalidInput, match=r"is no model file that llama\.cpp can run"):
            chat_model(f"gguf:{path}")
