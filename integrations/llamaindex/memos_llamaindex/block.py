"""A memory block: long-term memory inside LlamaIndex's own ``Memory``."""

from __future__ import annotations

import asyncio
from typing import Any

from llama_index.core.base.llms.types import ChatMessage, MessageRole
from llama_index.core.memory import BaseMemoryBlock
from llama_index.core.storage.chat_store.base_db import MessageStatus
from llama_index.core.utils import get_tokenizer
from pydantic import Field
from typing_extensions import Self

from memos_core import MemOS, Message
from memos_llamaindex.chat_store import conversation
from memos_llamaindex.memory import REMEMBERED, is_words

SPARE = 0.9  # of the share that should do, since two tokenizers count


class Recalled(str):
    """What was recalled, with what was asked and in which conversation: for a shorter answer to it."""

    __slots__ = ("question", "session")
    question: str
    session: str | None

    def __new__(cls, text: str, question: str, session: str | None) -> Self:
        """Note the question at its answer."""
        made = super().__new__(cls, text)
        made.question, made.session = question, session
        return made


class MemOSMemoryBlock(BaseMemoryBlock[str]):
    """Recalls what fits the last question, and remembers what LlamaIndex's ``Memory`` pushes out of the conversation.

    ``Memory`` passes on only what no longer fits its ``token_limit``: a short conversation never gets here. Where it is
    to be remembered at once, give ``Memory`` a :class:`MemOSAsyncChatStore` as well: what that has is not remembered
    again, and what stands in the conversation is not recalled.

    Parameters
    ----------
    memos
        The open memory.
    namespace
        Whose memory it is.
    recall_tokens
        For recalled memories, in tokens of the memory's embedder.

    Examples
    --------
    >>> from llama_index.core.memory import Memory
    >>> from memos_core import MemOS
    >>> block = MemOSMemoryBlock(memos=MemOS.open(":memory:"), namespace="ana")
    >>> memory = Memory.from_defaults(memory_blocks=[block])
    """

    name: str = "long_term_memory"
    description: str | None = "What was said in earlier conversations."
    priority: int = 1
    memos: MemOS = Field(exclude=True)
    namespace: str | tuple[str, ...]
    recall_tokens: int = Field(default=1000, ge=1)

    async def _aget(
        self,
        messages: list[ChatMessage] | None = None,
        session_id: str | None = None,
        **block_kwargs: Any,  # noqa: ARG002  # LlamaIndex's
    ) -> str:
        asked = [each.content for each in messages or () if each.role is MessageRole.USER and each.content]
        if not asked or not (question := asked[-1].strip()):
            return ""
        return await asyncio.to_thread(self._recalled, question, session_id, self.recall_tokens)

    async def _aput(self, messages: list[ChatMessage]) -> None:
        words = [message for message in messages if is_words(message)]
        if words:
            await asyncio.to_thread(self._remember, words)

    async def atruncate(self, content: str, tokens_to_truncate: int) -> str | None:
        """Recall less: the least fitting memories go first, and none is cut but the last one left.

        Parameters
        ----------
        content
            What was recalled.
        tokens_to_truncate
            By so many of LlamaIndex's tokens it must become shorter.
        """
        if not isinstance(content, Recalled):
            return None
        count = get_tokenizer()
        has = len(count(content))
        allowed, budget = has - tokens_to_truncate, self.recall_tokens
        while allowed > 0 and budget >= 1:
            budget = int(budget * SPARE * min(1.0, allowed / has))
            shorter = (
                await asyncio.to_thread(self._recalled, content.question, content.session, budget) if budget else ""
            )
            has = len(count(shorter))
            if not shorter or has <= allowed:
                return shorter or None
        return None

    def _recalled(self, question: str, session: str | None, tokens: int) -> Recalled:
        queue = conversation(self.memos, self.namespace, session, MessageStatus.ACTIVE) if session else ()
        shown = [cube.source_ids[0] for cube in queue]
        found = self.memos.context(question, namespace=self.namespace, max_tokens=tokens, shown=shown)
        return Recalled(found.text, question, session)

    def _remember(self, messages: list[ChatMessage]) -> None:
        by_session: dict[str | None, list[Message]] = {}
        for message in messages:
            said = Message(content=(message.content or "").strip(), role=REMEMBERED[message.role])
            by_session.setdefault(message.additional_kwargs.get("session_id"), []).append(said)
        with self.memos.transaction():
            for session, spoken in by_session.items():
                kept = conversation(self.memos, self.namespace, session) if session else ()
                there = {cube.text for cube in kept}
                if new := [said for said in spoken if said.content not in there]:
                    self.memos.add(new, namespace=self.namespace, session=session)
