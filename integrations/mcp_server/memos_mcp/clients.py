"""Clients that start the server, and where each keeps its configuration."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

NAME = "memos"  # of the server in their configurations


@dataclass(frozen=True)
class Client:
    """A client.

    Attributes
    ----------
    key
        Of the servers in its configuration.
    user
        Its file, below the folder where programs of a user keep theirs.
    project
        Its file in a project; ``None`` if it knows no projects.
    in_home
        Its file lies in the home folder on every system.
    typed
        It wants to be told that a server speaks over stdin and stdout.
    comments
        It reads comments in its file, and commas before a closing bracket.
    """

    title: str
    key: str
    user: Path
    project: Path | None = None
    in_home: bool = False
    typed: bool = False
    comments: bool = False

    def configuration(self, project: Path | None) -> Path:
        """The file of this user, or of a project."""
        if project is not None and self.project is not None:
            return project / self.project
        return (Path.home() if self.in_home else _settings()) / self.user

    def entry(self, command: Sequence[str]) -> dict[str, object]:
        """What it must know to start a server."""
        kind = {"type": "stdio"} if self.typed else {}
        return {**kind, "command": command[0], "args": list(command[1:])}


CLIENTS = {
    "claude-desktop": Client("Claude Desktop", "mcpServers", Path("Claude", "claude_desktop_config.json")),
    "claude-code": Client(
        "Claude Code", "mcpServers", Path(".claude.json"), Path(".mcp.json"), in_home=True, typed=True
    ),
    "vscode": Client(
        "VS Code", "servers", Path("Code", "User", "mcp.json"), Path(".vscode", "mcp.json"), typed=True, comments=True
    ),
    "cursor": Client(
        "Cursor", "mcpServers", Path(".cursor", "mcp.json"), Path(".cursor", "mcp.json"), in_home=True, comments=True
    ),
}


def program() -> list[str]:
    """The command that starts the server, by its whole path: programs with windows do not know that of a shell."""
    script = Path(sys.executable).with_name("memos-mcp.exe" if sys.platform == "win32" else "memos-mcp")
    return [str(script)] if script.exists() else [sys.executable, "-m", "memos_mcp"]


def _settings() -> Path:
    """Where programs keep their settings."""
    if sys.platform == "win32":
        return Path(os.environ.get("APPDATA") or Path.home() / "AppData" / "Roaming")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support"
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
