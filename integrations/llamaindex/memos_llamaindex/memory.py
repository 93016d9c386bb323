"""A LlamaIndex memory: the recent messages as they are, and what fits the question from all that was ever said."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any
from uuid import uuid4

from llama_index.core.base.llms.types import (
    AudioBlock,
    ChatMessage,
    CitableBlock,
    ContentBlock,
    DocumentBlock,
    ImageBlock,
    MessageRole,
    TextBlock,
    VideoBlock,
)
from llama_index.core.memory import BaseMemory
from llama_index.core.utils import get_tokenizer
from pydantic import ConfigDict, Field, PrivateAttr

from memos_core import MemCube, MemOS, Message
from memos_core.errors import InvalidInput
from memos_llamaindex.nodes import listed, place

#: What was said in words; system prompts, tool calls and tool results stay in the conversation only.
REMEMBERED = {
    MessageRole.USER: "user",
    MessageRole.ASSISTANT: "assistant",
    MessageRole.CHATBOT: "assistant",
    MessageRole.MODEL: "assistant",
}
#: What a model must not see first: it answers something that was cut off.
ANSWERS = frozenset(MessageRole) - {MessageRole.USER, MessageRole.SYSTEM, MessageRole.DEVELOPER}
#: Tokens of a picture, a sound or a film, and of a document, as LlamaIndex's ``Memory`` estimates them.
MEDIUM, DOCUMENT = 256, 2048


class MemOSMemory(BaseMemory):
    """Memory for a chat engine or an agent: ``memory=MemOSMemory.from_defaults(memos, namespace="ana")``.

    What is put is remembered at once. ``get`` gives one system message with the memories that fit the question,
    then the latest messages of this conversation.

    Parameters
    ----------
    memos
        The open memory.
    namespace
        Whose memory it is.
    session
        Name of the conversation. With the name of an earlier one, its messages are there again.
    token_limit
        For the latest messages, in tokens of ``tokenizer_fn``; the last turn is given however long it is.
    recall_tokens
        For recalled memories, in tokens of the memory's embedder.
    tokenizer_fn
        Cuts a text into tokens; by default LlamaIndex's.

    Examples
    --------
    >>> from llama_index.core.base.llms.types import ChatMessage
    >>> from memos_core import MemOS
    >>> memos = MemOS.open(":memory:")
    >>> added = memos.add("My sister lives in Lisbon", namespace="ana")
    >>> memory = MemOSMemory.from_defaults(memos, namespace="ana")
    >>> memory.put(ChatMessage("Where does my sister live?"))
    >>> [message.role.value for message in memory.get()]
    ['system', 'user']
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    memos: MemOS = Field(exclude=True)
    namespace: str | tuple[str, ...]
    session: str = Field(default_factory=lambda: uuid4().hex)
    token_limit: int = Field(default=3000, ge=1)
    recall_tokens: int = Field(default=1000, ge=1)
    tokenizer_fn: Callable[[str], Sequence[Any]] = Field(default_factory=get_tokenizer, exclude=True)

    _history: list[ChatMessage] = PrivateAttr(default_factory=list)
    #: Ids of what this session has in the memory, by what was said.
    _remembered: dict[tuple[str, str], list[str]] = PrivateAttr(default_factory=dict)

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
            If there is no vault, or an argument is not valid.
        """
        if memos is None:
            raise ValueError("MemOSMemory needs an open memory: MemOSMemory.from_defaults(memos, namespace=...)")
        return cls(memos=memos, **kwargs)

    def model_post_init(self, context: Any, /) -> None:
        """Take up the conversation where the memory has it."""
        super().model_post_init(context)
        for cube in sorted(self._cubes(), key=place):
            message = ChatMessage(cube.text, role=MessageRole(cube.provenance.role or "user"))
            self._history.append(message)
            self._remembered.setdefault(_said(message), []).append(cube.source_ids[0])

    def get(
        self,
        input: str | ChatMessage | None = None,  # noqa: A002  # LlamaIndex's name
        initial_token_count: int = 0,
        **kwargs: Any,  # noqa: ARG002  # LlamaIndex's signature
    ) -> list[ChatMessage]:
        """What a model should see: recalled memories, then the latest messages.

        Parameters
        ----------
        input
            The question; by default the user's latest message.
        initial_token_count
            Of ``token_limit``, so many tokens are used already.

        Raises
        ------
        InvalidInput
            If more than all of them are.
        """
        if initial_token_count > self.token_limit:
            detail = f"initial_token_count is {initial_token_count}, and token_limit only {self.token_limit}."
            raise InvalidInput(detail=detail)
        latest = self._latest(self.token_limit - initial_token_count)
        asked = input.content if isinstance(input, ChatMessage) else input
        question = asked or next((m.content for m in reversed(latest) if m.role is MessageRole.USER), None)
        if not question or not question.strip():
            return latest
        shown = [source for message in latest for source in self._remembered.get(_said(message), ())]
        recalled = self.memos.context(
            question, namespace=self.namespace, max_tokens=self.recall_tokens, shown=shown
        ).text
        return [ChatMessage(recalled, role=MessageRole.SYSTEM), *latest] if recalled else latest

    def get_all(self) -> list[ChatMessage]:
        """All messages of this conversation."""
        return list(self._history)

    def put(self, message: ChatMessage) -> None:
        """Add a message to the conversation, and remember it if it is words."""
        self._remember([message])
        self._history.append(message)

    def put_messages(self, messages: list[ChatMessage]) -> None:
        """Add messages to the conversation, and remember those that are words."""
        self._remember(messages)
        self._history += messages

    def set(self, messages: list[ChatMessage]) -> None:
        """Replace the conversation; of its messages, those that this session did not have are remembered."""
        had = {said: len(ids) for said, ids in self._remembered.items()}
        new = []
        for message in messages:
            said = _said(message)
            if had.get(said, 0):
                had[said] -= 1
            else:
                new.append(message)
        self._remember(new)
        self._history = list(messages)

    def reset(self, *, long_term: bool = False) -> None:
        """Begin the conversation anew. What was remembered stays, unless ``long_term`` archives this session's."""
        if long_term:
            for cube in self._cubes():
                self.memos.forget(cube.id, reason="the conversation was reset")
            self._remembered.clear()
        self._history = []

    def _remember(self, messages: Iterable[ChatMessage]) -> None:
        words = [message for message in messages if is_words(message)]
        if not words:
            return
        said = [Message(content=message.content, role=REMEMBERED[message.role]) for message in words]
        added = self.memos.add(said, namespace=self.namespace, session=self.session)
        for message, cube in zip(words, added.written, strict=True):
            self._remembered.setdefault(_said(message), []).append(cube.source_ids[0])

    def _cubes(self) -> list[MemCube]:
        """What this session has in the memory."""
        return [*listed(self.memos, self.namespace, session=self.session, kinds=["episode"])]

    def _latest(self, limit: int) -> list[ChatMessage]:
        """The longest tail of the conversation within a limit that begins with no answer; at least the last turn."""
        start, left = len(self._history), limit
        while start and (left := left - self._tokens(self._history[start - 1])) >= 0:
            start -= 1
        if start == 0:
            return list(self._history)
        begins = [index for index, message in enumerate(self._history) if message.role not in ANSWERS]
        first = next((index for index in begins if index >= start), begins[-1] if begins else -1)
        return self._history[first:]

    def _tokens(self, message: ChatMessage) -> int:
        beside = len(self.tokenizer_fn(str(message.additional_kwargs))) if message.additional_kwargs else 0
        return beside + sum(map(self._size, message.blocks))

    def _size(self, block: ContentBlock) -> int:
        match block:
            case TextBlock():
                return len(self.tokenizer_fn(block.text))
            case ImageBlock() | AudioBlock() | VideoBlock():
                return MEDIUM
            case DocumentBlock():
                return DOCUMENT
            case CitableBlock():
                return sum(map(self._size, block.content))
            case _:  # calls of tools, thoughts, and what else there may be
                return len(self.tokenizer_fn(block.model_dump_json()))


def is_words(message: ChatMessage) -> bool:
    """Say whether a message is something that the user or the assistant said in words."""
    return message.role in REMEMBERED and bool(message.content and message.content.strip())


def _said(message: ChatMessage) -> tuple[str, str]:
    """Who said what; the same in the conversation and in the memory."""
    return REMEMBERED.get(message.role, message.role.value), message.content or ""
