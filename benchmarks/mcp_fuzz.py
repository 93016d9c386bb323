"""Calls the tools of the MCP server with arguments that nobody should send, and looks at what is left.

    python benchmarks/mcp_fuzz.py [--calls 100000] [--seed 1]

Every call must be answered, by the tool or by an error of the protocol that says that the arguments are wrong; nothing
of another namespace may be in an answer, none may be longer than a model can take, and the vault must verify at last.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import json
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from mcp import Client, MCPError
from mcp_types import INVALID_PARAMS

from memos_core import MemOS
from memos_core.testing.embedders import HashingEmbedder
from memos_mcp.flags import Flags
from memos_mcp.results import BYTES_OF_TOKEN, MAX_TOKENS
from memos_mcp.server import build
from memos_mcp.toolbox import toolbox

FUZZING = Path(__file__).parents[1] / "integrations" / "mcp_server" / "tests" / "fuzzing.py"
FLAGS = Flags(chatgpt=True, reference=True)
SECRET = "marmalade"


def fuzzer(seed: int) -> Any:
    """The one of the tests."""
    found = importlib.util.spec_from_file_location("fuzzing", FUZZING)
    assert found is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module.Fuzzer(seed)


async def fuzz(memos: MemOS, *, calls: int, seed: int) -> Counter[str]:
    """Make the calls; return how they were answered."""
    made, tools, counts = fuzzer(seed), toolbox(FLAGS), Counter[str]()
    async with Client(build(memos, namespace="alice", flags=FLAGS)) as client:
        for number in range(1, calls + 1):
            name, arguments = made.call(tools)
            try:
                result = await client.call_tool(name, arguments)
            except MCPError as error:
                if error.code != INVALID_PARAMS:
                    raise
                counts["errors of the protocol"] += 1
                continue
            answer = json.dumps(result.structured_content or {}, ensure_ascii=False)
            assert SECRET not in answer, (number, name, arguments)
            assert len(answer.encode("utf-8", "surrogatepass")) <= 2 * MAX_TOKENS * BYTES_OF_TOKEN, (number, name)
            made.ids = [*made.ids, *(result.structured_content or {}).get("ids", [])][-200:]
            counts["refused" if result.is_error else "answered"] += 1
            if number % 1_000 == 0:
                print(f"{number:,} {dict(counts)}", file=sys.stderr, flush=True)
    return counts


def main() -> None:
    """Fuzz, verify, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        with MemOS.open(Path(folder, "memory.db"), embedder=HashingEmbedder()) as memos:
            memos.add(f"Bob's secret is {SECRET}", namespace="bob")
            counts = asyncio.run(fuzz(memos, calls=asked.calls, seed=asked.seed))
            damage = memos.verify()
        with MemOS.open(Path(folder, "memory.db"), embedder=HashingEmbedder()) as memos:
            assert [cube.text for cube in memos.list(namespace="bob")] == [f"Bob's secret is {SECRET}"]
    print(f"{asked.calls:,} calls, seed {asked.seed}, in {time.perf_counter() - start:,.0f} s: {dict(counts)}")
    print("The vault is whole." if not damage else f"Damage: {damage}")
    sys.exit(1 if damage else 0)


if __name__ == "__main__":
    main()
