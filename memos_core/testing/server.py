"""A model server for tests: real HTTP on the loopback address, answers by script."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple, cast

from typing_extensions import Self

POLL = 0.01  # seconds until it notices that it shall stop


class Received(NamedTuple):
    """A request that the server got."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]


#: Status, headers, and a body: bytes as they are, ``None`` for never, :class:`Bits`, anything else as JSON.
Answer = tuple[int, dict[str, str], object]


class Bits(NamedTuple):
    """A body that is sent bit by bit.

    Attributes
    ----------
    parts
        ``None`` among them stands for silence: nothing comes any more.
    ends
        Whether it is brought to its end, or the connection breaks.
    """

    parts: Iterable[bytes | None]
    ends: bool = True


EVENTS = {"Content-Type": "text/event-stream"}


def events(*pieces: str, after: Sequence[object] = ({"finish_reason": "stop"}, "[DONE]")) -> list[bytes]:
    """A reply in pieces, as servers of OpenAI's interface stream it.

    Parameters
    ----------
    after
        What follows the pieces: choices, and texts that are sent as they are.

    References
    ----------
    OpenAI API reference, "The chat completion chunk object".
    """
    choices = [{"delta": {"role": "assistant", "content": ""}}, *({"delta": {"content": piece}} for piece in pieces)]
    return [_event(choice) for choice in (*choices, *after)]


def _event(choice: object) -> bytes:
    if isinstance(choice, str):
        return f"data: {choice}\n\n".encode()
    whole = {"index": 0, "delta": {}, "finish_reason": None} | dict(cast("dict[str, object]", choice))
    return f"data: {json.dumps({'object': 'chat.completion.chunk', 'choices': [whole]})}\n\n".encode()


class ScriptedServer:
    """For tests only: gives ``answers`` in order, then what ``otherwise`` makes of a request's body.

    Keeps what it got in ``requests``. An answer whose body is ``None`` never comes: the client has to give up.

    Examples
    --------
    >>> with ScriptedServer(lambda body: {"you sent": body}) as server:
    ...     server.url.startswith("http://127.0.0.1:")
    True
    """

    def __init__(self, otherwise: Callable[[dict[str, Any]], object]) -> None:
        self.answers: list[Answer] = []
        self.requests: list[Received] = []
        self._otherwise = otherwise
        self._closing = threading.Event()
        self._http = _Listener(("127.0.0.1", 0), _Scripted)
        self._http.script = self
        self.url = f"http://127.0.0.1:{self._http.server_port}/v1"

    def __enter__(self) -> Self:
        threading.Thread(target=self._http.serve_forever, args=(POLL,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._http.shutdown()
        self._http.server_close()

    def answer(self, received: Received) -> Answer:
        """What the script says to a request; what is otherwise answered may be a whole answer or its body."""
        self.requests.append(received)
        if self.answers:
            return self.answers.pop(0)
        body = self._otherwise(received.body)
        return (200, EVENTS, body) if isinstance(body, Bits) else (200, {}, body)

    def wait(self) -> None:
        """Say nothing until the server closes."""
        self._closing.wait()


class _Listener(ThreadingHTTPServer):
    script: ScriptedServer

    def handle_error(self, *_: object) -> None:
        """Say nothing of clients that gave up."""


class _Scripted(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
        script = cast("_Listener", self.server).script
        status, headers, answer = script.answer(Received(self.path, dict(self.headers), body))
        if answer is None:
            script.wait()
        data = answer if isinstance(answer, (bytes, Bits)) else json.dumps(answer).encode()
        self.send_response(status)
        for name, value in ({"Content-Type": "application/json"} | headers).items():
            self.send_header(name, value)
        if isinstance(data, Bits):
            self._send_bits(data, script)
            return
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _send_bits(self, bits: Bits, script: ScriptedServer) -> None:
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for part in bits.parts:
            if part is None:
                script.wait()
                return
            self.wfile.write(f"{len(part):x}\r\n".encode() + part + b"\r\n")
            self.wfile.flush()
        if bits.ends:
            self.wfile.write(b"0\r\n\r\n")

    def do_GET(self) -> None:
        self.do_POST()  # a client that follows a redirection makes a GET of it

    def log_message(self, *_: object) -> None:
        pass
