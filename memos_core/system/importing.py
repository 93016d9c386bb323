"""Importing: what others wrote, checked whole, then written in batches of bounded size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Union

from memos_core.cube.clock import HybridClock
from memos_core.cube.frozen import Frozen
from memos_core.cube.memcube import Content
from memos_core.cube.message import Document, Message, Note
from memos_core.cube.namespace import NamespaceLike
from memos_core.cube.namespace import namespace as parse_namespace
from memos_core.errors import InvalidInput
from memos_core.infrastructure.clock import SystemClock
from memos_core.infrastructure.exchange.importers import Item, Noted, PassedOver, Said, Written
from memos_core.infrastructure.exchange.importers.source import located
from memos_core.infrastructure.vault.gate import check as check_batch
from memos_core.interface.reader.read import read as read_contents
from memos_core.operation.author import Author
from memos_core.operation.erasure import is_marked
from memos_core.operation.writer import Progress
from memos_core.ports import Batch, Vault

if TYPE_CHECKING:
    from memos_core.system import MemOS

WINDOW = 256  # messages held at a time; those of one conversation among them become one transaction

Chunk = Union[Document, list[Message], list[Note]]


class Imported(Frozen):
    """What an import did, or would do.

    Attributes
    ----------
    messages, documents, notes
        How many were read.
    written, unchanged, superseded
        Memories that are new or changed, those that were there already, and those of the first that replaced another.
    erased
        Memories that were left out, because they were erased here.
    passed_over
        Where something held nothing to remember, and why.
    """

    messages: int = 0
    documents: int = 0
    notes: int = 0
    written: int = 0
    unchanged: int = 0
    superseded: int = 0
    erased: int = 0
    passed_over: tuple[tuple[str, str], ...] = ()

    @property
    def taken(self) -> int:
        """How many items were read."""
        return self.messages + self.documents + self.notes


def check(items: Iterable[Item], *, namespace: NamespaceLike) -> Imported:
    """Count what an import would take in, and let every item pass the checks that a vault makes.

    Raises
    ------
    InvalidInput
        For the first that does not pass, by file and line; or if there is nothing to remember.
    """
    now, address = SystemClock().now(), parse_namespace(namespace)
    author = Author("check", HybridClock(SystemClock().now))
    counted = _Count()
    for item in counted.noting(items):
        what = _content(item)
        with located(item.where):
            contents = read_contents(what, namespace=address, session=None, previous=None, actor=None, now=now)
            check_batch(Batch([author.put(author.new_id(), content) for content in contents]), None)
        counted.add(what)
    found = counted.result()
    if not found.taken:
        raise InvalidInput(detail="There is nothing to remember in it.")
    return found


def take_in(
    memos: MemOS, items: Iterable[Item], *, namespace: NamespaceLike, total: int = 0, progress: Progress | None = None
) -> Imported:
    """Write what an importer reads. Running it twice stores nothing twice, and nothing that was erased comes back.

    Parameters
    ----------
    items
        What :func:`memos_core.infrastructure.exchange.importers.read` gives, or a function of
        :mod:`memos_core.infrastructure.exchange.importers.frameworks`.
    total
        How many there are, if that is known.
    progress
        Called with the number of items written, and in all.

    Raises
    ------
    InvalidInput
        For what cannot be remembered. What came before it is stored; :func:`check` finds it before anything is.
    """
    counted, address = _Count(), parse_namespace(namespace)
    for session, what in _chunks(counted.noting(items)):
        added = memos._add(what, address, session=session, wanted=partial(counted.wants, memos._whole))  # noqa: SLF001 - of one package
        counted.written += len(added.written)
        counted.unchanged += len(added.unchanged)
        counted.superseded += sum(bool(cube.parents) for cube in added.written)
        counted.add(what)
        if progress:
            progress(counted.result().taken, total)
    return counted.result()


class _Count:
    """Counts while items go by."""

    def __init__(self) -> None:
        self.kinds = {Message: 0, Document: 0, Note: 0}
        self.written = self.unchanged = self.superseded = self.erased = 0
        self.passed_over: list[tuple[str, str]] = []

    def noting(self, items: Iterable[Item]) -> Iterator[Said | Written | Noted]:
        """Items without those that are passed over, which are noted."""
        for item in items:
            if isinstance(item, PassedOver):
                self.passed_over.append((item.where, item.why))
            else:
                yield item

    def wants(self, vault: Vault, content: Content) -> bool:
        """Say whether something may come in: what was erased stays out."""
        is_erased = is_marked(content, vault)
        self.erased += is_erased
        return not is_erased

    def add(self, what: Chunk) -> None:
        """Count what was taken."""
        several = what if isinstance(what, list) else [what]
        self.kinds[type(several[0])] += len(several)

    def result(self) -> Imported:
        """What there is so far."""
        return Imported(
            messages=self.kinds[Message],
            documents=self.kinds[Document],
            notes=self.kinds[Note],
            written=self.written,
            unchanged=self.unchanged,
            superseded=self.superseded,
            erased=self.erased,
            passed_over=tuple(self.passed_over),
        )


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
