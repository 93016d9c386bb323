"""Chat models behind HTTP, and those that users have already."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from memos_core.errors import ChatModelError, ChatModelFailed, InvalidInput
from memos_core.infrastructure.models import sending
from memos_core.infrastructure.models.chat import HTTPChatModel, as_chat_model
from memos_core.infrastructure.models.http import HTTPEmbedder
from memos_core.infrastructure.models.sending import Endpoint
from memos_core.ports import Reply, Turn
from memos_core.testing.chat import ScriptedChatModel
from memos_core.testing.server import Answer, ScriptedServer

KEY = "sk-secret-key"
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}
TURNS = [Turn("system", "Be brief."), Turn("user", "Who?")]


def said(text: object, **usage: int) -> dict[str, Any]:
    return {"choices": [{"message": {"role": "assistant", "content": text}}], "usage": usage}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedServer]:
    monkeypatch.setattr(sending, "FIRST_PAUSE", 0.0)
    with ScriptedServer(lambda _: said("Ana", prompt_tokens=12, completion_tokens=1)) as running:
        yield running


def model(server: ScriptedServer, **options: Any) -> HTTPChatModel:
    return HTTPChatModel(server.url, "small", api_key=KEY, **options)


def everything_said_by(error: BaseException) -> str:
    """All that an error and those behind it would show."""
    seen: list[BaseException] = []
    waiting = [error]
    while waiting:
        each = waiting.pop()
        seen.append(each)
        waiting += [cause for cause in (each.__cause__, each.__context__) if cause and cause not in seen]
    return " ".join(f"{each!r} {each} {vars(each)}" for each in seen)


# -- over HTTP --------------------------------------------------------------------------------------


def test_a_request_has_turns_limit_temperature_and_a_strict_schema(server: ScriptedServer) -> None:
    reply = model(server).complete(TURNS, max_tokens=50, schema=SCHEMA)
    assert reply == Reply("Ana", 12, 1)
    [request] = server.requests
    assert request.path == "/v1/chat/completions"
    assert request.headers["Authorization"] == f"Bearer {KEY}"
    assert request.body == {
        "model": "small",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Who?"}],
        "max_tokens": 50,
        "temperature": 0,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "answer", "strict": True, "schema": SCHEMA},
        },
    }


def test_without_a_schema_no_form_is_asked_for(server: ScriptedServer) -> None:
    model(server).complete(TURNS, max_tokens=50)
    assert "response_format" not in server.requests[0].body


def test_tokens_are_estimated_where_the_server_does_not_count(server: ScriptedServer) -> None:
    server.answers = [(200, {}, said("four words are here"))]
    reply = model(server).complete(TURNS, max_tokens=50)
    assert 4 <= reply.output_tokens <= 10
    assert 3 <= reply.input_tokens <= 10


def test_a_passing_failure_is_tried_again(server: ScriptedServer) -> None:
    server.answers = [(429, {"Retry-After": "0"}, {}), (500, {}, {}), (200, {}, b"not json")]
    assert model(server).complete(TURNS, max_tokens=50).text == "Ana"
    assert len(server.requests) == 4


def test_the_server_says_how_long_to_wait_up_to_half_a_minute(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(sending.time, "sleep", pauses.append)
    monkeypatch.setattr(sending, "FIRST_PAUSE", 0.25)
    wait = [{"Retry-After": "7"}, {"Retry-After": "3600"}, {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}]
    server.answers = [(429, headers, {}) for headers in wait]
    assert model(server).complete(TURNS, max_tokens=50).text == "Ana"
    assert pauses == [7, 30, 1]


def test_what_fails_four_times_is_given_up(server: ScriptedServer) -> None:
    server.answers = [(503, {}, {"error": "loading model"})] * 4
    with pytest.raises(ChatModelFailed, match=r"503.*loading model"):
        model(server).complete(TURNS, max_tokens=50)
    assert len(server.requests) == 4


def test_a_server_that_never_answers_is_given_up(server: ScriptedServer) -> None:
    server.answers = [(200, {}, None)] * 4
    with pytest.raises(ChatModelFailed, match="timed out"):
        model(server, timeout=0.05).complete(TURNS, max_tokens=50)


def test_a_server_that_breaks_off_is_given_up(server: ScriptedServer) -> None:
    server.answers = [(200, {"Transfer-Encoding": "chunked"}, b"5\r\nab")] * 4
    with pytest.raises(ChatModelFailed, match="IncompleteRead"):
        model(server, timeout=1).complete(TURNS, max_tokens=50)


def forms(server: ScriptedServer) -> list[str | None]:
    return [request.body.get("response_format", {}).get("type") for request in server.requests]


@pytest.mark.parametrize("status", [400, 422])
def test_a_server_that_refuses_a_schema_is_asked_for_json_and_then_for_no_form(
    server: ScriptedServer, status: int
) -> None:
    server.answers = [(status, {}, {"error": "response_format"})] * 2
    asked = model(server)
    assert asked.complete(TURNS, max_tokens=50, schema=SCHEMA).text == "Ana"
    assert forms(server) == ["json_schema", "json_object", None]
    asked.complete(TURNS, max_tokens=50, schema=SCHEMA)
    assert forms(server)[3:] == [None]


def test_a_refusal_that_is_not_about_the_form_changes_nothing_for_the_next_call(server: ScriptedServer) -> None:
    server.answers = [(400, {}, {"error": "context length exceeded"})] * 3
    asked = model(server)
    with pytest.raises(ChatModelFailed, match="context length"):
        asked.complete(TURNS, max_tokens=50, schema=SCHEMA)
    asked.complete(TURNS, max_tokens=50, schema=SCHEMA)
    assert forms(server)[3:] == ["json_schema"]


def test_a_model_that_takes_neither_max_tokens_nor_temperature_is_asked_as_it_wants(server: ScriptedServer) -> None:
    server.answers = [
        (400, {}, {"error": "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."}),
        (400, {}, {"error": "'temperature' does not support 0 with this model."}),
    ]
    assert model(server).complete(TURNS, max_tokens=50, schema=SCHEMA).text == "Ana"
    last = server.requests[-1].body
    assert last["max_completion_tokens"] == 50
    assert "max_tokens" not in last
    assert "temperature" not in last
    assert last["response_format"]["type"] == "json_schema"


@pytest.mark.parametrize(
    "answer",
    [
        (401, {}, {"error": f"bad key {KEY}"}),
        (401, {}, {"error": "x" * 480 + KEY}),
        (404, {}, {"error": "no such model"}),
        (302, {"Location": "/v1/elsewhere"}, {}),
        (307, {"Location": "/v1/elsewhere"}, {}),
        (200, {}, {"error": {"message": f"no provider takes {KEY}"}}),
        (200, {}, {"choices": []}),
        (200, {}, said(None)),
        (200, {}, said({"text": 1})),
        (200, {}, [KEY]),
        (200, {}, "text"),
    ],
)
def test_a_lasting_failure_is_told_at_once_and_never_shows_the_key(server: ScriptedServer, answer: Answer) -> None:
    server.answers = [answer]
    asked = model(server)
    with pytest.raises(ChatModelFailed, match="small failed") as caught:
        asked.complete(TURNS, max_tokens=50)
    assert KEY[:6] not in everything_said_by(caught.value) + repr(asked)
    assert len(server.requests) == 1


def test_the_key_is_not_shown_where_no_server_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "FIRST_PAUSE", 0.0)
    with pytest.raises(ChatModelFailed, match=r"127\.0\.0\.1:9") as caught:
        HTTPChatModel("http://127.0.0.1:9/v1", "m", api_key=KEY, timeout=1).complete(TURNS, max_tokens=5)
    assert KEY not in everything_said_by(caught.value)


@pytest.mark.parametrize("client", [HTTPChatModel, HTTPEmbedder])
def test_a_key_that_no_header_can_carry_is_refused_unseen(client: Callable[..., Any]) -> None:
    for key in (f"{KEY}\r\nX-Other: 1", f"{KEY}\u2026", f"{KEY} and more"):
        with pytest.raises(InvalidInput) as caught:
            client("http://127.0.0.1:9/v1", "m", api_key=key)
        assert KEY not in everything_said_by(caught.value)


def test_blanks_around_a_key_are_not_part_of_it(server: ScriptedServer) -> None:
    HTTPChatModel(server.url, "small", api_key=f" {KEY}\n").complete(TURNS, max_tokens=5)
    assert server.requests[0].headers["Authorization"] == f"Bearer {KEY}"


def test_a_server_without_a_key_is_sent_none(server: ScriptedServer) -> None:
    HTTPChatModel(server.url, "small").complete(TURNS, max_tokens=5)
    assert "Authorization" not in server.requests[0].headers


@pytest.mark.parametrize("url", ["file:///etc/passwd", "localhost:11434/v1", "http://", "https://me:sk-secret@host/v1"])
def test_an_address_that_is_no_plain_http_address_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput, match=r"http|api_key") as caught:
        Endpoint(url)
    assert "sk-secret" not in str(caught.value)


# -- foreign models ---------------------------------------------------------------------------------


def test_our_own_models_are_taken_as_they_are() -> None:
    mine = ScriptedChatModel()
    assert as_chat_model(mine) is mine


def test_a_function_gets_the_turns_as_one_text() -> None:
    asked: list[str] = []

    def answer(text: str) -> str:
        asked.append(text)
        return "Ana"

    reply = as_chat_model(answer).complete([*TURNS, Turn("assistant", "I"), Turn("user", "No.")], max_tokens=5)
    assert reply.text == "Ana"
    assert reply.output_tokens == 1
    assert asked == ["Be brief.\n\nWho?\n\nassistant:\nI\n\nuser:\nNo."]
    assert as_chat_model(answer).name.endswith("answer")


def test_text_is_taken_from_the_blocks_of_a_message() -> None:
    blocks = [{"type": "reasoning", "reasoning": "hm"}, {"type": "text", "text": "An"}, "a"]
    usage = {"input_tokens": 7, "output_tokens": 2, "total_tokens": 9}
    message = SimpleNamespace(content=blocks, usage_metadata=usage)
    given = SimpleNamespace(invoke=lambda _: message, model_name="foreign")
    assert as_chat_model(given).complete(TURNS, max_tokens=5) == Reply("Ana", 7, 2)
    assert as_chat_model(given).name == "foreign"


@pytest.mark.parametrize("answer", [lambda _: 1 / 0, lambda _: None, lambda _: 7, lambda: "no argument"])
def test_a_foreign_model_that_raises_or_gives_no_text_has_failed(answer: Callable[..., Any]) -> None:
    with pytest.raises(ChatModelFailed):
        as_chat_model(answer).complete(TURNS, max_tokens=5)


def test_an_error_of_ours_passes_through_a_foreign_model() -> None:
    def answer(_: str) -> str:
        raise ChatModelFailed(model="inner", detail="because.")

    with pytest.raises(ChatModelError, match="inner failed: because"):
        as_chat_model(answer).complete(TURNS, max_tokens=5)


@pytest.mark.parametrize("given", [{}, 7, "gpt", ScriptedChatModel])
def test_what_cannot_chat_is_named(given: object) -> None:
    with pytest.raises(InvalidInput, match=r"is no chat model|is a class"):
        as_chat_model(given)
