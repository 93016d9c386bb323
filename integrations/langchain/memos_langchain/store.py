"""A LangGraph store: long-term memory behind the interface that agents and langmem use."""

from __future__ import annotations

import asyncio
import threading
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from itertools import groupby, islice
from typing import Any

from langgraph.store.base import (
    BaseStore,
    GetOp,
    InvalidNamespaceError,
    Item,
    ListNamespacesOp,
    Op,
    PutOp,
    Result,
    SearchItem,
    SearchOp,
    TTLConfig,
    validate_op_namespace,
)

from memos_core import MemCube, MemOS, MemOSError, MemOSWarning, Note, State
from memos_core.errors import CubeNotFound, InvalidInput, InvalidNamespace, VaultClosed
from memos_langchain.filters import holds, split
from memos_langchain.items import INDEXED, TTL, Labels, escaped, in_utc, item_of, matches, note, unescaped
from memos_langchain.listing import PAGE, listed

#: Hits asked of the memory, in turn, until a search has enough. Up to the first number, fewer hits are the
#: beginning of more; so the pages of a search fit together.
STEPS = (50, 1000)
#: Part of its time to live that an item must have used before a read writes down that it begins anew.
WORN = 0.01
FORGOTTEN = (State.ARCHIVED, State.MERGED)


