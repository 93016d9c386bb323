"""The server over HTTP: nobody without a token, nobody beyond its grants, and nothing from foreign pages."""

import asyncio
import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
import uvicorn
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.server.transport_security import TransportSecuritySettings
from starlette.authentication import SimpleUser
from typer.testing import CliRunner

from memos_core import MemOS
from memos_core.cli.app import app as command_line
from memos_core.errors import InvalidInput
from memos_core.infrastructure.clock import SystemClock
from memos_core.infrastructure.exchange.signing import SigningKey
from memos_core.infrastructure.memstore.registry import Registry
from memos_core.testing.embedders import HashingEmbedder
from memos_mcp.flags import Flags
from memos_mcp.gate import Buckets, Gate
from memos_mcp.http import Listening, application
from memos_mcp.identity import AnyOf, Callers
from memos_mcp.tokens import TokenFile, tokens_of

HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}},
}
ACCEPT = {"accept": "application/json, text/event-stream"}


class Running:
    """A server that runs in a thread, on a port of this machine."""

    def __init__(self, folder: Path, *, embedder: Any = None, **options: Any) -> None:
        self.vault = folder / "memory.db"
        self.memos = MemOS.open(self.vault, embedder=embedder or HashingEmbedder())
        self.tokens = TokenFile(tokens_of(self.vault))
        with closing(socket.socket()) as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.listening = Listening(port=self.port)
        self.url = self.listening.resource
        self.callers = Callers(self.memos)
        self.first = self.token("agent:claude", "alice", role="editor")
        app = application(
            self.memos, listening=self.listening, callers=self.callers, tokens=self.tokens.path, **options
        )
        self.server = uvicorn.Server(uvicorn.Config(app, port=self.port, log_level="error"))
        self.thread = threading.Thread(target=self.server.run)
        self.thread.start()
        while not self.server.started:
            time.sleep(0.01)

    def token(self, who: str, where: str, *, role: str | None = None, **expiry: Any) -> str:
        if role:
            self.memos.grant(who, namespace=where, role=role)
        now = self.memos.clock.now()
        expires = now + timedelta(**expiry) if expiry else None
        return self.tokens.add(who, tuple(where.split("/")), now=now, expires=expires)[0]

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join(10)
        self.callers.close()
        self.memos.close()

    def client(self, token: str, mode: str = "auto") -> AbstractAsyncContextManager[Client]:
        return client_of(self.url, token, mode)

    async def call(self, token: str, tool: str, mode: str = "auto", **arguments: Any) -> Any:
        async with self.client(token, mode) as client:
            return await client.call_tool(tool, arguments)

    def post(self, token: str | None = None, *, body: Any = HELLO, **headers: str) -> httpx2.Response:
        known = {**ACCEPT, **({"authorization": f"Bearer {token}"} if token else {}), **headers}
        return httpx2.post(self.url, json=body, headers=known)


@asynccontextmanager
async def client_of(url: str, token: str, mode: str) -> AsyncIterator[Client]:
    bearer = httpx2.AsyncClient(headers={"authorization": f"Bearer {token}"}, timeout=60)
    async with bearer, Client(streamable_http_client(url, http_client=bearer), mode=mode) as client:
        yield client


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    server = Running(tmp_path_factory.mktemp("http"), calls_a_second=1_000)
    yield server
    server.stop()


async def test_who_has_a_token_reaches_its_own_namespace_and_no_other(running: Running) -> None:
    other = running.token("agent:bob", "bob", role="editor")
    await running.call(running.first, "memory_add", text="Alice's secret is jam")
    await running.call(other, "memory_add", text="Bob's secret is marmalade")
    for token, secret in ((running.first, "Alice's secret is jam"), (other, "Bob's secret is marmalade")):
        found = (await running.call(token, "memory_search", query="secret")).structured_content
        assert [each["text"] for each in found["memories"]] == [secret]


