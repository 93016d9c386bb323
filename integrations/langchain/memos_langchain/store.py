"""A LangGraph store: long-term memory behind the interface that agents and langmem use."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any
from urllib.parse import quote, unquote

from langgraph.store.base import (
    BaseStore,
    GetOp,
    InvalidNamespaceError,
    Item,
    ListNamespacesOp,
    MatchCondition,
    Op,
    PutOp,
    Result,
    SearchItem,
    SearchOp,
    get_text_at_path,
    validate_op_namespace,
)

from memos_core import MemCube, MemOS, Message
from memos_core.errors import InvalidInput, InvalidNamespace
from memos_langchain.filters import holds, split

Labels = tuple[str, ...]

#: Hits asked of the memory, in turn, until a search has enough. Up to the first number, fewer hits are the
#: beginning of more; so the pages of a search fit together.
STEPS = (50, 1000)
PAGE = 200


class MemOSStore(BaseStore):
    """A ``BaseStore`` over a memory; every item is a cube with a history.

    Parameters
    ----------
    memos
        The memory.
    namespace
        Where in it the store lives; items of other namespaces are out of its reach.
    fields
        Paths of the values that are searched by meaning; ``"$"`` is the whole value. ``put(index=...)`` overrides it;
        with ``index=False`` an item is found by its key and by filters only.

    Notes
    -----
    Operations of one batch are carried out as LangGraph's own stores do: reads see nothing of the batch's writes, and
    the last put of a key counts. Each put is a transaction of its own. Putting a key again makes a new version;
    deleting erases it for ever.

    Examples
    --------
    >>> from memos_core import MemOS
    >>> store = MemOSStore(MemOS.open(":memory:"))
    >>> store.put(("users", "ana"), "food", {"text": "Ana loves ramen"})
    >>> store.search(("users",), query="what does Ana eat?")[0].key
    'food'
    """

    def __init__(self, memos: MemOS, *, namespace: str | Labels = "langgraph", fields: Sequence[str] = ("$",)) -> None:
        self._memos = memos
        self._root = tuple(namespace.split("/")) if isinstance(namespace, str) else namespace
        self._fields = fields

    def batch(self, ops: Iterable[Op]) -> list[Result]:
        """Carry out operations; one result each, in order.

        Raises
        ------
        InvalidNamespaceError
            If a label is not valid; nothing is carried out then.
        NotImplementedError
            If a put has a time to live.
        InvalidInput
            If a key is empty or a value is not JSON; nothing is written then.
        """
        listed = list(ops)
        for op in listed:
            validate_op_namespace(op)
            if isinstance(op, PutOp) and op.ttl is not None:
                raise NotImplementedError("MemOSStore keeps no time to live; put the item without ttl.")
        try:
            results = [None if isinstance(op, PutOp) else self._read(op) for op in listed]
            self._write({(op.namespace, op.key): op for op in listed if isinstance(op, PutOp)}.values())
        except InvalidNamespace as error:
            raise InvalidNamespaceError(str(error)) from error
        return results

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        """As :meth:`batch`, in a worker thread."""
        return await asyncio.to_thread(self.batch, list(ops))

    # -- writing

    def _write(self, puts: Iterable[PutOp]) -> None:
        gone: dict[Labels, list[str]] = {}
        kept: list[tuple[Labels, Message]] = []
        for put in puts:
            if put.value is None:
                gone.setdefault(put.namespace, []).append(put.key)
            else:
                kept.append((self._address(put.namespace), self._message(put, put.value)))
        for address, message in kept:  # one by one: what is added together is a conversation, and items are none
            self._memos.add(message, namespace=address)
        for namespace, keys in gone.items():
            self._memos.erase([cube.id for cube in self._cubes(namespace, exact=True, source_ids=keys)])

    def _message(self, put: PutOp, value: Mapping[str, Any]) -> Message:
        if not put.key:
            raise InvalidInput(detail="A key must not be empty.")
        try:
            json.dumps(value, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise InvalidInput(detail=f"The value of {put.key!r} is not JSON: {error}") from error
        fields = self._fields if put.index is None else put.index or ()
        texts = [text for field in fields for text in _texts(value, field)]
        indexed = "\n".join(text.replace("\0", " ") for text in texts if text.strip())
        metadata = {"value": value, "indexed": bool(indexed)}
        return Message(role="assistant", id=put.key, content=indexed or json.dumps(put.key), metadata=metadata)

    # -- reading

    def _read(self, op: Op) -> Result:
        match op:
            case GetOp():
                found = list(self._cubes(op.namespace, exact=True, source_ids=[op.key]))
                return self._item(found[0]) if found else None
            case SearchOp():
                return list(self._search(op))
            case ListNamespacesOp():
                return self._namespaces(op)
            case _:
                raise ValueError(f"{type(op).__name__} is no operation of a store")

    def _search(self, op: SearchOp) -> Iterator[SearchItem]:
        where, rest = split(op.filter)
        found: Iterable[tuple[MemCube, float | None]]
        if op.query and op.query.strip():
            enough = STEPS[0] if rest else op.offset + op.limit
            found = self._ranked(op.namespace_prefix, op.query, {**where, "indexed": True}, enough)
        else:
            found = ((cube, None) for cube in self._cubes(op.namespace_prefix, where=where))
        passing = (pair for pair in found if holds(rest, pair[0].metadata["value"]))
        for cube, score in islice(passing, op.offset, op.offset + op.limit):
            item = self._item(cube)
            yield SearchItem(item.namespace, item.key, item.value, item.created_at, item.updated_at, score)

    def _ranked(
        self, namespace: Labels, query: str, where: Mapping[str, Any], enough: int
    ) -> Iterator[tuple[MemCube, float | None]]:
        """All items that are searched by meaning: ranked ones, and after the last of those the rest."""
        seen: set[str] = set()
        for limit in (max(1, min(enough, STEPS[0])), *STEPS[1:]):
            hits = self._memos.search(query, namespace=self._address(namespace), limit=limit, where=where)
            new = [hit for hit in hits if hit.cube.id not in seen]
            seen.update(hit.cube.id for hit in new)
            yield from ((hit.cube, hit.score) for hit in new)
            if len(hits) < limit:
                break
        yield from ((cube, None) for cube in self._cubes(namespace, where=where) if cube.id not in seen)

    def _cubes(self, namespace: Labels, **filters: Any) -> Iterator[MemCube]:
        offset = 0
        while True:
            page = self._memos.list(namespace=self._address(namespace), limit=PAGE, offset=offset, **filters)
            yield from page
            if len(page) < PAGE:
                return
            offset += PAGE

    def _namespaces(self, op: ListNamespacesOp) -> list[Labels]:
        known = {self._labels(inner) for inner in self._memos.namespaces(namespace=self._root)} - {()}
        fitting = {labels for labels in known if all(_matches(test, labels) for test in op.match_conditions or ())}
        shown = sorted({labels[: op.max_depth] for labels in fitting})
        return shown[op.offset : op.offset + op.limit]

    # -- translating

    def _address(self, labels: Labels) -> Labels:
        return (*self._root, *map(_escaped, labels))

    def _labels(self, address: Labels) -> Labels:
        return tuple(unquote(label) for label in address[len(self._root) :])

    def _item(self, cube: MemCube) -> Item:
        return Item(
            value=cube.metadata["value"],
            key=cube.source_ids[0],
            namespace=self._labels(cube.namespace),
            created_at=cube.created_at,
            updated_at=cube.updated_at,
        )


def _escaped(label: str) -> str:
    """A label as the memory takes it: without slashes, and not blank."""
    return label.replace("%", "%25").replace("/", "%2F") if label.strip() else quote(label)


def _texts(value: Mapping[str, Any], field: str) -> list[str]:
    if field == "$":
        return [
            f"{name}: {part if isinstance(part, str) else json.dumps(part, ensure_ascii=False)}"
            for name, part in value.items()
        ]
    return get_text_at_path(value, field)


def _matches(condition: MatchCondition, labels: Labels) -> bool:
    path = condition.path
    if len(path) > len(labels):
        return False
    part = labels[: len(path)] if condition.match_type == "prefix" else labels[len(labels) - len(path) :]
    return all(wanted in {"*", label} for wanted, label in zip(path, part, strict=True))
