"""The folder beside a vault file: files that are whole from the moment they are there, and are never changed."""

from __future__ import annotations

import errno
import mmap
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from memos_core.errors import MemOSError, VaultError, VaultFull
from memos_core.infrastructure.vault.connection import NO_SPACE

_OURS = re.compile(r"([0-9a-f]{32}|[0-9a-f]{64})(\.part)?")


class Folder:
    """Files by name.

    Parameters
    ----------
    path
        Of the folder; it is there while a file is in it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def place(self, name: str, pieces: Iterable[Any]) -> None:
        """Write a file, sync it, and only then give it its name, and sync that.

        Raises
        ------
        VaultFull, VaultError
            If it cannot be written. What the pieces raise is raised as it is; there is no such file then.
        """
        staged = self.path / f"{name}.part"
        try:
            with translated(self.path):
                self._make()
                with staged.open("wb") as stream:
                    for piece in pieces:
                        stream.write(piece)
                    stream.flush()
                    os.fsync(stream.fileno())
                staged.replace(self.path / name)
                sync(self.path)
        except BaseException:
            with suppress(OSError):
                staged.unlink()
            raise

    def names(self) -> set[str]:
        """Of the files that are ours, whole or not; others are left alone."""
        with translated(self.path), suppress(FileNotFoundError):
            return {file.name for file in self.path.iterdir() if _OURS.fullmatch(file.name)}
        return set()

    def remove(self, names: Iterable[str]) -> bool:
        """Remove files, and the folder with the last; say whether all have gone, for one may be in use."""
        left = [name for name in names if not self._is_removed(name)]
        with suppress(OSError):
            sync(self.path)
            self.path.rmdir()
            sync(self.path.parent)
        return not left

    def mapped(self, name: str) -> memoryview:
        """The bytes of a file, read when they are looked at; ``FileNotFoundError`` if it is not there."""
        with (self.path / name).open("rb") as stream:
            if os.fstat(stream.fileno()).st_size == 0:  # which cannot be mapped
                return memoryview(b"")
            return memoryview(mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ))

    def _is_removed(self, name: str) -> bool:
        try:
            (self.path / name).unlink(missing_ok=True)
        except OSError:
            return False
        return True

    def _make(self) -> None:
        with suppress(FileExistsError):
            self.path.mkdir()
            sync(self.path.parent)


def sync(folder: Path) -> None:
    """Make the names in a folder durable. Windows has no call for that, and writes names through its journal."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Say in our own words that a file cannot be written or read."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        if isinstance(error, MemOSError):
            raise
        if error.errno in NO_SPACE or error.errno == errno.EFBIG:
            raise VaultFull(path=str(path)) from error
        raise VaultError(detail=f"{path} cannot be used: {error.strerror}.") from error
