"""Clients of both protocol eras, over stdin and stdout and over HTTP, get the same: also when they ask for too much."""

import asyncio
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import anyio
import anyio.from_thread
import anyio.to_thread
import httpx2
import numpy as np
import pytest
from mcp import Client, MCPError
from mcp.server import Server
from mcp_types import INVALID_PARAMS, PromptReference, ResourceTemplateReference
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS

from memos_core import MemOS
from memos_core.testing.embedders import HashingEmbedder
from memos_mcp.flags import Flags

from .test_http import ACCEPT, HELLO, Running
from .test_stdio import client as spoken

ERAS = {"legacy": "2025-11-25", "auto": "2026-07-28"}  # by the mode of the client
ABOUT = {"protocolVersion": "2026-07-28", "clientCapabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
META = {f"io.modelcontextprotocol/{name}": value for name, value in ABOUT.items()}
era = pytest.mark.parametrize("mode", ERAS)


class Gated(HashingEmbedder):
    """Stops in the middle of an embedding, once it is told to, until it may go on or the call is cancelled."""

    def __init__(self) -> None:
        super().__init__()
        self.is_closed, self.reached, self.open = False, threading.Event(), threading.Event()

    def close(self) -> None:
        self.reached.clear()
        self.open.clear()
        self.is_closed = True

    def embed(self, texts: Any) -> np.ndarray:
        if self.is_closed and len(texts) > 1:
            self.is_closed = False
            self.reached.set()
            while not (self.open.wait(0.01) or is_cancelled()):
                pass
        return super().embed(texts)


def is_cancelled() -> bool:
    """Whether the call that this thread works for is cancelled."""
    try:
        anyio.from_thread.check_cancelled()
    except asyncio.CancelledError:
        return True
    return False


@pytest.fixture(scope="module")
def gated() -> Gated:
    return Gated()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, gated: Gated) -> Iterator[Running]:
    flags = Flags(reference=True)
    server = Running(tmp_path_factory.mktemp("eras"), embedder=gated, calls_a_second=1_000, flags=flags)
    yield server
    server.stop()


def facts(of: str) -> list[dict[str, Any]]:
    """Fifty, which none but those of the same name share: what is known is not embedded again."""
    return [{"text": f"Fact number {number} of {of}"} for number in range(50)]


def ships(of: str) -> list[dict[str, Any]]:
    """Ten with thirty observations each: more than are embedded at once."""
    return [
        {"name": f"Ship {ship}", "entityType": "ship", "observations": [f"{of} {ship}/{n}" for n in range(30)]}
        for ship in range(10)
    ]


def called(running: Running, mode: str, where: str) -> AbstractAsyncContextManager[Client]:
    """A client that calls the server over HTTP."""
    return running.client(running.token("agent:claude", where, role="editor"), mode)


async def talk(client: Client) -> None:
    """Everything that a server offers, once."""
    told: list[tuple[float, float | None]] = []

    async def hear(progress: float, total: float | None, _: str | None) -> None:
        told.append((progress, total))

    said = {"text": "Clara Voss met Clemens in Lisbon.", "facts": facts(client.protocol_version)[:3]}
    added = (await client.call_tool("memory_add", said, progress_callback=hear)).structured_content
    assert told[-1] == (3, 3)
    found = (await client.call_tool("memory_search", {"query": "Whom did Clara meet?"})).structured_content
    assert found["memories"][0]["id"] == added["ids"][0]
    reading = [tool.name for tool in (await client.list_tools()).tools if tool.annotations.read_only_hint]
    for name in [name for name in reading if name.startswith("memory_")]:
        about = {"memory_search": {"query": "x"}, "memory_graph": {"about": "Clara Voss"}}
        one = {"memory_id": added["ids"][0]} if name in {"memory_get", "memory_history", "memory_why"} else {}
        assert not (await client.call_tool(name, about.get(name, one))).is_error, name
    assert len((await client.list_resources()).resources) >= 2
    assert len((await client.list_resource_templates()).resource_templates) == 2
    [item] = (await client.read_resource(f"memory://items/{added['ids'][0]}")).contents
    assert "Clemens" in item.text
    [message] = (await client.get_prompt("recall", {"topic": "Clara"})).messages
    assert "Clemens" in message.content.text
    for ref, name, value, wanted in (
        (PromptReference(name="recall"), "topic", "cle", ["Clemens"]),
        (ResourceTemplateReference(uri="memory://items/{id}"), "id", added["ids"][0], 1),
        (ResourceTemplateReference(uri="memory://namespaces/{namespace}/profile"), "namespace", "", 1),
        (PromptReference(name="nothing"), "topic", "cle", []),
    ):
        values = (await client.complete(ref, {"name": name, "value": value})).completion.values
        assert values == wanted if isinstance(wanted, list) else len(values) == wanted
    forgotten = await client.call_tool("memory_forget", {"memory_id": added["ids"][1]})
    assert not forgotten.is_error


