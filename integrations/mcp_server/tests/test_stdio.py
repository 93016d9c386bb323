"""The server as its clients start it: a process that speaks over stdin and stdout."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from mcp import Client, StdioServerParameters

from memos_core import MemOS, MemOSError
from memos_mcp import serve

SERVER = [sys.executable, "-m", "memos_mcp"]
HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}


def client(vault: Path, namespace: str = "alice", *, mode: str = "auto") -> Client:
    arguments = ["-m", "memos_mcp", "--vault", str(vault), "--namespace", namespace]
    started = StdioServerParameters(command=sys.executable, args=arguments, env=dict(os.environ))
    return Client(started, mode=mode)


def start(vault: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [*SERVER, "--vault", str(vault)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
    )


def ask(server: "subprocess.Popen[str]", message: dict[str, object]) -> dict[str, object]:
    server.stdin.write(json.dumps(message) + "\n")
    server.stdin.flush()
    return json.loads(server.stdout.readline()) if "id" in message else {}


async def test_two_clients_share_one_vault_and_no_namespace(tmp_path: Path) -> None:
    vault = tmp_path / "memory.db"
    async with client(vault) as alice, client(vault) as other_alice, client(vault, "bob") as bob:
        await alice.call_tool("memory_add", {"text": "Clara lives in Lisbon 🦊"})
        found = await other_alice.call_tool("memory_search", {"query": "Clara"})
        assert [each["text"] for each in found.structured_content["memories"]] == ["Clara lives in Lisbon 🦊"]
        assert (await bob.call_tool("memory_list", {})).structured_content["memories"] == []


async def test_what_was_acknowledged_survives_a_killed_server(tmp_path: Path) -> None:
    vault = tmp_path / "memory.db"
    with start(vault) as server:
        assert ask(server, HELLO)["result"]["serverInfo"]["name"] == "memos"
        ask(server, {"jsonrpc": "2.0", "method": "notifications/initialized"})
        add = {"name": "memory_add", "arguments": {"text": "The door code has changed"}}
        answer = ask(server, {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": add})
        assert answer["result"]["structuredContent"]["written"] == 1
        server.kill()
    async with client(vault, "default") as restarted:
        found = await restarted.call_tool("memory_search", {"query": "door code"})
    assert [each["text"] for each in found.structured_content["memories"]] == ["The door code has changed"]


async def test_vault_and_namespace_can_come_from_the_environment(tmp_path: Path) -> None:
    vault = tmp_path / "other.db"
    environment = {**os.environ, "MEMOS_VAULT": str(vault), "MEMOS_NAMESPACE": "acme/ana"}
    server = StdioServerParameters(command=sys.executable, args=["-m", "memos_mcp"], env=environment)
    async with Client(server) as started:
        await started.call_tool("memory_add", {"text": "The door code has changed"})
    with MemOS.open(vault) as memos:
        assert [cube.namespace for cube in memos.list(namespace="acme")] == [("acme", "ana")]


@pytest.mark.parametrize("absent", ["mcp.server", "mcp_types"])
def test_without_the_sdk_the_error_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, absent: str
) -> None:
    monkeypatch.delitem(sys.modules, "memos_mcp.server", raising=False)
    monkeypatch.setitem(sys.modules, absent, None)
    with pytest.raises(MemOSError, match=r"pip install --upgrade 'memcubes\[mcp\]'"):
        serve(tmp_path / "memory.db", namespace="alice")
    assert not (tmp_path / "memory.db").exists()


def test_stdout_carries_the_protocol_and_nothing_else(tmp_path: Path) -> None:
    with start(tmp_path / "memory.db") as server:
        out, _ = server.communicate(json.dumps(HELLO) + "\nnonsense\n", timeout=60)
    assert all(json.loads(line)["jsonrpc"] == "2.0" for line in out.splitlines())
    assert server.returncode == 0


def test_the_model_is_not_loaded_before_it_is_used(tmp_path: Path) -> None:
    code = (
        "import io, runpy, sys; sys.argv = ['memos-mcp', '--vault', sys.argv[1]]\n"
        "runpy.run_module('memos_mcp', run_name='__main__')\n"
        "print('onnxruntime' in sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "memory.db")],
        input=json.dumps(HELLO) + "\n", capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert json.loads(done.stdout)["id"] == 1
    assert done.stderr.splitlines()[-1] == "False"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--vault", "{folder}/notes.txt"], "is not a MemOS vault"),
        (["--vault", "{folder}/memory.db", "--namespace", "a//b"], "not a namespace"),
    ],
)
def test_a_server_that_cannot_start_says_why_on_stderr(tmp_path: Path, arguments: list[str], said: str) -> None:
    (tmp_path / "notes.txt").write_text("Buy milk. " * 100)
    done = subprocess.run(
        [*SERVER, *(each.format(folder=tmp_path) for each in arguments)],
        input="", capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("Error: ")
    assert said in done.stderr
    assert "Traceback" not in done.stderr
