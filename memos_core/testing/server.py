"""A model server for tests: real HTTP on the loopback address, answers by script."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple, cast

from typing_extensions import Self

POLL = 0.01  # seconds until it notices that it shall stop


class Received(NamedTuple):
    """A request that the server got."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]


#: Status, headers, and a body: bytes as they are, ``None`` for never, anything else as JSON.
Answer = tuple[int, dict[str, str], object]


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

    def answer(self, received: Received) -> tuple[int, dict[str, str], bytes]:
        """What the script says to a request."""
        self.requests.append(received)
        status, headers, body = self.answers.pop(0) if self.answers else (200, {}, self._otherwise(received.body))
        if body is None:
            self._closing.wait()
        return status, headers, body if isinstance(body, bytes) else json.dumps(body).encode()


class _Listener(ThreadingHTTPServer):
    script: ScriptedServer

    def handle_error(self, *_: object) -> None:
        """Say nothing of clients that gave up."""


class _Scripted(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
        script = cast("_Listener", self.server).script
        status, headers, data = script.answer(Received(self.path, dict(self.headers), body))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self) -> None:
        self.do_POST()  # a client that follows a redirection makes a GET of it

    def log_message(self, *_: object) -> None:
        pass
