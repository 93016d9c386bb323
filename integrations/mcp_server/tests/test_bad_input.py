"""Bad calls, clients that change their minds or vanish, many at once: each an answer, and the server and vault live."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, MCPError
from mcp.server import Server
from mcp_types import INVALID_PARAMS

from memos_core import MemOS
from memos_mcp.flags import Flags
from memos_mcp.toolbox import toolbox

from .fuzzing import Fuzzer
from .test_eras import META
from .test_stdio import HELLO, ask, client, start

TOOLS = toolbox(Flags(chatgpt=True, reference=True))


async def test_a_sample_of_fuzzed_calls_gets_an_answer_each(memos: MemOS) -> None:
    from memos_mcp.server import build

    fuzzer = Fuzzer(7)
    server = build(memos, namespace="alice", flags=Flags(chatgpt=True, reference=True))
    memos.add("Bob's secret is marmalade", namespace="bob")
    answered, codes = 0, set()
    async with Client(server) as caller:
        for _ in range(300):
            name, arguments = fuzzer.call(TOOLS)
            try:
                result = await caller.call_tool(name, arguments)
            except MCPError as error:
                codes.add(error.code)
                continue
            assert "marmalade" not in json.dumps(result.structured_content)
            fuzzer.ids += [name for name in (result.structured_content or {}).get("ids", []) if isinstance(name, str)]
            answered += not result.is_error
    assert answered > 50
    assert codes == {INVALID_PARAMS}
    assert memos.verify() == []


@pytest.mark.parametrize("tool", ["", "memory_erase", "__init__", "x" * 10_000])
async def test_a_tool_that_is_not_there_is_an_error_of_the_protocol(server: Server[Any], tool: str) -> None:
    async with Client(server) as caller:
        with pytest.raises(MCPError, match="no tool") as refusal:
            await caller.call_tool(tool, {})
    assert len(str(refusal.value)) < 300


async def test_a_giant_text_is_refused_in_few_words(server: Server[Any]) -> None:
    async with Client(server) as caller:
        result = await caller.call_tool("memory_add", {"text": "x" * 20_000_000, "y" * 1_000_000: 1})
    assert result.is_error
    assert len(result.content[0].text) < 2_000


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_fifty_calls_at_once_are_all_answered(tmp_path: Path, mode: str) -> None:
    async with client(tmp_path / "memory.db", mode=mode) as caller:
        calls = [caller.call_tool("memory_add", {"text": f"Fact {number}"}) for number in range(25)]
        calls += [caller.call_tool("memory_list", {}) for _ in range(25)]
        results = await asyncio.gather(*calls)
    assert not any(result.is_error for result in results)
    with MemOS.open(tmp_path / "memory.db") as memos:
        assert len(memos.list(namespace="alice")) == 25
        assert memos.verify() == []


@pytest.mark.parametrize("is_modern", [False, True], ids=["legacy", "modern"])
@pytest.mark.parametrize("killed", [False, True], ids=["closes", "is killed"])
def test_a_client_that_vanishes_leaves_a_whole_vault(tmp_path: Path, killed: bool, is_modern: bool) -> None:
    facts = [{"text": f"Fact number {number}"} for number in range(50)]
    add = {"name": "memory_add", "arguments": {"facts": facts}, **({"_meta": META} if is_modern else {})}
    with start(tmp_path / "memory.db") as server:
        if not is_modern:
            ask(server, HELLO)
            ask(server, {"jsonrpc": "2.0", "method": "notifications/initialized"})
        server.stdin.write(json.dumps({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": add}) + "\n")
        server.stdin.flush()
        server.stdout.close()  # nobody hears the answer
        if killed:
            server.kill()
        server.stdin.close()
        server.wait(60)
    with MemOS.open(tmp_path / "memory.db") as memos:
        assert memos.count(namespace="default") in {0, 50}
        assert memos.verify() == []


def test_lines_that_are_no_messages_are_survived(tmp_path: Path) -> None:
    lines = ["nonsense", "{", "[]", "7", "null", "{}", '{"jsonrpc": "2.0"}', '{"jsonrpc":"1.0","id":1,"method":"ping"}',
             '{"jsonrpc":"2.0","id":{},"method":"ping"}', "[" * 100_000, '"\\ud800"', "\u2028", "x" * 1_000_000,
             '{"jsonrpc":"2.0","id":5,"method":"tools/call","params":7}', '{"jsonrpc":"2.0","id":6,"method":"no/such"}',
             '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":99}}']  # fmt: skip
    ping = json.dumps({"jsonrpc": "2.0", "id": 77, "method": "ping"})
    command = [sys.executable, "-m", "memos_mcp", "--vault", str(tmp_path / "memory.db")]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, **pipes, env=dict(os.environ), text=True) as server:  # type: ignore[call-overload]
        server.stdin.write("\n".join([json.dumps(HELLO), *lines, ping, ""]))
        server.stdin.flush()
        answers = []
        while not answers or answers[-1].get("id") != 77:  # what is asked right before the end need not be answered
            answers.append(json.loads(server.stdout.readline()))
        server.stdin.close()
        assert server.wait(timeout=120) == 0
    assert {"jsonrpc": "2.0", "id": 77, "result": {}} in answers
    assert {each["id"] for each in answers if "error" in each} >= {6}