@era
async def test_all_that_is_offered_can_be_used_over_stdin_and_stdout(tmp_path: Path, mode: str) -> None:
    async with spoken(tmp_path / "memory.db", mode=mode) as client:
        assert client.protocol_version == ERAS[mode]
        await talk(client)


@era
async def test_all_that_is_offered_can_be_used_over_http(running: Running, mode: str) -> None:
    async with called(running, mode, f"talk/{mode}") as client:
        assert client.protocol_version == ERAS[mode]
        await talk(client)


@pytest.mark.parametrize("revision", HANDSHAKE_PROTOCOL_VERSIONS)
def test_every_older_revision_is_spoken(running: Running, revision: str) -> None:
    params = {**HELLO["params"], "protocolVersion": revision}
    hello = running.post(running.first, body={**HELLO, "params": params})
    assert message(hello)["result"]["protocolVersion"] == revision
    session = {"mcp-session-id": hello.headers["mcp-session-id"], "mcp-protocol-version": revision}
    running.post(running.first, body={"jsonrpc": "2.0", "method": "notifications/initialized"}, **session)
    for method, params in (("tools/list", {}), ("tools/call", {"name": "memory_list", "arguments": {}})):
        asked = {"jsonrpc": "2.0", "id": 2, "method": method, "params": params}
        assert "result" in message(running.post(running.first, body=asked, **session)), method


def message(answer: httpx2.Response) -> dict[str, Any]:
    [data] = [line.removeprefix("data: ") for line in answer.text.splitlines() if line.startswith("data: {")]
    found: dict[str, Any] = json.loads(data)
    return found


@era
async def test_a_long_call_tells_how_far_it_is(running: Running, mode: str) -> None:
    told: list[tuple[float, float | None]] = []

    async def hear(progress: float, total: float | None, _: str | None) -> None:
        told.append((progress, total))

    async with called(running, mode, f"long/{mode}") as client:
        done = await client.call_tool("create_entities", {"entities": ships(mode)}, progress_callback=hear)
    assert not done.is_error, done.content
    assert told == [(256, 300), (300, 300)]


@era
@pytest.mark.parametrize(
    ("tool", "wanted"),
    [("memory_add", lambda of: {"facts": facts(of)}), ("create_entities", lambda of: {"entities": ships(of)})],
    ids=["memory_add", "create_entities"],
)
async def test_a_call_that_is_cancelled_ends_and_changes_nothing(
    running: Running, gated: Gated, mode: str, tool: str, wanted: Callable[[str], dict[str, Any]]
) -> None:
    where = f"cancelled/{mode}/{tool}"
    async with called(running, mode, where) as client, anyio.create_task_group() as group:
        gated.close()
        scope = anyio.CancelScope()

        async def ask() -> None:
            with scope:
                await client.call_tool(tool, wanted(where))

        group.start_soon(ask)
        assert await anyio.to_thread.run_sync(gated.reached.wait, 60)
        # who searches does not wait for who writes
        assert not (await client.call_tool("memory_search", {"query": "Is anybody there?"})).is_error
        scope.cancel()
        # who writes waits for the one before, which is then at its end
        assert not (await client.call_tool("memory_add", {"text": "Still here."})).is_error
    assert [cube.text for cube in running.memos.list(namespace=where)] == ["Still here."]
    assert running.memos.verify() == []


