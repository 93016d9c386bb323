"""The key of a model server is in no log, error, warning, object, vault, backup or package, whatever the server answers."""

from __future__ import annotations

import base64
import json
import logging
import traceback
import warnings
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from memos_core import MemOS, Message
from memos_core.errors import MemOSError
from memos_core.infrastructure.models import sending
from memos_core.infrastructure.models.chat import HTTPChatModel
from memos_core.infrastructure.models.http import HTTPEmbedder
from memos_core.infrastructure.models.kv_llama import LlamaServerKV
from memos_core.infrastructure.models.naming import chat_model
from memos_core.ports import Turn
from memos_core.prompting.streaming import stream
from memos_core.testing.server import EVENTS, Answer, Bits, Received, ScriptedServer, events

KEY = "sk-Zq4711-nobody-may-see-this"
TURNS = [Turn("user", "Who?")]
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}
PARROT = {
    "subject": "Ana", "predicate": "has", "object": "parrot", "negated": False, "since": None, "until": None,
    "quote": "a parrot came to stay",
}  # fmt: skip
#: What a server says instead of an answer; each repeats what it was sent.
FAILURES: list[tuple[str, list[Answer]]] = [
    ("refused", [(401, {}, {"error": {"message": f"Incorrect API key provided: {KEY}"}})]),
    ("moved", [(302, {"Location": f"http://127.0.0.1:9/?key={KEY}"}, {})]),
    ("broken", [(500, {}, {"error": f"Authorization: Bearer {KEY}"})] * 4),
    ("busy, and then broken", [(429, {"Retry-After": "0"}, {"error": KEY}), (401, {}, KEY)]),
    ("nonsense", [(200, {}, f"{KEY} is no JSON".encode())] * 4),
    ("an answer without text", [(200, {}, {"error": {"message": KEY}})] * 4),
    ("an answer of another form", [(200, {}, [{"key": KEY}])] * 4),
    ("a stream that breaks off", [(200, EVENTS, Bits(events("An", after=[f'{{"error": "{KEY}"}}'])))] * 4),
    ("a stream of nonsense", [(200, EVENTS, Bits([f"data: {KEY}\n\n".encode()]))] * 4),
]
Ask = Callable[[ScriptedServer, Path], object]
ASKED: dict[str, Ask] = {
    "chat": lambda server, _: chat(server).complete(TURNS, max_tokens=5),
    "chat with a form": lambda server, _: chat(server).complete(TURNS, max_tokens=5, schema=SCHEMA),
    "stream": lambda server, _: list(stream(chat(server), TURNS, max_tokens=5)),
    "by name": lambda server, _: chat_model(f"{server.url}#small", api_key=KEY).complete(TURNS, max_tokens=5),
    "embed": lambda server, _: embedder(server).embed(["Who?"]),
    "a llama.cpp server": lambda server, folder: LlamaServerKV(
        server.url.removesuffix("/v1"), folder=folder, api_key=KEY
    ).tokenize("Who?"),
    "a llama.cpp server's settings": lambda server, folder: (
        LlamaServerKV(server.url.removesuffix("/v1"), folder=folder, api_key=KEY).window
    ),
}


def chat(server: ScriptedServer) -> HTTPChatModel:
    return HTTPChatModel(server.url, "small", api_key=KEY, timeout=5)


def embedder(server: ScriptedServer) -> HTTPEmbedder:
    return HTTPEmbedder(server.url, "small", api_key=KEY, timeout=5)


