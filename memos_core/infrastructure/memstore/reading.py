"""A registry as its users see it: a folder, or the same files behind a web server. Nothing in it is taken on trust."""

from __future__ import annotations

import hashlib
import http.client
import ipaddress
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from memos_core.errors import RegistryError

CHUNK = 1024 * 1024  # bytes
TIMEOUT = 30.0  # seconds

_BROKEN = (urllib.error.URLError, http.client.HTTPException, ssl.SSLError, TimeoutError, OSError)


class Shelf:
    """The files of a registry.

    Parameters
    ----------
    location
        A folder, or an address that begins with ``https://``; with ``http://`` only on this machine.

    Raises
    ------
    RegistryError
        If it is neither.
    """

    def __init__(self, location: str) -> None:
        parts = urlsplit(location)
        self._is_web = parts.scheme in {"http", "https"}
        self.location = location.rstrip("/") if self._is_web else str(Path(location).resolve())
        is_local = parts.hostname == "localhost" or _is_loopback(parts.hostname or "")
        if self._is_web and (not parts.hostname or "@" in parts.netloc or (parts.scheme == "http" and not is_local)):
            raise RegistryError(registry=location, detail="an address begins with https:// and names no password.")
        if not self._is_web and not Path(location).is_dir():
            raise RegistryError(registry=location, detail="there is no such folder.")

    def read(self, path: str, *, limit: int) -> bytes:
        """The bytes of a small file.

        Raises
        ------
        RegistryError
            If it cannot be had, or is longer than the limit.
        """
        with self._opened(path) as stream:
            data = stream.read(limit + 1)
        if len(data) > limit:
            raise RegistryError(registry=self.location, detail=f"{path} is longer than {limit:,} bytes.")
        return data

    def fetch(self, path: str, target: Path, *, limit: int) -> str:
        """Copy a file from there, and return its SHA-256.

        Raises
        ------
        RegistryError
            If it cannot be had, or is longer than the limit.
        """
        digest = hashlib.sha256()
        with self._opened(path) as stream, target.open("wb") as copy:
            left = limit
            while chunk := stream.read(CHUNK):
                left -= len(chunk)
                if left < 0:
                    raise RegistryError(registry=self.location, detail=f"{path} is longer than {limit:,} bytes.")
                copy.write(chunk)
                digest.update(chunk)
        return digest.hexdigest()

    @contextmanager
    def _opened(self, path: str) -> Iterator[IO[bytes]]:
        if path.startswith("/") or any(part in {"", ".", ".."} for part in path.split("/")) or "\\" in path:
            raise RegistryError(registry=self.location, detail=f"{path!r} is no place in it.")
        try:
            if self._is_web:
                with _web().open(f"{self.location}/{path}", timeout=TIMEOUT) as answer:
                    yield answer
            else:
                with (Path(self.location) / path).open("rb") as stream:
                    yield stream
        except _BROKEN as error:
            reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error)
            raise RegistryError(registry=self.location, detail=f"{path} cannot be read ({reason}).") from error


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A registry is where its users were told, and leads nowhere else."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def _web() -> urllib.request.OpenerDirector:
    return urllib.request.build_opener(_NoRedirect)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
