"""Replies in pieces, over HTTP: server-sent events as servers of OpenAI's interface send them, and all that goes wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memos_core.errors import ChatModelFailed
from memos_core.infrastructure.models import sending
from memos_core.infrastructure.models.chat import HTTPChatModel, as_chat_model
from memos_core.infrastructure.models.lines import LONGEST, Event, events, lines
from memos_core.ports import Turn
from memos_core.prompting.streaming import stream, whole
from memos_core.testing.chat import ScriptedChatModel
from memos_core.testing.server import EVENTS, Bits, ScriptedServer
from memos_core.testing.server import events as chunks

KEY = "sk-secret-key"
TURNS = [Turn("user", "Who?")]
STOP = {"finish_reason": "stop"}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedServer]:
    monkeypatch.setattr(sending, "FIRST_PAUSE", 0.0)
    with ScriptedServer(lambda _: Bits(chunks("An", "a"))) as running:
        yield running


def streamed(server: ScriptedServer, *parts: bytes | None, ends: bool = True, **options: Any) -> list[str]:
    if parts:
        server.answers = [(200, EVENTS, Bits(parts, ends))]
    model = HTTPChatModel(server.url, "small", api_key=KEY, **options)
    return list(stream(model, TURNS, max_tokens=50))


# -- lines and events -------------------------------------------------------------------------------


@given(st.lists(st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]))), st.data())
@settings(max_examples=50, deadline=None)
def test_lines_are_the_same_wherever_the_bytes_are_cut(texts: list[str], data: st.DataObject) -> None:
    ends = data.draw(st.lists(st.sampled_from(["\n", "\r\n", "\r"]), min_size=len(texts), max_size=len(texts)))
    sent = "x\n" + "".join(text + end for text, end in zip(texts, ends, strict=True))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(sent.encode())))))
    parts = [sent.encode()[start:stop] for start, stop in zip([0, *cuts], [*cuts, None], strict=True)]
    read = sent.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n").split("\n")
    assert list(lines(parts)) == read


def test_a_line_that_does_not_end_is_given_up() -> None:
    endless = iter(lambda: b"x" * 65_536, b"")
    with pytest.raises(ValueError, match="does not end"):
        list(lines(endless))
    assert len(next(lines([b"x" * LONGEST, b"\n"]))) == LONGEST


def test_events_have_types_and_several_lines_of_data_and_no_comments() -> None:
    sent = (
        b'\xef\xbb\xbf: hello\n\ndata: {"a":\ndata: 1}\nid: 7\nretry: 10\n\nevent: error\ndata:bad\n\n\ndata: cut off'
    )
    assert list(events([sent])) == [Event("message", '{"a":\n1}'), Event("error", "bad")]


@given(st.text(), st.data())
@settings(max_examples=50, deadline=None)
def test_halves_of_a_character_are_put_together_and_lone_ones_replaced(text: str, data: st.DataObject) -> None:
    units = text.encode("utf-16-le", "surrogatepass")
    halves = [units[at : at + 2].decode("utf-16-le", "surrogatepass") for at in range(0, len(units), 2)]
    cuts = sorted(data.draw(st.lists(st.integers(0, len(halves)))))
    pieces = ["".join(halves[start:stop]) for start, stop in zip([0, *cuts], [*cuts, None], strict=True)]
    given = list(whole(pieces))
    assert all(given)
    assert "".join(given) == units.decode("utf-16-le", "replace")


# -- a reply in pieces ------------------------------------------------------------------------------


def test_a_reply_comes_in_pieces_and_the_request_asks_for_them(server: ScriptedServer) -> None:
    assert streamed(server) == ["An", "a"]
    [request] = server.requests
    assert request.body == {
        "model": "small", "messages": [{"role": "user", "content": "Who?"}],
        "max_tokens": 50, "temperature": 0, "stream": True,
    }  # fmt: skip
    assert request.headers["Authorization"] == f"Bearer {KEY}"


def test_pieces_come_before_the_reply_is_done(server: ScriptedServer) -> None:
    server.answers = [(200, EVENTS, Bits([*chunks("An", after=()), None]))]
    pieces = stream(HTTPChatModel(server.url, "small"), TURNS, max_tokens=50)
    assert next(pieces) == "An"
    pieces.close()  # the connection goes with it: the server's thread ends with a broken pipe or the test


def test_the_text_is_the_same_wherever_the_bytes_are_cut(server: ScriptedServer) -> None:
    sent = b"".join(chunks("Zoë ", "🙂", "日本\n")).replace(b"\n\n", b"\r\n\r\n")
    sent = sent.replace(b'"\\ud83d\\ude42"', '"🙂"'.encode())
    for size in (1, 2, 3, 7):
        parts = [sent[at : at + size] for at in range(0, len(sent), size)]
        assert "".join(streamed(server, *parts)) == "Zoë 🙂日本\n"


def test_an_emoji_in_two_chunks_is_one(server: ScriptedServer) -> None:
    assert streamed(server, *chunks("a \ud83d", "\ude42 b")) == ["a ", "🙂 b"]


def test_comments_counts_roles_and_thoughts_are_not_text(server: ScriptedServer) -> None:
    counts = json.dumps({"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 2}})
    thought = {"delta": {"content": None, "reasoning_content": "hm", "reasoning": "hm"}}
    parts = [
        b": OPENROUTER PROCESSING\n\n", b"\n\n", *chunks(after=[thought]), *chunks("An", after=[]), b":\n",
        *chunks("a", after=[STOP, counts, "[DONE]", "not read any more"]),
    ]  # fmt: skip
    assert streamed(server, *parts) == ["An", "a"]


def test_a_tool_call_beside_text_is_passed_over(server: ScriptedServer) -> None:
    call = {"delta": {"tool_calls": [{"index": 0, "function": {"name": "f", "arguments": "{}"}}]}}
    done = {"finish_reason": "tool_calls"}
    assert streamed(server, *chunks("An", after=[call, done, "[DONE]"])) == ["An"]
    with pytest.raises(ChatModelFailed, match="wants to call a tool"):
        streamed(server, *chunks(after=[call, done, "[DONE]"]))


@pytest.mark.parametrize("after", [[STOP], ["[DONE]"], [{"finish_reason": "length"}]])
def test_any_of_the_two_marks_ends_a_reply(server: ScriptedServer, after: list[object]) -> None:
    assert streamed(server, *chunks("Ana", after=after)) == ["Ana"]


def test_a_server_that_does_not_stream_gives_one_piece(server: ScriptedServer) -> None:
    server.answers = [(200, {}, {"choices": [{"message": {"content": "Ana"}}]})]
    assert streamed(server) == ["Ana"]


# -- what goes wrong --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "error",
    [
        'data: {"error": {"message": "overloaded sk-secret-key", "code": 503}}\n\n',
        'data: {"error": "overloaded sk-secret-key", "choices": [{"finish_reason": "error"}]}\n\n',
        'error: {"code": 500, "message": "overloaded sk-secret-key"}\n\n',
        'event: error\ndata: {"message": "overloaded sk-secret-key"}\n\n',
    ],
)
def test_an_error_in_the_middle_ends_the_reply_and_is_not_tried_again(server: ScriptedServer, error: str) -> None:
    server.answers = [(200, EVENTS, Bits([*chunks("An", after=()), error.encode()]))]
    pieces = stream(HTTPChatModel(server.url, "small", api_key=KEY), TURNS, max_tokens=50)
    assert next(pieces) == "An"
    with pytest.raises(ChatModelFailed, match=r"broke off: overloaded \[api_key\]") as caught:
        next(pieces)
    assert KEY not in f"{caught.value!r} {caught.value.__cause__!r} {caught.value.__context__!r}"
    assert len(server.requests) == 1


def test_an_error_before_the_first_piece_is_tried_again_if_it_may_pass(server: ScriptedServer) -> None:
    busy = b'data: {"error": {"message": "busy", "code": 429}}\n\n'
    server.answers = [(200, EVENTS, Bits([busy])), (503, {}, {}), (200, EVENTS, Bits([b": wait\n\n"], ends=False))]
    assert streamed(server) == ["An", "a"]
    assert len(server.requests) == 4
    with pytest.raises(ChatModelFailed, match="answered: no such model"):
        streamed(server, b'data: {"error": {"message": "no such model", "code": 404}}\n\n')
    assert len(server.requests) == 5


@pytest.mark.parametrize("ends", [True, False])
def test_a_reply_that_breaks_off_is_an_error_after_its_pieces(server: ScriptedServer, ends: bool) -> None:
    server.answers = [(200, EVENTS, Bits(chunks("An", after=()), ends))]
    pieces = stream(HTTPChatModel(server.url, "small"), TURNS, max_tokens=50)
    assert next(pieces) == "An"
    with pytest.raises(ChatModelFailed, match=r"IncompleteRead|before its end"):
        next(pieces)
    assert len(server.requests) == 1


def test_each_read_has_its_own_time(server: ScriptedServer) -> None:
    server.answers = [(200, EVENTS, Bits([*chunks("An", after=()), None]))]
    pieces = stream(HTTPChatModel(server.url, "small", timeout=0.2), TURNS, max_tokens=50)
    assert next(pieces) == "An"
    with pytest.raises(ChatModelFailed, match="timed out"):
        next(pieces)


@pytest.mark.parametrize("nonsense", ["{", "7", '"text"', '{"choices": 7}', '{"choices": ["x"]}', "[[]]"])
def test_nonsense_is_an_error(server: ScriptedServer, nonsense: str) -> None:
    server.answers = [(200, EVENTS, Bits(chunks(after=[nonsense])))] * 4
    with pytest.raises(ChatModelFailed, match="small failed"):
        streamed(server)


def test_what_a_server_refuses_is_left_out(server: ScriptedServer) -> None:
    server.answers = [(400, {}, {"error": "temperature is fixed"})]
    assert streamed(server) == ["An", "a"]
    assert "temperature" not in server.requests[1].body


def test_a_refusal_in_the_middle_does_not_begin_anew(server: ScriptedServer) -> None:
    refused = b'data: {"error": {"message": "temperature is fixed", "code": 400}}\n\n'
    with pytest.raises(ChatModelFailed, match="temperature"):
        streamed(server, *chunks("An", after=()), refused)
    assert len(server.requests) == 1


# -- models without pieces --------------------------------------------------------------------------


def test_a_model_of_two_members_gives_its_whole_reply_as_one_piece_and_an_empty_one_as_none() -> None:
    assert list(stream(ScriptedChatModel(["Ana"]), TURNS, max_tokens=5)) == ["Ana"]
    assert list(stream(ScriptedChatModel([""]), TURNS, max_tokens=5)) == []


def test_what_a_foreign_model_does_not_implement_after_its_first_piece_is_an_error_and_no_second_reply() -> None:
    class Foreign:
        model_name = "foreign"

        def invoke(self, _: object) -> str:
            return "Ana"

        def stream(self, _: object) -> Iterator[str]:
            yield "An"
            raise NotImplementedError("tools")

    pieces = stream(as_chat_model(Foreign()), TURNS, max_tokens=5)
    assert next(pieces) == "An"
    with pytest.raises(ChatModelFailed, match="NotImplementedError: tools"):
        next(pieces)