@era
def test_a_caller_that_vanishes_leaves_a_server_that_lives_and_a_whole_vault(
    running: Running, gated: Gated, mode: str
) -> None:
    where = f"vanished/{mode}"
    token = running.token("agent:gone", where, role="editor")
    headers = {"host": f"127.0.0.1:{running.port}", "authorization": f"Bearer {token}", **ACCEPT}
    headers |= {"content-type": "application/json", "mcp-protocol-version": ERAS[mode]}
    params: dict[str, Any] = {"name": "memory_add", "arguments": {"facts": facts(where)}}
    if mode == "auto":
        headers |= {"mcp-method": "tools/call", "mcp-name": "memory_add"}
        params["_meta"] = META
    else:
        headers["mcp-session-id"] = running.post(token).headers["mcp-session-id"]
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params})
    head = "".join(f"{name}: {value}\r\n" for name, value in {**headers, "content-length": len(body)}.items())
    gated.close()
    for said in (body[:99], body):  # in the middle of the question, and in the middle of its answer
        with socket.create_connection(("127.0.0.1", running.port)) as caller:
            caller.sendall(f"POST /mcp HTTP/1.1\r\n{head}\r\n{said}".encode())
            assert said != body or gated.reached.wait(60)
    gated.open.set()
    answer = httpx2.post(running.url, content=body, headers={**headers, "connection": "close"}, timeout=60)
    assert answer.status_code == 200, answer.text
    assert running.memos.count(namespace=where) in {50, 100}
    assert running.memos.verify() == []


@era
def test_a_call_is_cancelled_over_stdin_before_it_is_done(tmp_path: Path, mode: str) -> None:
    def call(number: int, tool: str, **arguments: Any) -> dict[str, Any]:
        params = {"name": tool, "arguments": arguments, **({"_meta": META} if mode == "auto" else {})}
        return {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}

    cancelled = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 2}}
    asked = [call(2, "memory_add", facts=facts("it")), cancelled, call(3, "memory_status")]
    command = [sys.executable, "-m", "memos_mcp", "--vault", str(tmp_path / "memory.db")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        for each in asked if mode == "auto" else [HELLO, *asked]:
            server.stdin.write(json.dumps(each) + "\n")
        server.stdin.flush()
        while json.loads(server.stdout.readline())["id"] != 3:
            pass
        server.stdin.close()
        assert server.wait(60) == 0
    with MemOS.open(tmp_path / "memory.db") as memos:
        assert memos.count(namespace="default") in {0, 50}
        assert memos.verify() == []


BAD_CALLS = {
    "an unknown argument": ({"text": "x", "namespace": "bob"}, "not permitted"),
    "a wrong type": ({"text": 7}, "valid string"),
    "a giant string": ({"text": "x" * 500_000}, "at most 20000"),
    "a giant name": ({"text": "x", "x" * 500_000: 1}, "not permitted"),
    "nothing": ({}, "text, or facts"),
}


@era
async def test_what_is_wrong_is_an_error_that_says_what(server: Server[Any], memos: MemOS, mode: str) -> None:
    memos.add("Bob's secret is marmalade", namespace="bob")
    async with Client(server, mode=mode) as client:
        for name, (arguments, said) in BAD_CALLS.items():
            result = await client.call_tool("memory_add", arguments)
            assert result.is_error, name
            assert said in result.content[0].text, name
            assert len(result.content[0].text) < 2_000
        for wrong in (
            client.call_tool("memory_erase", {}),
            client.read_resource("memory://items/nothing"),
            client.read_resource("memory://namespaces/bob/profile"),
            client.read_resource("memory://namespaces/a%2F%2Fb/profile"),
            client.get_prompt("recall", {"topic": "x" * 500_000}),
            client.get_prompt("recall", {"topic": "x", "namespace": "bob"}),
        ):
            with pytest.raises(MCPError) as refusal:
                await wrong
            assert refusal.value.code == INVALID_PARAMS
            assert len(str(refusal.value)) < 500
        assert (await client.call_tool("memory_list", {})).structured_content["memories"] == []
