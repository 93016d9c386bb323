"""JSON sent to a server by HTTP, again where another try may help, and the key shown to nobody."""

from __future__ import annotations

import http.client
import json
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlsplit

from memos_core.errors import InvalidInput

ATTEMPTS = 4
FIRST_PAUSE = 0.5  # seconds; doubled every time, unless the server says how long to wait
LONGEST_PAUSE = 30.0
READ = 10_000  # bytes of a server's complaint
AT_A_TIME = 65_536  # bytes of an answer that comes bit by bit
SHOWN = 500  # characters of a complaint and of what is said before it
#: Statuses that another try may mend.
PASSING = frozenset({408, 409, 425, 429, 500, 502, 503, 504})

Made = TypeVar("Made")


class NoAnswer(Exception):
    """A request that failed for good. The message never has the key.

    Attributes
    ----------
    status
        Of the server's answer; ``None`` if there was none that could be read.
    is_down
        Nothing listens at the address.
    """

    def __init__(self, detail: str, status: int | None = None, *, is_down: bool = False) -> None:
        super().__init__(detail)
        self.status = status
        self.is_down = is_down


class Complaint(Exception):
    """What a server says in the middle of an answer to end it: raised by whoever reads the answer."""

    def __init__(self, said: object, status: object = None) -> None:
        super().__init__(str(said))
        self.status = status if isinstance(status, int) else None


class Incoming(NamedTuple):
    """An answer that is coming in: its media type, and its bytes as they come."""

    media_type: str
    chunks: Iterable[bytes]


class Endpoint:
    """One address that takes JSON by ``POST``, or is only asked, and answers JSON, at once or bit by bit.

    Parameters
    ----------
    api_key
        Sent as a bearer token.
    timeout
        In seconds, to connect and for each read.
    attempts
        How often a request is sent at most.

    Raises
    ------
    InvalidInput
        If the address is none of HTTP, or has a user name or password in it, or the key cannot be sent in a header.
    """

    def __init__(
        self, url: str, *, api_key: str | None = None, timeout: float = 60.0, attempts: int = ATTEMPTS
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise InvalidInput(detail="The address of a model server begins with http:// or https:// and a host.")
        if "@" in parts.netloc:
            raise InvalidInput(detail="Pass the key as api_key, not inside the address, which errors show.")
        self.url = url
        self._key = _sendable(api_key)
        self._timeout = timeout
        self._attempts = attempts
        self._opener = urllib.request.build_opener(NoRedirect)

    def __repr__(self) -> str:
        return f"Endpoint({self.url!r})"

    def post(self, body: Mapping[str, Any]) -> Any:
        """Send and give the answer, decoded. Failures are those of :meth:`stream`."""
        [answer] = self.stream(body, decoded)
        return answer

    def get(self) -> Any:
        """Ask without sending anything, and give the answer, decoded. Failures are those of :meth:`stream`."""
        [answer] = self.stream(None, decoded)
        return answer

    def stream(self, body: Mapping[str, Any] | None, read: Callable[[Incoming], Iterator[Made]]) -> Iterator[Made]:
        """Send, and give what ``read`` makes of the answer while it comes in.

        A request that fails in passing (too many requests, a server error, no connection, nonsense) is tried again up
        to three times, with growing pauses or as long as the server asks for, at most 30 seconds each; but not once
        anything of the answer was given.

        Parameters
        ----------
        read
            Raises a ``ValueError`` for nonsense, and a :class:`Complaint` if the server says that it goes wrong.

        Raises
        ------
        NoAnswer
            If it fails for good.
        """
        data = None if body is None else json.dumps(body).encode()
        pause = FIRST_PAUSE
        for attempt in range(1, self._attempts + 1):
            failure = yield from self._try(data, read)
            if failure is None:
                return
            if not failure.passing or attempt == self._attempts:
                # Outside any `except`, so that no exception of the sending, with what it knows, hangs on this one.
                raise NoAnswer(failure.detail, failure.status, is_down=failure.is_down)
            time.sleep(min(failure.pause if failure.pause is not None else pause, LONGEST_PAUSE))
            pause *= 2

    def _try(
        self, data: bytes | None, read: Callable[[Incoming], Iterator[Made]]
    ) -> Generator[Made, None, _Failure | None]:
        headers = {"Content-Type": "application/json"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        request = urllib.request.Request(self.url, data=data, headers=headers)  # noqa: S310  # checked above
        begun = False
        try:
            with self._opener.open(request, timeout=self._timeout) as response:
                for made in read(Incoming(response.headers.get_content_type(), _chunks(response))):
                    begun = True
                    yield made
        except urllib.error.HTTPError as error:
            with error:
                detail = self.shown(f"{self.url} answered {error.code} {error.reason}: {_read(error)}")
                return _Failure(detail, error.code in PASSING, error.code, _asked_pause(error.headers["Retry-After"]))
        except Complaint as error:
            detail = self.shown(f"{self.url} broke off: {error}" if begun else f"{self.url} answered: {error}")
            return _Failure(detail, error.status in PASSING and not begun, None if begun else error.status)
        except (OSError, ValueError, http.client.HTTPException) as error:  # no connection, a time-out, or nonsense
            is_down = isinstance(getattr(error, "reason", error), ConnectionRefusedError)
            return _Failure(self.shown(f"{self.url}: {_named(error)}"), passing=not begun, is_down=is_down)
        return None

    def shown(self, detail: str) -> str:
        """A complaint, cut short, without the key, which a server may repeat in it."""
        return (detail.replace(self._key, "[api_key]") if self._key else detail)[:SHOWN]


class _Failure(NamedTuple):
    detail: str
    passing: bool
    status: int | None = None
    pause: float | None = None
    is_down: bool = False


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """Takes no redirection: it would turn the request into another, and carry the key to another host."""

    def redirect_request(self, *_: Any) -> None:
        """Follow nothing; the status becomes an error."""


def _chunks(response: http.client.HTTPResponse) -> Iterator[bytes]:
    """What has come so far, again and again until the end; a read that waits too long raises."""
    while chunk := response.read1(AT_A_TIME):
        yield chunk


def decoded(incoming: Incoming) -> Iterator[Any]:
    """Read an answer that is one JSON document."""
    yield json.loads(b"".join(incoming.chunks))


def _named(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


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
