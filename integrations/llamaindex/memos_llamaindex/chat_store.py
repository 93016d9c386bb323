"""LlamaIndex's chat stores in a memory: conversations word for word, and what was said in them is recalled."""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta, timezone
from operator import itemgetter
from typing import Any
from uuid import uuid4

from llama_index.core.base.llms.types import ChatMessage, MessageRole
from llama_index.core.storage.chat_store.base import BaseChatStore
from llama_index.core.storage.chat_store.base_db import AsyncDBChatStore, MessageStatus
from llama_index.core.storage.chat_store.sql import SQLAlchemyChatStore
from pydantic import ConfigDict, Field

from memos_core import MemCube, MemOS, Message
from memos_llamaindex.nodes import listed, place

#: Metadata: the message as LlamaIndex had it, and where it stands in the queue of a ``Memory``.
MESSAGE, STATUS = "llamaindex_message", "llamaindex_status"
Namespace = str | tuple[str, ...]
#: Bytes of a picture or a sound in JSON: nothing is found by them.
BYTES = re.compile(r'"[^"\\\s]{200,}"')
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
ROLES = {MessageRole.CHATBOT: "assistant", MessageRole.MODEL: "assistant", MessageRole.FUNCTION: "tool"}


class MemOSChatStore(BaseChatStore):
    """A ``BaseChatStore`` over a memory: ``ChatMemoryBuffer.from_defaults(chat_store=..., chat_store_key="monday")``.

    Messages come back whole, with tool calls, blocks and what else they carry. Those that are deleted or replaced are
    erased for ever. The async side runs in worker threads.

    Parameters
    ----------
    memos
        The open memory.
    namespace
        Whose memory it is; every conversation of it can be asked by ``memos.search`` and all else that recalls.

    Examples
    --------
    >>> from memos_core import MemOS
    >>> memos = MemOS.open(":memory:")
    >>> store = MemOSChatStore(memos=memos, namespace="ana")
    >>> store.add_message("monday", ChatMessage("The spare key is under the flower pot"))
    >>> [message.content for message in store.get_messages("monday")]
    ['The spare key is under the flower pot']
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    memos: MemOS = Field(exclude=True)
    namespace: str | tuple[str, ...]

    @classmethod
    def class_name(cls) -> str:
        """Name under which LlamaIndex knows it."""
        return "MemOSChatStore"

    def set_messages(self, key: str, messages: list[ChatMessage]) -> None:
        """Replace a conversation, all or nothing; the beginning that it has already stays as it is."""
        with self.memos.transaction():
            held = self._cubes(key)
            same = 0
            while same < min(len(held), len(messages)) and _message(held[same]) == messages[same]:
                same += 1
            _taken(self.memos, held[same:])
            self._add(key, messages[same:])

    def get_messages(self, key: str) -> list[ChatMessage]:
        """The messages of a conversation, in their order."""
        return [_message(cube) for cube in self._cubes(key)]

    def add_message(self, key: str, message: ChatMessage, idx: int | None = None) -> None:
        """Add a message at the end of a conversation, or before the one at a place.

        Raises
        ------
        InvalidInput
            If it cannot be remembered.
        """
        if idx is None:
            self._add(key, [message])
            return
        with self.memos.transaction():
            messages = self.get_messages(key)
            messages.insert(idx, message)
            self.set_messages(key, messages)

    def delete_messages(self, key: str) -> list[ChatMessage] | None:
        """Erase a conversation for ever; say what was in it, or ``None``."""
        return _taken(self.memos, self._cubes(key)) or None

    def delete_message(self, key: str, idx: int) -> ChatMessage | None:
        """Erase one message for ever, by its place, which may count from the end; say what it was, or ``None``."""
        held = self._cubes(key)
        return _taken(self.memos, [held[idx]])[0] if -len(held) <= idx < len(held) else None

    def delete_last_message(self, key: str) -> ChatMessage | None:
        """Erase the last message for ever; say what it was, or ``None``."""
        return self.delete_message(key, -1)

    def get_keys(self) -> list[str]:
        """The conversations, sorted."""
        return sorted({cube.provenance.session or "" for cube in _listed(self.memos, self.namespace, {})})

    def _cubes(self, key: str) -> list[MemCube]:
        return conversation(self.memos, self.namespace, key)

    def _add(self, key: str, messages: Sequence[ChatMessage]) -> None:
        said = [_said(message, key) for message in messages]
        if said:
            self.memos.add(said, namespace=self.namespace, session=key)


class MemOSAsyncChatStore(AsyncDBChatStore):
    """The chat store of LlamaIndex's ``Memory``: ``Memory.from_defaults(session_id="monday", chat_store=...)``.

    It keeps messages as :class:`MemOSChatStore` does, and the two can share conversations. What ``Memory`` pushes out
    of its queue is marked, stays in the memory and is recalled. What it deletes is erased for ever, and
    ``Memory.reset()`` deletes all of its conversation, ``areset(MessageStatus.ACTIVE)`` the queue only. All of it runs
    in worker threads.

    Parameters
    ----------
    memos
        The open memory.
    namespace
        Whose memory it is.

    Examples
    --------
    >>> from llama_index.core.memory import Memory
    >>> from memos_core import MemOS
    >>> memos = MemOS.open(":memory:")
    >>> store = MemOSAsyncChatStore(memos=memos, namespace="ana")
    >>> Memory.from_defaults(session_id="monday", chat_store=store).put(ChatMessage("The key is under the pot"))
    >>> [message.content for message in Memory.from_defaults(session_id="monday", chat_store=store).get()]
    ['The key is under the pot']
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    memos: MemOS = Field(exclude=True)
    namespace: str | tuple[str, ...]

    @classmethod
    def class_name(cls) -> str:
        """Name under which LlamaIndex knows it."""
        return "MemOSAsyncChatStore"

    async def get_messages(
        self,
        key: str,
        status: MessageStatus | None = MessageStatus.ACTIVE,
        limit: int | None = None,
        offset: int | None = None,
    ) -> list[ChatMessage]:
        """The messages of a conversation, in their order; with ``status=None`` those that were pushed out, too."""
        held = (await self._held(key, status))[offset or 0 :]
        return [_message(cube) for cube in held[:limit]]

    async def count_messages(self, key: str, status: MessageStatus | None = MessageStatus.ACTIVE) -> int:
        """How many messages :meth:`get_messages` gives."""
        return len(await self._held(key, status))

    async def add_message(self, key: str, message: ChatMessage, status: MessageStatus = MessageStatus.ACTIVE) -> None:
        """Add a message at the end of a conversation.

        Raises
        ------
        InvalidInput
            If it cannot be remembered.
        """
        await self.add_messages(key, [message], status)

    async def add_messages(
        self, key: str, messages: list[ChatMessage], status: MessageStatus = MessageStatus.ACTIVE
    ) -> None:
        """Add messages at the end of a conversation, all or none."""
        said = [_said(message, key, status) for message in messages]
        if said:
            await asyncio.to_thread(self.memos.add, said, namespace=self.namespace, session=key)

    async def set_messages(
        self, key: str, messages: list[ChatMessage], status: MessageStatus = MessageStatus.ACTIVE
    ) -> None:
        """Replace a conversation, with what was pushed out of it; the beginning that it has already stays."""

        def replace() -> None:
            with self.memos.transaction():
                self._kept().set_messages(key, messages)
                self._mark(conversation(self.memos, self.namespace, key), status)

        await asyncio.to_thread(replace)

    async def delete_message(self, key: str, idx: int) -> ChatMessage | None:
        """Erase one message for ever, by its place in the queue; say what it was, or ``None``."""
        held = await self._held(key)
        return (await self._erased([held[idx]]))[0] if -len(held) <= idx < len(held) else None

    async def delete_messages(self, key: str, status: MessageStatus | None = None) -> None:
        """Erase a conversation for ever, or what of it has a status."""
        await self._erased(await self._held(key, status))

    async def delete_oldest_messages(self, key: str, n: int) -> list[ChatMessage]:
        """Erase the oldest messages of the queue for ever; say what they were."""
        return await self._erased((await self._held(key))[:n])

    async def archive_oldest_messages(self, key: str, n: int) -> list[ChatMessage]:
        """Mark the oldest messages of the queue as pushed out; say what they are."""
        oldest = (await self._held(key))[:n]
        await asyncio.to_thread(self._mark, oldest, MessageStatus.ARCHIVED)
        return [_message(cube) for cube in oldest]

    async def get_keys(self) -> list[str]:
        """The conversations, sorted."""
        return await asyncio.to_thread(self._kept().get_keys)

    async def take_in(self, other: SQLAlchemyChatStore) -> int:
        """Copy all conversations of LlamaIndex's own store, a ``Memory``'s ``sql_store``; say how many messages.

        Messages keep the times at which they were put, and what was pushed out stays so. Done again, it copies what has
        come since.

        Raises
        ------
        InvalidInput
            If a message cannot be kept; of its conversation none is copied then.
        """
        rows = await other._dump_db_data()  # noqa: SLF001  # nothing public of LlamaIndex's tells the times
        said: dict[str, list[Message]] = {}
        at_once: Counter[tuple[str, int]] = Counter()
        for row in sorted(rows, key=itemgetter("timestamp")):
            key, timestamp = row["key"], row["timestamp"]
            name = f"{timestamp}-{at_once[key, timestamp]}"
            at_once[key, timestamp] += 1
            message = ChatMessage.model_validate(row["data"])
            at = EPOCH + timedelta(microseconds=timestamp // 1000)
            said.setdefault(key, []).append(_said(message, key, MessageStatus(row["status"]), name=name, at=at))
        for key, messages in said.items():
            await asyncio.to_thread(self.memos.add, messages, namespace=self.namespace, session=key)
        return len(rows)

    def _kept(self) -> MemOSChatStore:
        return MemOSChatStore(memos=self.memos, namespace=self.namespace)

    async def _held(self, key: str, status: MessageStatus | None = MessageStatus.ACTIVE) -> list[MemCube]:
        return await asyncio.to_thread(conversation, self.memos, self.namespace, key, status)

    async def _erased(self, cubes: Sequence[MemCube]) -> list[ChatMessage]:
        return await asyncio.to_thread(_taken, self.memos, cubes)

    def _mark(self, cubes: Iterable[MemCube], status: MessageStatus) -> None:
        with self.memos.transaction():
            for cube in cubes:
                if cube.metadata.get(STATUS, MessageStatus.ACTIVE.value) != status.value:
                    self.memos.update(cube.id, metadata={**cube.metadata, STATUS: status.value})


def conversation(memos: MemOS, namespace: Namespace, key: str, status: MessageStatus | None = None) -> list[MemCube]:
    """The messages of a conversation that a chat store has, in their order, or those with a status."""
    archived = MessageStatus.ARCHIVED.value
    wanted: dict[MessageStatus | None, dict[str, Any]] = {
        None: {},
        MessageStatus.ACTIVE: {STATUS: {"$ne": archived}},
        MessageStatus.ARCHIVED: {STATUS: archived},
    }
    return sorted(_listed(memos, namespace, wanted[status], session=key), key=place)


def _listed(memos: MemOS, namespace: Namespace, where: dict[str, Any], **filters: str) -> Iterator[MemCube]:
    """What chat stores have; other memories of the namespace are no messages."""
    return listed(memos, namespace, where={MESSAGE: {"$ne": None}, **where}, **filters)


def _taken(memos: MemOS, cubes: Sequence[MemCube]) -> list[ChatMessage]:
    """Erase messages for ever; say what they were."""
    if cubes:
        memos.erase([cube.id for cube in cubes], reason="deleted through LlamaIndex")
    return [_message(cube) for cube in cubes]


def _said(
    message: ChatMessage,
    key: str,
    status: MessageStatus = MessageStatus.ACTIVE,
    *,
    name: str | None = None,
    at: datetime | None = None,
) -> Message:
    """A message as the memory takes it; one without words, such as a call of a tool, stands by what it carries."""
    whole = message.model_dump(mode="json")
    beside = json.dumps({**whole, "role": None}, ensure_ascii=False)
    words = (message.content or "").strip() or BYTES.sub('"..."', beside)
    role = ROLES.get(message.role, message.role.value)
    about = {MESSAGE: whole} if status is MessageStatus.ACTIVE else {MESSAGE: whole, STATUS: status.value}
    return Message(content=words, role=role, at=at, id=f"{key}/{name or uuid4().hex}", metadata=about)


def _message(cube: MemCube) -> ChatMessage:
    return ChatMessage.model_validate(cube.metadata[MESSAGE])
