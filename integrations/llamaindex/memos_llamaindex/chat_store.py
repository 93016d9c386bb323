"""A LlamaIndex chat store in a memory: conversations word for word, and what was said in them is recalled."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from uuid import uuid4

from llama_index.core.base.llms.types import ChatMessage, MessageRole
from llama_index.core.storage.chat_store.base import BaseChatStore
from pydantic import ConfigDict, Field

from memos_core import MemCube, MemOS, Message
from memos_llamaindex.nodes import listed

#: Metadata that hold the message as LlamaIndex had it.
MESSAGE = "llamaindex_message"
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
            self._erase(held[same:])
            self._add(key, messages[same:])

    def get_messages(self, key: str) -> list[ChatMessage]:
        """The messages of a conversation, in their order."""
        return [_message(cube) for cube in self._cubes(key)]

    def add_message(self, key: str, message: ChatMessage) -> None:
        """Add a message at the end of a conversation.

        Raises
        ------
        InvalidInput
            If it cannot be remembered.
        """
        self._add(key, [message])

    def delete_messages(self, key: str) -> list[ChatMessage] | None:
        """Erase a conversation for ever; say what was in it, or ``None``."""
        return self._taken(self._cubes(key)) or None

    def delete_message(self, key: str, idx: int) -> ChatMessage | None:
        """Erase one message for ever, by its place, which may count from the end; say what it was, or ``None``."""
        held = self._cubes(key)
        return self._taken([held[idx]])[0] if -len(held) <= idx < len(held) else None

    def delete_last_message(self, key: str) -> ChatMessage | None:
        """Erase the last message for ever; say what it was, or ``None``."""
        return self.delete_message(key, -1)

    def get_keys(self) -> list[str]:
        """The conversations, sorted."""
        return sorted({cube.provenance.session or "" for cube in self._listed()})

    def _listed(self, **filters: str) -> Iterator[MemCube]:
        """The messages that were added here; others of the namespace, such as a memory's, are none."""
        return listed(self.memos, self.namespace, where={MESSAGE: {"$ne": None}}, **filters)

    def _cubes(self, key: str) -> list[MemCube]:
        return sorted(self._listed(session=key), key=lambda cube: cube.provenance.position or 0)

    def _add(self, key: str, messages: Sequence[ChatMessage]) -> None:
        if messages:
            said = [_said(message, key) for message in messages]
            self.memos.add(said, namespace=self.namespace, session=key)

    def _taken(self, cubes: Sequence[MemCube]) -> list[ChatMessage]:
        self._erase(cubes)
        return [_message(cube) for cube in cubes]

    def _erase(self, cubes: Sequence[MemCube]) -> None:
        if cubes:
            self.memos.erase([cube.id for cube in cubes], reason="deleted through LlamaIndex")


def _said(message: ChatMessage, key: str) -> Message:
    """A message as the memory takes it; one without words, such as a call of a tool, stands by what it carries."""
    whole = message.model_dump(mode="json")
    words = (message.content or "").strip() or json.dumps({**whole, "role": None}, ensure_ascii=False)
    role = ROLES.get(message.role, message.role.value)
    return Message(content=words, role=role, id=f"{key}/{uuid4().hex}", metadata={MESSAGE: whole})


def _message(cube: MemCube) -> ChatMessage:
    return ChatMessage.model_validate(cube.metadata[MESSAGE])