async def test_a_grant_that_ends_is_at_an_end_at_once(running: Running) -> None:
    token = running.token("agent:eve", "alice", role="reader")
    assert not (await running.call(token, "memory_list")).is_error
    refused = await running.call(token, "memory_add", text="x")
    assert "grant" in refused.content[0].text
    running.memos.revoke("agent:eve", namespace="alice")
    assert (await running.call(token, "memory_list")).is_error


@pytest.mark.parametrize("token", [None, "nonsense", "memos_00000000_x", "memos_", "a b", "x" * 5_000])
def test_nobody_comes_in_without_a_token(running: Running, token: str | None) -> None:
    answer = running.post(token)
    assert answer.status_code == 401
    assert "Bearer" in answer.headers["www-authenticate"]


def test_a_token_that_was_revoked_or_is_over_lets_nobody_in(running: Running) -> None:
    token = running.token("agent:claude", "alice")
    assert running.post(token).status_code == 200
    running.tokens.revoke(token.split("_")[1])
    assert running.post(token).status_code == 401
    assert running.post(running.token("agent:claude", "alice", seconds=-1)).status_code == 401


async def test_a_session_belongs_to_the_token_that_began_it(running: Running) -> None:
    session = running.post(running.first).headers["mcp-session-id"]
    other = running.token("agent:claude", "bob")
    asked = {"jsonrpc": "2.0", "id": 2, "method": "tools/list"}
    assert running.post(other, body=asked, **{"mcp-session-id": session}).status_code == 404


@pytest.mark.parametrize(
    ("headers", "status"),
    [({"host": "evil.example.org"}, 421), ({"host": "127.0.0.1:1"}, 421), ({"host": "localhost.evil.example.org:8000"}, 421),
     ({"origin": "https://evil.example.org"}, 403), ({"origin": "null"}, 403)],
    ids=str,
)  # fmt: skip
def test_what_is_asked_of_others_or_by_foreign_pages_is_refused(
    running: Running, headers: dict[str, str], status: int
) -> None:
    assert running.post(running.first, **headers).status_code == status


def test_a_request_that_is_too_large_is_refused(running: Running) -> None:
    body = {"jsonrpc": "2.0", "id": 1, "method": "ping", "params": {"x": "x" * (1 << 20)}}
    assert running.post(running.first, body=body).status_code == 413


@pytest.mark.parametrize("body", [None, [], {}, "x", 7, [HELLO] * 3, {**HELLO, "id": {}}])
def test_what_is_no_request_is_refused(running: Running, body: Any) -> None:
    assert 400 <= running.post(running.first, body=body).status_code < 500


def test_who_asks_too_often_waits(tmp_path: Path) -> None:
    server = Running(tmp_path, calls_a_second=0.1)
    try:
        answers = [server.post(server.first) for _ in range(2)]
        assert [each.status_code for each in answers] == [200, 429]
        assert int(answers[1].headers["retry-after"]) > 0
        guesses = [server.post(f"memos_guess_{number}").status_code for number in range(22)]
        assert (guesses[0], guesses[-1]) == (401, 429)
    finally:
        server.stop()


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_fifty_calls_at_once_of_two_callers_are_all_answered(running: Running, mode: str) -> None:
    tokens = [running.token(f"agent:{name}", f"{mode}/{name}", role="editor") for name in ("one", "two")]
    async with running.client(tokens[0], mode) as one, running.client(tokens[1], mode) as two:
        calls = [(one, two)[n % 2].call_tool("memory_add", {"text": f"Fact {n}"}) for n in range(30)]
        calls += [(one, two)[n % 2].call_tool("memory_search", {"query": "Fact"}) for n in range(20)]
        results = await asyncio.gather(*calls)
    assert not any(result.is_error for result in results)
    for name in ("one", "two"):
        assert running.memos.count(namespace=f"{mode}/{name}") == 15
    assert running.memos.verify() == []


