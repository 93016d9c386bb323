"""A LlamaIndex memory: the recent messages as they are, and what fits the question from all that was ever said."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from llama_index.core.base.llms.types import ChatMessage, MessageRole
from llama_index.core.memory import BaseMemory
from llama_index.core.utils import get_tokenizer
from pydantic import Field, PrivateAttr

from memos_core import MemCube, MemOS, Message

#: What was said in words; system prompts, tool calls and tool results stay in the conversation only.
REMEMBERED = frozenset({MessageRole.USER, MessageRole.ASSISTANT, MessageRole.CHATBOT})


class MemOSMemory(BaseMemory):
    """Memory for a chat engine or an agent: ``memory=MemOSMemory.from_defaults(memos, namespace="ana")``.

    What is put is remembered at once. ``get`` gives one system message with the memories that fit the question,
    then the latest messages of this conversation.

    Parameters
    ----------
    namespace
        Whose memory it is.
    session
        Name of the conversation. With the name of an earlier one, its messages are there again.
    token_limit
        For the latest messages, in tokens of LlamaIndex's tokenizer; at least the last one is always given.
    recall_tokens
        For recalled memories, in tokens of the memory's embedder.

    Examples
    --------
    >>> from llama_index.core.base.llms.types import ChatMessage
    >>> from memos_core import MemOS
    >>> memory = MemOSMemory.from_defaults(MemOS.open(":memory:"), namespace="ana")
    >>> memory.put(ChatMessage("My sister lives in Lisbon"))
    >>> [message.role.value for message in memory.get("Where does my sister live?")]
    ['system', 'user']
    """

    namespace: str | tuple[str, ...]
    session: str | None = None
    token_limit: int = Field(default=3000, ge=1)
    recall_tokens: int = Field(default=1000, ge=1)

    _memos: MemOS = PrivateAttr()
    _history: list[ChatMessage] = PrivateAttr(default_factory=list)
    _tokenize: Callable[[str], Sequence[Any]] = PrivateAttr(default_factory=get_tokenizer)

    @classmethod
    def class_name(cls) -> str:
        """Name under which LlamaIndex knows it."""
        return "MemOSMemory"

    @classmethod
    def from_defaults(cls, memos: MemOS | None = None, **kwargs: Any) -> MemOSMemory:
        """Make a memory over an open vault; further arguments are the parameters of the class.

        Raises
        ------
        ValueError
            If there is no vault.
        """
        if memos is None:
            raise ValueError("MemOSMemory needs an open memory: MemOSMemory.from_defaults(memos, namespace=...)")
        memory = cls(**kwargs)
        memory._memos = memos
        memory._history = memory._earlier()
        return memory

    def get(self, input: str | None = None, **kwargs: Any) -> list[ChatMessage]:  # noqa: A002, ARG002  # LlamaIndex's
        """What a model should see: recalled memories, then the latest messages.

        Parameters
        ----------
        input
            The question; by default the user's latest message.
        """
        latest = self._latest()
        question = input or next((m.content for m in reversed(latest) if m.role is MessageRole.USER), None)
        if not question or not question.strip():
            return latest
        recalled = self._memos.context(question, namespace=self.namespace, max_tokens=self.recall_tokens).text
        return [ChatMessage(recalled, role=MessageRole.SYSTEM), *latest] if recalled else latest

    def get_all(self) -> list[ChatMessage]:
        """All messages of this conversation."""
        return list(self._history)

    def put(self, message: ChatMessage) -> None:
        """Add a message to the conversation, and remember it if it is words."""
        self._remember([message])
        self._history.append(message)

    def set(self, messages: list[ChatMessage]) -> None:
        """Replace the conversation; of its messages, those that are new are remembered."""
        present = Counter(map(_key, self._history))
        new = []
        for message in messages:
            if present[_key(message)]:
                present[_key(message)] -= 1
            else:
                new.append(message)
        self._remember(new)
        self._history = list(messages)

    def reset(self, *, long_term: bool = False) -> None:
        """Begin the conversation anew. What was remembered stays, unless ``long_term`` archives this session's."""
        if long_term:
            for cube in self._cubes():
                self._memos.forget(cube.id, reason="the conversation was reset")
        self._history = []

    def _remember(self, messages: Sequence[ChatMessage]) -> None:
        said = [
            Message(content=message.content, role="user" if message.role is MessageRole.USER else "assistant")
            for message in messages
            if message.role in REMEMBERED and message.content and message.content.strip()
        ]
        if said:
            self._memos.add(said, namespace=self.namespace, session=self.session)

    def _earlier(self) -> list[ChatMessage]:
        ordered = sorted(self._cubes(), key=lambda cube: cube.provenance.position or 0)
        return [ChatMessage(cube.text, role=MessageRole(cube.provenance.role or "user")) for cube in ordered]

    def _cubes(self) -> list[MemCube]:
        """What this session has in the memory."""
        if self.session is None:
            return []
        found: list[MemCube] = []
        while True:
            page = self._memos.list(
                namespace=self.namespace, exact=True, session=self.session, kinds=["episode"], offset=len(found)
            )
            found += page
            if not page:
                return found

    def _latest(self) -> list[ChatMessage]:
        """The longest tail of the conversation within the limit, without the results of a tool call that is cut off."""
        kept: list[ChatMessage] = []
        left = self.token_limit
        for message in reversed(self._history):
            left -= len(self._tokenize(message.content or ""))
            if left < 0 and kept:
                break
            kept.insert(0, message)
        while len(kept) > 1 and kept[0].role is MessageRole.TOOL:
            kept.pop(0)
        return kept


def _key(message: ChatMessage) -> str:
    return message.model_dump_json()
