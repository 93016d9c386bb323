"""Documents become passages, cut where their structure allows it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from memos_core.cube.canonical import json_object
from memos_core.cube.interval import Interval
from memos_core.cube.memcube import Content, Governance, Kind, Origin, Provenance, Trust
from memos_core.cube.message import Document
from memos_core.cube.namespace import Namespace
from memos_core.cube.payload import Plaintext
from memos_core.interface.reader.text import checked
from memos_core.language.names import find_names
from memos_core.language.times import find_times

TARGET = 1200  # characters: passages are filled up to here, block by block
MARKDOWN = frozenset({"text/markdown", "text/x-markdown"})

_HEADING = re.compile(r"(#{1,6})\s+(.+?)\s*#*\s*$")
_FENCE = re.compile(r"\s{0,3}(```+|~~~+)")
_SENTENCE_END = re.compile(r"[.!?]\s|\n")


class Block(NamedTuple):
    """Lines that belong together, and the headings they stand under."""

    text: str
    heading: tuple[str, ...]


def read_document(document: Document, *, namespace: Namespace, now: datetime) -> list[Content]:
    """Read a document: one content a passage, in order; together they are the whole text.

    Parameters
    ----------
    now
        The time that "yesterday" in an undated document is counted from.

    Raises
    ------
    InvalidText, TooLarge
        If it cannot be remembered.
    """
    text = checked(document.text, f"Document {document.title or document.id or document.uri or ''}".rstrip())
    blocks = _markdown(text) if document.media_type in MARKDOWN else _paragraphs(text)
    return [
        _passage(document, block, namespace, position, now)
        for position, block in enumerate(_packed(blocks))
        if block.text.strip()
    ]


def _passage(document: Document, block: Block, namespace: Namespace, position: int, now: datetime) -> Content:
    at = document.at or now
    described = {"title": document.title, "heading": " > ".join(block.heading) or None}
    return Content(
        namespace=namespace,
        kind=Kind.DOCUMENT,
        payload=Plaintext(text=block.text, media_type=document.media_type),
        occurred=None if document.at is None else Interval.instant(document.at),
        times=tuple(find_times(block.text, said_at=at)),
        entities=find_names(block.text),
        metadata=json_object({**document.metadata, **{name: value for name, value in described.items() if value}}),
        provenance=Provenance(
            origin=Origin.DOCUMENT,
            source_id=document.id or document.uri,
            source_uri=document.uri,
            session=document.id or document.uri,
            position=position,
        ),
        governance=Governance(trust=Trust.of(Origin.DOCUMENT)),
    )


def _paragraphs(text: str) -> Iterator[Block]:
    for match in re.finditer(r"(?:[^\n]*\S[^\n]*\n?|\A\s+)+\s*", text):
        yield Block(match.group(), ())


def _markdown(text: str) -> Iterator[Block]:
    """Blocks of Markdown: a heading begins one, a blank line ends one, a code fence is one."""
    headings: list[str] = []
    lines: list[str] = []
    fence: str | None = None
    for line in text.splitlines(keepends=True):
        opened = _FENCE.match(line)
        heading = _HEADING.match(line) if fence is None else None
        if heading and "".join(lines).strip():
            yield Block("".join(lines), tuple(headings))
            lines = []
        if heading:
            headings = [*headings[: len(heading[1]) - 1], heading[2]]
        lines.append(line)
        if fence is not None:
            fence = None if opened and opened[1].startswith(fence) else fence
        elif opened:
            fence = opened[1]
        elif not line.strip():
            yield Block("".join(lines), tuple(headings))
            lines = []
    if lines:
        yield Block("".join(lines), tuple(headings))


def _packed(blocks: Iterator[Block]) -> Iterator[Block]:
    """Fill passages with whole blocks under one heading; a block that is too long is cut at sentences."""
    waiting: Block | None = None
    for block in blocks:
        together = (waiting is not None and waiting.heading == block.heading) or (waiting and not waiting.text.strip())
        if waiting and together and len(waiting.text) + len(block.text) <= TARGET:
            waiting = Block(waiting.text + block.text, block.heading)
            continue
        if waiting:
            yield from _cut(waiting)
        waiting = block
    if waiting:
        yield from _cut(waiting)


def _cut(block: Block) -> Iterator[Block]:
    start = 0
    while len(block.text) - start > TARGET:
        ends = [match.end() for match in _SENTENCE_END.finditer(block.text, start, start + TARGET)]
        end = ends[-1] if ends else start + TARGET
        yield Block(block.text[start:end], block.heading)
        start = end
    yield Block(block.text[start:], block.heading)
