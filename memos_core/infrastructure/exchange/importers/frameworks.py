"""Stores of other frameworks, read as they are: by what they can do, so that none of them need be installed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timezone
from typing import Any, Protocol

from memos_core.cube.message import Message, Note
from memos_core.errors import InvalidInput
from memos_core.infrastructure.exchange.importers.records import told
from memos_core.infrastructure.exchange.importers.source import Item, Noted, PassedOver, Said

PAGE = 100  # items at a time
WORDS = ("text", "content", "memory", "data", "value", "fact")  # fields that hold what an item says


class Store(Protocol):
    """What is asked of a LangGraph ``BaseStore``."""

    def search(self, namespace_prefix: tuple[str, ...], /, *, limit: int, offset: int) -> Sequence[Any]:
        """Items below a namespace."""
        ...


class ChatStore(Protocol):
    """What is asked of a LlamaIndex ``BaseChatStore``."""

    def get_keys(self) -> list[str]:
        """Names of conversations."""
        ...

    def get_messages(self, key: str) -> list[Any]:
        """The messages of one."""
        ...


def langgraph_store(store: Store, *namespace: str) -> Iterator[Item]:
    """Read the items of a LangGraph store, from a namespace on.

    Raises
    ------
    InvalidInput
        If something in it cannot be remembered.
    """
    offset = 0
    while page := store.search(namespace, limit=PAGE, offset=offset):
        for item in page:
            path = "/".join((*item.namespace, item.key))
            with told(path):
                yield _item(item, path)
        offset += len(page)


def llamaindex_chat_store(store: ChatStore) -> Iterator[Item]:
    """Read the conversations of a LlamaIndex chat store.

    Raises
    ------
    InvalidInput
        If something in it cannot be remembered.
    """
    for key in store.get_keys():
        for number, found in enumerate(store.get_messages(key), 1):
            where = f"{key}, message {number}"
            words = str(found.content or "")
            if not words.strip():
                yield PassedOver(where, "a message without text")
                continue
            role = str(getattr(found.role, "value", found.role))
            with told(where):
                metadata = dict(found.additional_kwargs) if _is_plain(found.additional_kwargs) else {}
                message = Message(content=words, role=role, id=f"llamaindex:{key}/{number}", metadata=metadata)
            yield Said(where, f"llamaindex:{key}", message)


def _item(item: Any, path: str) -> Item:
    if not isinstance(item.value, dict):
        raise InvalidInput(detail="The value of an item must be a mapping.")
    words = next((item.value[name] for name in WORDS if isinstance(item.value.get(name), str)), "")
    if not words.strip():
        return PassedOver(path, f"none of its fields {', '.join(WORDS)} is a text")
    metadata = {"langgraph": {"namespace": list(item.namespace), "key": item.key, "value": item.value}}
    made = item.created_at
    at = made.replace(tzinfo=timezone.utc) if made.tzinfo is None else made  # the SQLite store names no zone
    return Noted(path, Note(text=words, at=at, id=f"langgraph:{path}", metadata=metadata))


def _is_plain(fields: object) -> bool:
    """Whether these are fields that JSON has; calls of tools come as objects."""
    plain = (str, int, float, bool, type(None))
    return isinstance(fields, dict) and all(isinstance(value, plain) for value in fields.values())
