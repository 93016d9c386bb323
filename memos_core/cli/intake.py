"""From a file into a memory: checked whole, then written in batches of bounded size."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Union

from memos_core.cli.output import counted
from memos_core.cube.clock import HybridClock
from memos_core.cube.message import Document, Message, Note
from memos_core.cube.namespace import namespace as parse_namespace
from memos_core.errors import InvalidInput
from memos_core.infrastructure.clock import SystemClock
from memos_core.infrastructure.exchange.importers import Item, Noted, PassedOver, Said, Written, detect, read
from memos_core.infrastructure.exchange.importers.source import located
from memos_core.infrastructure.vault.gate import check as check_batch
from memos_core.interface.context import printable
from memos_core.interface.reader.read import read as read_contents
from memos_core.operation.author import Author
from memos_core.ports import Batch

if TYPE_CHECKING:
    from memos_core.system import MemOS

WINDOW = 256  # messages held at a time; those of one conversation among them become one transaction
MAX_NAMED = 5  # passed-over items that are told by name

Chunk = Union[Document, list[Message], list[Note]]


@dataclass
class Imported:
    """What an import did.

    Attributes
    ----------
    written, unchanged, superseded
        Memories that are new or changed, those that were there already, and those of the first that replaced another.
    passed_over
        What held nothing to remember, and why.
    """

    path: str
    format: str
    messages: int = 0
    documents: int = 0
    notes: int = 0
    written: int = 0
    unchanged: int = 0
    superseded: int = 0
    passed_over: list[dict[str, str]] = field(default_factory=list)


def check(path: Path, form: str | None, *, namespace: str) -> int:
    """Count what an import would take in, and let every item pass the checks that a vault makes.

    Raises
    ------
    InvalidInput
        For the first that does not pass, by file and line; or if there is nothing to remember.
    """
    now, address = SystemClock().now(), parse_namespace(namespace)
    author = Author("check", HybridClock(SystemClock().now))
    total = 0
    for item in read(path, form):
        if isinstance(item, PassedOver):
            continue
        what = _content(item)
        with located(item.where):
            contents = read_contents(what, namespace=address, session=None, previous=None, actor=None, now=now)
            check_batch(Batch([author.put(author.new_id(), content) for content in contents]), None)
        total += 1
    if not total:
        raise InvalidInput(detail=f"There is nothing to remember in {path}.")
    return total


def take_in(memos: MemOS, path: Path, form: str | None, *, namespace: str, advance: Callable[[int], None]) -> Imported:
    """Write what a file holds.

    Parameters
    ----------
    advance
        Called with the number of messages and documents done.
    """
    result = Imported(path=str(path), format=form or detect(path))
    for session, what in _chunks(_noting(read(path, form), result)):
        added = memos.add(what, namespace=namespace, session=session)
        result.written += len(added.written)
        result.unchanged += len(added.unchanged)
        result.superseded += sum(bool(cube.parents) for cube in added.written)
        if isinstance(what, Document):
            result.documents += 1
        elif isinstance(what[0], Note):
            result.notes += len(what)
        else:
            result.messages += len(what)
        advance(result.messages + result.documents + result.notes)
    return result


def summarised(result: Imported) -> str:
    """What was done, in words."""
    kinds = ((result.messages, "message"), (result.documents, "document"), (result.notes, "note"))
    read_in = [counted(count, name) for count, name in kinds if count]
    replaced = f" ({result.superseded:,} in place of an older version)" if result.superseded else ""
    lines = [
        f"Read {' and '.join(read_in)} from {printable(result.path)}.",
        f"{counted(result.written, 'memory', 'memories')} written{replaced}, {result.unchanged:,} there already.",
    ]
    if result.passed_over:
        named = [f"{printable(item['where'])} ({item['why']})" for item in result.passed_over[:MAX_NAMED]]
        more = len(result.passed_over) - len(named)
        lines.append(f"Passed over: {', '.join(named)}{f' and {more:,} more' if more else ''}.")
    return "\n".join(lines)


def _noting(items: Iterable[Item], result: Imported) -> Iterator[Said | Written | Noted]:
    for item in items:
        if isinstance(item, PassedOver):
            result.passed_over.append(item._asdict())
        else:
            yield item


def _chunks(items: Iterable[Said | Written | Noted]) -> Iterator[tuple[str | None, Chunk]]:
    """Documents one by one, messages in windows, by conversation, and notes in windows."""
    said: dict[str, list[Message]] = {}
    noted: list[Note] = []
    for item in items:
        if isinstance(item, Written):
            yield None, item.document
        elif isinstance(item, Said):
            said.setdefault(item.session, []).append(item.message)
        else:
            noted.append(item.note)
        if sum(map(len, said.values())) >= WINDOW:
            yield from said.items()
            said = {}
        if len(noted) >= WINDOW:
            yield None, noted
            noted = []
    yield from said.items()
    if noted:
        yield None, noted


def _content(item: Said | Written | Noted) -> Chunk:
    if isinstance(item, Said):
        return [item.message]
    return item.document if isinstance(item, Written) else [item.note]
