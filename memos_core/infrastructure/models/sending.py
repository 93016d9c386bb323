"""JSON sent to a server by HTTP, again where another try may help, and the key shown to nobody."""

from __future__ import annotations

import http.client
import json
import re
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from memos_core.errors import InvalidInput

ATTEMPTS = 4
FIRST_PAUSE = 0.5  # seconds; doubled every time, unless the server says how long to wait
LONGEST_PAUSE = 30.0
READ = 10_000  # bytes of a server's complaint
SHOWN = 500  # characters of it and of what is said before it
#: Statuses that another try may mend.
PASSING = frozenset({408, 409, 425, 429, 500, 502, 503, 504})


class NoAnswer(Exception):
    """A request that failed for good. The message never has the key.

    Attributes
    ----------
    status
        Of the server's answer; ``None`` if there was none that could be read.
    """

    def __init__(self, detail: str, status: int | None = None) -> None:
        super().__init__(detail)
        self.status = status


class Endpoint:
    """One address that takes JSON by ``POST`` and answers JSON.

    Parameters
    ----------
    api_key
        Sent as a bearer token.
    timeout
        In seconds, for one request.

    Raises
    ------
    InvalidInput
        If the address is none of HTTP, or has a user name or password in it, or the key cannot be sent in a header.
    """

    def __init__(self, url: str, *, api_key: str | None = None, timeout: float = 60.0) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise InvalidInput(detail="The address of a model server begins with http:// or https:// and a host.")
        if "@" in parts.netloc:
            raise InvalidInput(detail="Pass the key as api_key, not inside the address, which errors show.")
        self.url = url
        self._key = _sendable(api_key)
        self._timeout = timeout
        self._opener = urllib.request.build_opener(NoRedirect)

    def __repr__(self) -> str:
        return f"Endpoint({self.url!r})"

    def post(self, body: Mapping[str, Any]) -> Any:
        """Send and give the answer, decoded.

        A request that fails in passing (too many requests, a server error, no connection, no JSON) is tried again up to
        three times, with growing pauses or as long as the server asks for, at most 30 seconds each.

        Raises
        ------
        NoAnswer
            If it fails for good.
        """
        data = json.dumps(body).encode()
        pause = FIRST_PAUSE
        for attempt in range(1, ATTEMPTS + 1):
            outcome = self._try(data)
            if isinstance(outcome, _Answer):
                return outcome.value
            if not outcome.passing or attempt == ATTEMPTS:
                # Outside any `except`, so that no exception of the sending, with what it knows, hangs on this one.
                raise NoAnswer(outcome.detail, outcome.status)
            time.sleep(min(outcome.pause if outcome.pause is not None else pause, LONGEST_PAUSE))
            pause *= 2
        raise AssertionError  # the last attempt returns or raises

    def _try(self, data: bytes) -> _Answer | _Failure:
        headers = {"Content-Type": "application/json"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        request = urllib.request.Request(self.url, data=data, headers=headers)  # noqa: S310  # checked above
        try:
            with self._opener.open(request, timeout=self._timeout) as response:
                return _Answer(json.load(response))
        except urllib.error.HTTPError as error:
            with error:
                detail = self.shown(f"{self.url} answered {error.code} {error.reason}: {_read(error)}")
                return _Failure(detail, error.code in PASSING, error.code, _asked_pause(error.headers["Retry-After"]))
        except (OSError, ValueError, http.client.HTTPException) as error:  # no connection, a time-out, or no JSON
            return _Failure(self.shown(f"{self.url}: {type(error).__name__}: {error}"), passing=True)

    def shown(self, detail: str) -> str:
        """A complaint, cut short, without the key, which a server may repeat in it."""
        return (detail.replace(self._key, "[api_key]") if self._key else detail)[:SHOWN]


class _Answer(NamedTuple):
    value: Any


class _Failure(NamedTuple):
    detail: str
    passing: bool
    status: int | None = None
    pause: float | None = None


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """Takes no redirection: it would turn the request into another, and carry the key to another host."""

    def redirect_request(self, *_: Any) -> None:
        """Follow nothing; the status becomes an error."""


def _sendable(api_key: str | None) -> str | None:
    """The key without the blanks around it that files and copying leave."""
    key = (api_key or "").strip()
    if not re.fullmatch(r"[\x21-\x7e]*", key):
        raise InvalidInput(detail="The API key has characters that no HTTP header can carry. It is not shown here.")
    return key or None


def _read(error: urllib.error.HTTPError) -> str:
    try:
        return error.read(READ).decode(errors="replace")
    except (OSError, http.client.HTTPException):
        return "(nothing that could be read)"


def _asked_pause(header: str | None) -> float | None:
    try:
        return max(0.0, float(header)) if header else None
    except ValueError:  # a date, which is rare
        return None
