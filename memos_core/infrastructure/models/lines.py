"""What a server sends bit by bit, taken apart: lines, and server-sent events.

References
----------
WHATWG, HTML Living Standard, section 9.2, Server-sent events.
"""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterable, Iterator
from typing import NamedTuple

LONGEST = 1_000_000  # characters of a line; no model sends a longer one


class Event(NamedTuple):
    """A server-sent event: its type, ``"message"`` if it says none, and its data."""

    kind: str
    data: str


def lines(chunks: Iterable[bytes]) -> Iterator[str]:
    """Cut a stream of bytes into lines, wherever it was cut before: within a line end or a character too.

    Raises
    ------
    ValueError
        If a line does not end.
    """
    decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder("utf-8-sig")("replace"), translate=True)
    rest = ""
    for chunk in chunks:
        *ended, rest = (rest + decoder.decode(chunk)).split("\n")
        yield from ended
        if len(rest) > LONGEST:
            raise ValueError("a line of the answer does not end")
    *ended, rest = (rest + decoder.decode(b"", final=True)).split("\n")
    yield from [*ended, rest] if rest else ended


def events(chunks: Iterable[bytes]) -> Iterator[Event]:
    """Read server-sent events. Comments are passed over; an event that the stream ends in is not one.

    Servers of llama.cpp said ``error:`` in the place of ``data:``; that is read as data of the type ``"error"``.
    """
    kind, data = "", list[str]()
    for line in lines(chunks):
        name, _, value = line.partition(":")
        if not line:
            if data:
                yield Event(kind or "message", "\n".join(data))
            kind, data = "", []
        elif name == "event":
            kind = value.removeprefix(" ")
        elif name in {"data", "error"}:
            kind = "error" if name == "error" else kind
            data.append(value.removeprefix(" "))