def test_buckets_fill_again_and_are_not_kept_for_ever() -> None:
    now = [0.0]
    buckets = Buckets(burst=2, per_second=0.5, clock=lambda: now[0])
    buckets.take("a")
    buckets.take("a")
    assert (buckets.wait("a"), buckets.wait("b")) == (2.0, 0.0)
    now[0] = 2.0
    assert buckets.wait("a") == 0.0
    for number in range(10_001):
        buckets.take(str(number))
    assert len(buckets._held) == 10_000


async def test_who_was_let_in_does_not_wait_for_what_others_guess_behind_the_same_proxy() -> None:
    async def app(scope: Any, _receive: Any, send: Any) -> None:
        is_good = dict(scope["headers"])[b"authorization"] == b"Bearer good"
        if is_good:
            scope["user"] = SimpleUser("somebody")
        status = 200 if is_good or scope["path"] == "/open" else 401
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    def slow(burst: int) -> Buckets:
        return Buckets(burst=burst, per_second=0.001, clock=lambda: 0.0)

    security = TransportSecuritySettings(allowed_hosts=["localhost"])
    nobody = AnyOf([])  # as for tokens of OAuth, which a hash does not tell
    gate = Gate(app, security=security, calls=slow(100), failures=slow(2), quick=nobody)

    async def status(token: str, path: str = "/") -> int:
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        headers = [(b"host", b"localhost"), (b"authorization", b"Bearer " + token.encode())]
        scope = {"type": "http", "method": "GET", "path": path, "headers": headers, "client": ("10.0.0.1", 1)}
        await gate(scope, _nothing, send)
        return int(sent[0]["status"])

    assert await status("good") == 200
    guesses = [f"guess {number}" for number in range(4)]
    assert [await status(guess, "/open") for guess in guesses] == [200] * 4  # which makes nobody of them
    assert [await status(guess) for guess in guesses] == [401, 401, 429, 429]
    assert await status("good") == 200


def test_guesses_from_an_address_do_not_keep_out_who_comes_from_it_with_a_token(tmp_path: Path) -> None:
    server = Running(tmp_path, calls_a_second=1_000)
    try:
        assert server.post(server.first).status_code == 200
        assert [server.post("guess").status_code for _ in range(22)][-1] == 429
        assert server.post(server.first).status_code == 200
        newcomer = server.token("agent:new", "alice")
        assert server.post(newcomer).status_code == 200  # its first time
        assert server.post(f"{newcomer}x").status_code == 429
        server.tokens.revoke(newcomer.split("_")[1])
        assert [server.post(newcomer).status_code for _ in range(2)] == [401, 429]
    finally:
        server.stop()


async def _nothing() -> Any:
    return {"type": "http.request", "body": b""}


def test_it_does_not_begin_where_everybody_or_nobody_could_come_in(tmp_path: Path) -> None:
    with MemOS.open(":memory:") as memos, closing(Callers(memos)) as callers:
        for listening, said in (
            (Listening(host="0.0.0.0"), "--public-url"),
            (Listening(public="http://memory.example.org"), "https://"),
            (Listening(public="memory.example.org"), "no address"),
            (Listening(), "memos mcp token add"),
        ):
            with pytest.raises(InvalidInput, match=said):
                application(memos, listening=listening, callers=callers, tokens=tmp_path / "none.json")
    public = Listening(host="0.0.0.0", public="https://memory.example.org/a/")
    assert public.resource == "https://memory.example.org/a/mcp"
    assert public.security.allowed_hosts == ["memory.example.org"]


async def test_nobody_who_comes_over_http_installs_packages(tmp_path: Path) -> None:
    Registry(tmp_path / "registry", SigningKey.new(), clock=SystemClock())
    server = Running(tmp_path, flags=Flags(store=str(tmp_path / "registry")))
    try:
        owner = server.token("user:ana", "ana", role="owner")
        for tool, given in (
            ("store_search", {}),
            ("store_list", {}),
            ("store_install", {"name": "doctor/heart"}),
            ("store_uninstall", {"name": "doctor/heart"}),
        ):
            refused = await server.call(owner, tool, **given)
            assert refused.is_error
            assert "may not do this" in refused.content[0].text
    finally:
        server.stop()