class MemOSStore(BaseStore):
    """A ``BaseStore`` over a memory; every item is a cube with a history.

    Parameters
    ----------
    memos
        The memory. Its embedder makes the vectors: ``MemOS.open(path, embedder=...)`` takes yours.
    namespace
        Where in it the store lives; items of other namespaces are out of its reach.
    fields
        Paths of the values that are searched by meaning, such as ``"text"``, ``"notes[*].title"``; ``"$"`` is the whole
        value. ``put(index=...)`` overrides it; with ``index=False`` an item is found by its key and by filters only.
    ttl
        How long items last, as LangGraph has it. Without ``omit_expired`` what has expired is out of sight at once;
        with ``omit_expired=False`` it is seen until it is swept.

    Notes
    -----
    Operations of one batch are carried out as LangGraph's own stores do: reads see nothing of the batch's writes, and
    the last put of a key counts. Puts of one batch into one namespace are one transaction. Putting a key again makes a
    new version; deleting erases it for ever. All of it may be used from several threads and event loops.

    Examples
    --------
    >>> from memos_core import MemOS
    >>> store = MemOSStore(MemOS.open(":memory:"))
    >>> store.put(("users", "ana"), "food", {"text": "Ana loves ramen"})
    >>> store.search(("users",), query="what does Ana eat?")[0].key
    'food'
    """

    supports_ttl = True

    def __init__(
        self,
        memos: MemOS,
        *,
        namespace: str | Labels = "langgraph",
        fields: Sequence[str] = ("$",),
        ttl: TTLConfig | None = None,
    ) -> None:
        self.ttl_config = ttl
        self._memos = memos
        self._root = tuple(namespace.split("/")) if isinstance(namespace, str) else namespace
        self._fields = (fields,) if isinstance(fields, str) else tuple(fields)
        #: What of expired items is seen.
        self._seen: dict[str, Any] = {"expired": True} if (ttl or {}).get("omit_expired") is False else {}
        self._sweeper: threading.Thread | None = None
        self._stop = threading.Event()

    def batch(self, ops: Iterable[Op]) -> list[Result]:
        """Carry out operations; one result each, in order.

        Raises
        ------
        InvalidNamespaceError
            If a label is not valid, or an item is put nowhere; nothing is carried out then.
        InvalidInput
            If a key is empty, a value is not JSON or a time to live is none; nothing is written then.
        """
        listed = list(ops)
        for op in listed:
            validate_op_namespace(op)
            if isinstance(op, PutOp) and not op.namespace:
                raise InvalidNamespaceError("Namespace cannot be empty.")
        try:
            results = [None if isinstance(op, PutOp) else self._read(op) for op in listed]
            self._write({(tuple(op.namespace), op.key): op for op in listed if isinstance(op, PutOp)}.values())
        except InvalidNamespace as error:
            raise InvalidNamespaceError(str(error)) from error
        return results

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        """As :meth:`batch`, in a worker thread. What has begun when it is cancelled is carried out to its end."""
        return await asyncio.to_thread(self.batch, list(ops))

    # -- writing

    def take_in(self, other: BaseStore) -> int:
        """Copy all items of another store, with the times at which they were made and changed; say how many there are.

        Done again, it takes over what has changed there. What is searched of them and how long they last is for this
        store to say, since no store tells it. From an event loop: ``await asyncio.to_thread(store.take_in, other)``.

        Raises
        ------
        InvalidInput, InvalidNamespace
            For an item that the memory cannot hold. Of the items changed before it, some are here then; the rest comes
            when it is done again.
        """
        found: list[Item] = []
        while page := other.search((), limit=PAGE, offset=len(found), refresh_ttl=False):
            found += page
        found.sort(key=lambda item: in_utc(item.updated_at))  # so that the latest change is the latest here, too
        ttl = (self.ttl_config or {}).get("default_ttl")
        for start in range(0, len(found), PAGE):
            with self._memos.transaction():
                for address, items in groupby(found[start : start + PAGE], lambda item: self._address(item.namespace)):
                    self._keep([self._moved(item, ttl) for item in items], address, ttl)
        return len(found)

    def _moved(self, item: Item, ttl: float | None) -> Note:
        put = PutOp(item.namespace, item.key, item.value, ttl=ttl)
        made, now = in_utc(item.created_at), in_utc(item.updated_at)
        return note(put, item.value, fields=self._fields, now=now, made=made)

    def _write(self, puts: Iterable[PutOp]) -> None:
        gone: dict[Labels, list[str]] = {}
        kept: dict[tuple[Labels, float | None], list[Note]] = {}
        now = self._memos.clock.now()
        for put in puts:
            if put.value is None:
                gone.setdefault(tuple(put.namespace), []).append(put.key)
            else:
                made = note(put, put.value, fields=self._fields, now=now)
                kept.setdefault((self._address(put.namespace), put.ttl), []).append(made)
        for (address, ttl), notes in kept.items():
            self._keep(notes, address, ttl)
        for namespace, keys in gone.items():
            found = self._cubes(namespace, states=list(State), expired=True, exact=True, source_ids=keys)
            self._memos.erase([cube.id for cube in found], reason="deleted through LangGraph")

    def _keep(self, notes: Sequence[Note], address: Labels, ttl: float | None) -> None:
        added = self._memos.add(notes, namespace=address, ttl=None if ttl is None else timedelta(minutes=ttl))
        for cube in (*added.written, *added.unchanged):
            if cube.state in FORGOTTEN:
                self._memos.revive(cube.id, reason="put again")

    # -- reading

    def _read(self, op: Op) -> Result:
        match op:
            case GetOp():
                found = list(self._cubes(op.namespace, exact=True, source_ids=[op.key], **self._seen))
                return self._shown(found, refresh=op.refresh_ttl)[0] if found else None
            case SearchOp():
                return self._search(op)
            case ListNamespacesOp():
                return self._namespaces(op)
            case _:
                raise ValueError(f"{type(op).__name__} is no operation of a store")

    def _search(self, op: SearchOp) -> list[SearchItem]:
        if min(op.limit, op.offset) < 0:
            raise InvalidInput(detail=f"limit and offset must be 0 or more, and are {op.limit} and {op.offset}.")
        where, rest = split(op.filter)
        found: Iterable[tuple[MemCube, float | None]]
        if op.query and op.query.strip():
            enough = STEPS[0] if rest else op.offset + op.limit
            found = self._ranked(op.namespace_prefix, op.query, {**where, INDEXED: True}, enough)
        else:
            found = ((cube, None) for cube in self._cubes(op.namespace_prefix, where=where, **self._seen))
        passing = (pair for pair in found if holds(rest, pair[0].metadata["value"]))
        page = list(islice(passing, op.offset, op.offset + op.limit))
        items = self._shown([cube for cube, _ in page], refresh=op.refresh_ttl)
        return [
            SearchItem(item.namespace, item.key, item.value, item.created_at, item.updated_at, score)
            for item, (_, score) in zip(items, page, strict=True)
        ]

    def _ranked(
        self, namespace: Labels, query: str, where: Mapping[str, Any], enough: int
    ) -> Iterator[tuple[MemCube, float | None]]:
        """All items that are searched by meaning: ranked ones, and after the last of those the rest."""
        seen: set[str] = set()
        address = self._address(namespace)
        for limit in (max(1, min(enough, STEPS[0])), *STEPS[1:]):
            hits = self._memos.search(query, namespace=address, limit=limit, where=where, **self._seen)
            new = [hit for hit in hits if hit.cube.id not in seen]
            seen.update(hit.cube.id for hit in new)
            yield from ((hit.cube, hit.score) for hit in new)
            if len(hits) < limit:
                break
        unranked = self._cubes(namespace, where=where, **self._seen)
        yield from ((cube, None) for cube in unranked if cube.id not in seen)

    def _cubes(self, namespace: Labels, *, where: Mapping[str, Any] | None = None, **scope: Any) -> Iterator[MemCube]:
        """Items below a namespace; memories that others put there are none."""
        return listed(self._memos, self._address(namespace), where={INDEXED: {"$ne": None}, **(where or {})}, **scope)

    def _namespaces(self, op: ListNamespacesOp) -> list[Labels]:
        return list(islice(self._holding(op), op.offset, op.offset + op.limit))

    def _holding(self, op: ListNamespacesOp) -> Iterator[Labels]:
        """Namespaces that hold items and fit, cut to their depth, each once, sorted."""
        before: Labels = ()
        held = self._memos.namespaces(namespace=self._root, where={INDEXED: {"$ne": None}}, **self._seen)
        for labels in sorted(map(self._labels, held)):
            shown = labels[: op.max_depth]
            if labels and shown != before and all(matches(test, labels) for test in op.match_conditions or ()):
                before = shown
                yield shown

    # -- time to live

    def sweep_ttl(self) -> int:
        """Erase for ever what has expired; say how many items."""
        with self._memos.transaction():  # so that no reader makes one of them last longer in between
            gone = [cube.id for cube in self._lapsed()]
            self._memos.erase(gone, reason="its time to live is over")
        return len(gone)

    def start_ttl_sweeper(self, sweep_interval_minutes: float | None = None) -> None:
        """Sweep in a thread, at once and then again and again. What fails is a ``MemOSWarning``, and is tried again.

        Parameters
        ----------
        sweep_interval_minutes
            Between two rounds; by default that of the store's ``ttl``.

        Raises
        ------
        InvalidInput
            If there is none, or it is not positive.
        """
        every = sweep_interval_minutes or (self.ttl_config or {}).get("sweep_interval_minutes")
        if not every or every <= 0:
            raise InvalidInput(detail=f"sweep_interval_minutes must be a number above 0, and is {every!r}.")
        self.stop_ttl_sweeper()
        self._stop = threading.Event()
        self._sweeper = threading.Thread(target=self._sweep, args=(self._stop, every * 60), daemon=True)
        self._sweeper.start()

    def stop_ttl_sweeper(self) -> None:
        """Stop it, when its round is over; harmless when there is none."""
        self._stop.set()
        if self._sweeper is not None:
            self._sweeper.join()
            self._sweeper = None

    def _sweep(self, stop: threading.Event, seconds: float) -> None:
        while True:
            try:
                self.sweep_ttl()
            except VaultClosed:
                return
            except MemOSError as error:
                warnings.warn(MemOSWarning(f"Expired items were not swept: {error}"), stacklevel=2)
            if stop.wait(seconds):
                return

    def _lapsed(self) -> Iterator[MemCube]:
        """Items whose time is over and that are not swept."""
        now, states = self._memos.clock.now(), [state for state in State if state is not State.FROZEN]
        for cube in self._cubes((), where={TTL: {"$gt": 0}}, states=states, expired=True):
            ends = cube.governance.expires_at
            if ends is not None and ends <= now:
                yield cube

    def _shown(self, cubes: Sequence[MemCube], *, refresh: bool) -> list[Item]:
        """Cubes as items; their time begins anew."""
        worn = [cube for cube in cubes if refresh and self._is_worn(cube)]
        if worn:
            with self._memos.transaction():
                for cube in worn:
                    with suppress(CubeNotFound):  # deleted since it was read
                        self._memos.set_lifespan(cube.id, ttl=timedelta(minutes=cube.metadata[TTL]))
        return [item_of(cube, self._labels(cube.namespace)) for cube in cubes]

    def _is_worn(self, cube: MemCube) -> bool:
        """Say whether a read must be written down, for it to make an item last longer by more than a little."""
        ends, minutes = cube.governance.expires_at, cube.metadata.get(TTL)
        if ends is None or minutes is None:
            return False
        left = ends - self._memos.clock.now()
        return timedelta(0) < left < (1 - WORN) * timedelta(minutes=minutes)

    # -- addresses

    def _address(self, labels: Labels) -> Labels:
        return (*self._root, *map(escaped, labels))

    def _labels(self, address: Labels) -> Labels:
        return tuple(unescaped(label) for label in address[len(self._root) :])
