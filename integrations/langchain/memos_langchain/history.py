"""The history of one conversation, kept in a memory word for word."""

from __future__ import annotations

import asyncio
import json
import re
import uuid
from collections.abc import Iterator, Sequence
from typing import Any

from langchain_core.chat_history import BaseChatMessageHistory
from langchain_core.messages import BaseMessage, message_to_dict, messages_from_dict

from memos_core import MemCube, MemOS, Message
from memos_langchain.identity import Namespace
from memos_langchain.listing import listed

#: Metadata that hold the message as LangChain had it.
MESSAGE = "langchain_message"
#: Bytes of a picture or a sound in JSON: nothing is found by them.
BYTES = re.compile(r'"[^"\\\s]{200,}"')
ROLES = {"human": "user", "ai": "assistant", "system": "system", "tool": "tool", "function": "tool"}


class MemOSChatMessageHistory(BaseChatMessageHistory):
    """A ``BaseChatMessageHistory`` whose messages are memories: what was said here is recalled elsewhere.

    Messages come back as they were added, with tool calls, blocks of content and ids.

    Parameters
    ----------
    memos
        The memory.
    namespace
        Whose memory it is; every conversation of it can be asked by ``memos.search`` and all else that recalls.
    session
        The conversation.

    Examples
    --------
    >>> from memos_core import MemOS
    >>> memos = MemOS.open(":memory:")
    >>> history = MemOSChatMessageHistory(memos, namespace="ana", session="monday")
    >>> history.add_user_message("The spare key is under the flower pot")
    >>> [message.content for message in MemOSChatMessageHistory(memos, namespace="ana", session="monday").messages]
    ['The spare key is under the flower pot']
    """

    def __init__(self, memos: MemOS, *, namespace: Namespace, session: str) -> None:
        self._memos = memos
        self._namespace = namespace
        self._session = session

    @property
    def messages(self) -> list[BaseMessage]:  # type: ignore[override]  # LangChain declares an attribute, and its own override it so
        """The messages, in the order in which they were added."""
        cubes = sorted(self._cubes(), key=lambda cube: cube.provenance.position or 0)
        return messages_from_dict([cube.metadata[MESSAGE] for cube in cubes])

    def add_messages(self, messages: Sequence[BaseMessage]) -> None:
        """Add messages, all or none; one whose id is there takes its place.

        Raises
        ------
        InvalidInput
            If one cannot be remembered.
        """
        if messages:
            said = [self._said(message) for message in messages]
            self._memos.add(said, namespace=self._namespace, session=self._session)

    def clear(self) -> None:
        """Erase the messages of this conversation for ever."""
        self._memos.erase([cube.id for cube in self._cubes()], reason="the conversation was cleared")

    async def aget_messages(self) -> list[BaseMessage]:
        """As :attr:`messages`, in a worker thread."""
        return await asyncio.to_thread(lambda: self.messages)

    async def aadd_messages(self, messages: Sequence[BaseMessage]) -> None:
        """As :meth:`add_messages`, in a worker thread."""
        await asyncio.to_thread(self.add_messages, messages)

    async def aclear(self) -> None:
        """As :meth:`clear`, in a worker thread."""
        await asyncio.to_thread(self.clear)

    def _said(self, message: BaseMessage) -> Message:
        """A message as the memory takes it; one without words, such as a call of a tool, stands by its content."""
        whole: dict[str, Any] = message_to_dict(message)
        beside = json.dumps(getattr(message, "tool_calls", None) or message.content, ensure_ascii=False)
        words = message.text.strip() or BYTES.sub('"..."', beside)
        return Message(
            content=str(words),
            role=ROLES.get(message.type, message.type),
            name=message.name,
            id=f"{self._session}/{message.id or uuid.uuid4()}",
            metadata={MESSAGE: whole},
        )

    def _cubes(self) -> Iterator[MemCube]:
        """The messages that were added here; others of the session, such as a middleware's, are none."""
        where = {MESSAGE: {"$ne": None}}
        return listed(self._memos, self._namespace, exact=True, session=self._session, where=where)
