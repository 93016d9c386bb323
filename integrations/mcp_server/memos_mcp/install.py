"""Telling a client of the server, and taking it back: its configuration is changed with care."""

from __future__ import annotations

import difflib
import itertools
import json
import secrets
import shutil
import stat
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from memos_core import MemOSError
from memos_mcp.clients import NAME, Client
from memos_mcp.jsonedit import with_entry, without_entry


@dataclass(frozen=True)
class Edit:
    """A change of a configuration that is to be made.

    Attributes
    ----------
    before
        The text of the file; ``None`` if there is none.
    """

    path: Path
    before: str | None
    after: str

    @property
    def is_needed(self) -> bool:
        """Whether it changes anything."""
        return self.after != (self.before or "")

    @property
    def diff(self) -> str:
        """What it changes, for people."""
        old, new = ((text or "").splitlines() for text in (self.before, self.after))
        name = str(self.path)
        return "\n".join(difflib.unified_diff(old, new, fromfile=name, tofile=name, lineterm=""))

    def make(self) -> Path | None:
        """Change the file in one step; return where the old one is kept, if there was one.

        Raises
        ------
        MemOSError
            If it has changed in the meantime, or cannot be written.
        """
        try:
            path = self.path.resolve()
            if _text(path) != self.before:
                raise MemOSError(detail=f"{path} has just been changed by another program. Try again.")
            if self.before is not None and not path.stat().st_mode & stat.S_IWUSR:
                raise MemOSError(detail=f"{path} can only be read, and is left as it is. Let it be written first.")
            path.parent.mkdir(parents=True, exist_ok=True)
            backup = _backup(path) if self.before is not None else None
            part = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
            try:
                part.write_bytes(self.after.encode("utf-8"))
                if backup is not None:
                    shutil.copymode(path, part)
                part.replace(path)
            finally:
                part.unlink(missing_ok=True)
        except OSError as error:
            raise MemOSError(detail=f"{self.path} cannot be changed: {error.strerror}.") from error
        return backup


def installing(client: Client, path: Path, command: list[str]) -> Edit:
    """The change that tells a client of the server.

    Raises
    ------
    MemOSError
        If its configuration cannot be read; it is left as it is.
    """
    entry = client.entry(command)
    return _edit(client, path, lambda text: with_entry(text, client.key, NAME, entry))


def uninstalling(client: Client, path: Path) -> Edit:
    """The change that takes that back.

    Raises
    ------
    MemOSError
        If its configuration cannot be read; it is left as it is.
    """
    return _edit(client, path, lambda text: without_entry(text, client.key, NAME))


def _edit(client: Client, path: Path, change: Callable[[str], str]) -> Edit:
    before = _text(path)
    if not (before or "").strip("\ufeff \t\r\n"):
        after = change("{}\n")
        return Edit(path, before, (before or "") if after == "{}\n" else after)
    text = before or ""
    mark = "\ufeff" if text.startswith("\ufeff") else ""
    try:
        if not client.comments:
            json.loads(text.removeprefix(mark))
        return Edit(path, before, mark + change(text.removeprefix(mark)))
    except (ValueError, RecursionError) as error:
        raise MemOSError(
            detail=f"{path} is no configuration of {client.title} that can be changed: {error}. It is left as it is; "
            "mend it, or write the entry by hand as docs/MCP.md shows."
        ) from error


def _text(path: Path) -> str | None:
    try:
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise MemOSError(detail=f"{path} cannot be read: {error}. It is left as it is.") from error


def _backup(path: Path) -> Path:
    """A copy beside the file, under the first name that is free."""
    for number in itertools.count(1):
        copy = path.with_name(f"{path.name}.backup-{number}")
        with suppress(FileExistsError):
            copy.touch(exist_ok=False)
            shutil.copy2(path, copy)
            return copy
    raise AssertionError  # numbers do not end