def test_what_was_read_is_in_the_audit_trail(tmp_path: Path) -> None:
    server = Running(tmp_path)
    try:
        server.memos.add("jam", namespace="alice")
        asyncio.run(server.call(server.first, "memory_list"))
    finally:
        server.stop()
    with MemOS.open(server.vault) as memos:
        assert "read" in {entry.action for entry in memos.audit(principal="agent:claude")}


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 0), (signal.SIGTERM, 143)])
async def test_a_server_that_is_started_as_its_operator_does_it_keeps_all_apart_and_a_trail(
    tmp_path: Path, number: int, code: int
) -> None:
    vault = tmp_path / "memory.db"
    tokens = {}
    for name in ("ana", "bob"):
        made = CliRunner().invoke(
            command_line,
            ["mcp", "token", "add", f"user:{name}", "-n", name, "--role", "editor", "--vault", str(vault), "--json"],
        )
        tokens[name] = json.loads(made.stdout)["token"]
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with started("mcp", "http", "--port", str(port), "--vault", str(vault)) as server:
        try:
            assert server.stderr.readline() == f"Serving http://127.0.0.1:{port}/mcp; stop with Ctrl-C.\n"
            url = f"http://127.0.0.1:{port}/mcp"
            await until_it_answers(url)
            for name, mode in (("ana", "auto"), ("bob", "legacy")):
                async with client_of(url, tokens[name], mode) as client:
                    await client.call_tool("memory_add", {"text": f"{name}'s secret"})
                    held = (await client.call_tool("memory_list", {})).structured_content["memories"]
                    assert [each["text"] for each in held] == [f"{name}'s secret"]
            for headers, status in (({}, 401), ({"host": "evil.example.org"}, 421), ({"origin": "null"}, 403)):
                assert httpx2.post(url, json=HELLO, headers=headers).status_code == status
        finally:
            server.send_signal(number)
        assert server.wait(60) == code
    with MemOS.open(vault) as memos_after:
        trail = {(entry.principal, entry.action) for entry in memos_after.audit()}
    assert trail >= {(f"user:{name}", action) for name in tokens for action in ("add", "read")}


def started(*arguments: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", "from memos_core.cli import main; main()", *arguments]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


async def until_it_answers(url: str) -> None:
    async with httpx2.AsyncClient() as asking:
        while True:
            with suppress(httpx2.ConnectError):
                await asking.get(url)
                return
            await asyncio.sleep(0.05)


def test_tokens_are_made_shown_once_and_revoked_on_the_command_line(tmp_path: Path) -> None:
    vault = str(tmp_path / "memory.db")

    def run(*arguments: str, code: int = 0) -> Any:
        done = CliRunner().invoke(command_line, ["mcp", "token", *arguments, "--vault", vault, "--json"])
        assert done.exit_code == code, done.output
        return json.loads(done.stdout) if code == 0 else None

    run("add", "agent:claude", "-n", "ana", code=1)
    run("add", "claude", "-n", "ana", code=1)
    made = run("add", "agent:claude", "-n", "ana", "--role", "editor", "--days", "9")
    kept = tokens_of(Path(vault))
    assert made["token"] not in kept.read_text()
    assert kept.stat().st_mode & 0o077 == 0
    [listed] = run("list")["tokens"]
    assert (listed["principal"], listed["id"]) == ("agent:claude", made["id"])
    assert "sha256" not in listed
    run("revoke", made["id"])
    run("revoke", made["id"], code=1)
    assert run("list")["tokens"] == []
    kept.write_text("{")
    run("list", code=1)
