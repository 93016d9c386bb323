"""How long a client of the MCP server waits for `initialize`, beside an empty server of the same SDK.

    python benchmarks/mcp_startup.py [--runs 15]

Runs alternate, so that what else the machine does falls on both; bytecode is compiled first, as installers do.
Memory is what the idle process holds half a second after it has listed its tools, with the memory open.
"""

from __future__ import annotations

import argparse
import compileall
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
EMPTY = "from mcp.server import MCPServer\nMCPServer('empty').run('stdio')"
LOWLEVEL = """
import anyio
from mcp.server import Server
from mcp.server.stdio import stdio_server
async def main():
    server = Server("empty")
    async with stdio_server() as (reading, writing):
        await server.run(reading, writing, server.create_initialization_options())
anyio.run(main)
"""
HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "b", "version": "1"}},
}
READY = {"jsonrpc": "2.0", "method": "notifications/initialized"}
LIST = {"jsonrpc": "2.0", "id": 2, "method": "tools/list"}
MOST_TIMES, MOST_MEGABYTES = 1.15, 40


def measured(command: list[str]) -> tuple[float, float, float]:
    """Seconds to the answer, seconds of CPU until the end, and megabytes when idle."""
    start = time.perf_counter()
    before = os.times()
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        server.stdin.write(json.dumps(HELLO) + "\n")
        server.stdin.flush()
        assert json.loads(server.stdout.readline())["id"] == 1
        waited = time.perf_counter() - start
        for message in (READY, LIST):  # the answer waits until the memory is open
            server.stdin.write(json.dumps(message) + "\n")
        server.stdin.flush()
        assert json.loads(server.stdout.readline())["id"] == 2
        time.sleep(0.5)
        pages = int(Path(f"/proc/{server.pid}/statm").read_text(encoding="ascii").split()[1])
        server.stdin.close()
        server.wait()
    after = os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return waited, used, pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def main() -> int:
    """Measure, print, and say with the exit code whether both limits hold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=15)
    runs = parser.parse_args().runs
    for package in ("memos_core", "integrations/mcp_server/memos_mcp"):
        compileall.compile_dir(ROOT / package, quiet=2)
    with tempfile.TemporaryDirectory() as folder:
        vault = str(Path(folder, "memory.db"))
        commands = {
            "empty server": [sys.executable, "-c", EMPTY],
            "empty server, lower level": [sys.executable, "-c", LOWLEVEL],
            "memos": [sys.executable, "-m", "memos_mcp", "--vault", vault],
        }
        found: dict[str, list[tuple[float, float, float]]] = {name: [] for name in commands}
        for command in commands.values():
            measured(command)  # warms the file cache
        for _ in range(runs):
            for name, command in commands.items():
                found[name].append(measured(command))
    middle = {name: [statistics.median(each) for each in zip(*rows, strict=True)] for name, rows in found.items()}
    print(f"{'':28}{'initialize':>12}{'CPU':>10}{'idle':>10}")
    for name, (waited, used, megabytes) in middle.items():
        print(f"{name:28}{waited * 1000:9.0f} ms{used * 1000:7.0f} ms{megabytes:7.0f} MB")
    times = middle["memos"][0] / middle["empty server"][0]
    more = middle["memos"][2] - middle["empty server"][2]
    print(f"\nmemos / empty server: {times:.2f} (at most {MOST_TIMES}); {more:.0f} MB more (at most {MOST_MEGABYTES})")
    return 0 if times <= MOST_TIMES and more <= MOST_MEGABYTES else 1


if __name__ == "__main__":
    sys.exit(main())