class OpenAI(ScriptedServer):
    """Knows of a parrot, and embeds a text as its length and vowels."""

    def answer(self, received: Received) -> Answer:
        given = super().answer(received)
        if given[2] != "otherwise":
            return given
        if received.path.endswith("/embeddings"):
            rows = [[1.0, len(text) % 7, text.count("a"), text.count("e")] for text in received.body["input"]]
            return 200, {}, {"data": [{"index": at, "embedding": row} for at, row in enumerate(rows)]}
        if received.body.get("stream"):
            return 200, EVENTS, Bits(events("A ", "parrot."))
        text = json.dumps({"claims": [PARROT]}) if "response_format" in received.body else "A parrot."
        return 200, {}, {"choices": [{"message": {"role": "assistant", "content": text}}]}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenAI]:
    monkeypatch.setattr(sending, "FIRST_PAUSE", 0.0)
    with OpenAI(lambda _: "otherwise") as running:
        yield running


@pytest.fixture(autouse=True)
def everything_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)


def shows(text: str | bytes) -> bool:
    """Whether the key can be read in something, as it is or as base64 has it."""
    data = text.encode() if isinstance(text, str) else text
    return KEY.encode() in data or base64.b64encode(KEY.encode())[:-4] in data


def told_by(error: BaseException) -> str:
    """All that an error, and those behind it, would show anybody."""
    behind = [each for each in (error.__cause__, error.__context__) if each]
    own = f"{error!r} {error} {vars(error)} {getattr(error, '__notes__', '')} {''.join(traceback.format_exception(error))}"
    return own + "".join(map(told_by, behind))


def logged(caplog: pytest.LogCaptureFixture) -> str:
    return " ".join(f"{record.getMessage()} {vars(record)}" for record in caplog.records)


@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("answers", [pytest.param(answers, id=name) for name, answers in FAILURES])
def test_no_failure_shows_the_key(
    server: OpenAI,
    asked: str,
    answers: list[Answer],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    server.answers = list(answers)
    with pytest.raises(MemOSError) as caught:
        ASKED[asked](server, tmp_path)
    assert server.requests[0].headers["Authorization"] == f"Bearer {KEY}"
    assert not shows(told_by(caught.value))
    assert not shows(logged(caplog) + "".join(capfd.readouterr()))


def test_no_model_shows_the_key(server: OpenAI, tmp_path: Path) -> None:
    models: list[Any] = [chat(server), embedder(server), LlamaServerKV(server.url, folder=tmp_path, api_key=KEY)]
    models += [each._endpoint for each in models[:2]]
    assert not shows(f"{models!r} {models} {[getattr(each, 'name', '') for each in models[:2]]} {models[1].spec}")


def test_nothing_that_is_kept_holds_the_key(
    server: OpenAI, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Not after a year of use: models that answer and fail, the scheduler, snapshots, packages, backups."""
    heard: list[Any] = []
    with (
        warnings.catch_warnings(record=True) as warned,
        MemOS.open(tmp_path / "vault.db", embedder=embedder(server), llm=chat(server)) as memos,
    ):
        warnings.simplefilter("always")
        said = [Message(role="user", name="Ana", content=f"In May {at} a parrot came to stay.") for at in range(3)]
        heard.append(memos.add(said, namespace="ana"))
        server.answers = [(500, {}, {"error": KEY})] * 4
        heard.append(memos.add(Message(role="user", content="Well, it left again."), namespace="ana"))
        heard += [memos.search("parrot", namespace="ana"), memos.context("parrot", namespace="ana", max_tokens=500)]
        heard += [memos.tick(), memos.snapshot("now"), memos.audit(), memos.stats(), memos.verify(), memos.log()]
        heard.append(memos.export(tmp_path / "all.memcube", vectors=True))
        memos.backup(tmp_path / "backup.db")
        wal = [path.read_bytes() for path in tmp_path.rglob("vault.db*") if path.is_file()]
        heard += [memos, memos.embedder]
    assert warned  # the model that failed is told of
    assert not shows(f"{heard!r} {heard} {[f'{each.message!r} {each.message}' for each in warned]}")
    assert not shows(logged(caplog) + "".join(capfd.readouterr()))
    with zipfile.ZipFile(tmp_path / "all.memcube") as package:
        inside = [package.read(name) for name in package.namelist()]
    files = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) >= 3
    assert not any(map(shows, (*wal, *inside, *files)))
