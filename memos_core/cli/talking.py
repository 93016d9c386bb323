"""A conversation with a chat model that remembers: what is recalled, answered and kept, whoever looks on."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from memos_core.cube.answer import Context
from memos_core.cube.message import Message
from memos_core.ports import Turn
from memos_core.prompting.budget import estimated_tokens

if TYPE_CHECKING:
    from memos_core.cube.memcube import MemCube
    from memos_core.ports import ChatModel, Clock
    from memos_core.system import MemOS

HISTORY = 2000  # tokens of earlier questions and answers that the model is shown again


@dataclass(frozen=True)
class Exchange:
    """A question, what was recalled for it, and what was answered.

    Attributes
    ----------
    stopped
        The answer was broken off.
    remembered
        The memories that the two became.
    """

    question: str
    asked: datetime
    recalled: Context
    answer: str = ""
    stopped: bool = False
    remembered: tuple[MemCube, ...] = ()

    def document(self) -> dict[str, Any]:
        """As programs read it."""
        return {
            "question": self.question,
            "memories": self.recalled.hits,
            "answer": self.answer,
            "stopped": self.stopped,
            "remembered": [cube.id for cube in self.remembered],
        }


class Talk:
    """A conversation, with the memory of one namespace.

    Parameters
    ----------
    session
        Its name.
    speaker
        The name of the person, if it is known.
    recall_tokens, reply_tokens
        Limits of what is recalled for a question, and of an answer.
    """

    def __init__(
        self,
        memos: MemOS,
        model: ChatModel,
        *,
        namespace: str,
        session: str,
        clock: Clock,
        speaker: str | None = None,
        recall_tokens: int,
        reply_tokens: int,
    ) -> None:
        self.memos, self.model, self.namespace, self.session = memos, model, namespace, session
        self._clock, self._speaker = clock, speaker
        self._recall_tokens, self._reply_tokens = recall_tokens, reply_tokens
        self.exchanges: list[Exchange] = []

    def begin(self, question: str) -> Exchange:
        """Take a question."""
        return Exchange(question, self._clock.now(), Context(text="", hits=(), tokens=0))

    def recall(self, exchange: Exchange) -> Exchange:
        """Find what is remembered of a question, but for what the model sees anyway."""
        seen = [name for each in self._in_mind() for cube in each.remembered for name in cube.source_ids]
        recalled = self.memos.context(
            exchange.question, namespace=self.namespace, max_tokens=self._recall_tokens, shown=seen
        )
        return replace(exchange, recalled=recalled)

    def answer(self, exchange: Exchange) -> Iterator[str]:
        """Ask the model; its answer in pieces."""
        from memos_core.prompting.conversation import conversation
        from memos_core.prompting.streaming import stream

        turns = conversation(exchange.question, exchange.recalled.text, history=list(self._history()))
        return stream(self.model, turns, max_tokens=self._reply_tokens)

    def keep(self, exchange: Exchange, answer: str, *, stopped: bool) -> Exchange:
        """Remember a question and what was said to it, as far as it came. Ctrl-C waits until that is done."""
        turns = [Message(role="user", name=self._speaker, content=exchange.question, at=exchange.asked)]
        if answer.strip():
            said = {"stopped": True} if stopped else {}
            turns.append(
                Message(role="assistant", name=self.model.name, content=answer, at=self._clock.now(), metadata=said)
            )
        with undisturbed():
            added = self.memos.add(turns, namespace=self.namespace, session=self.session)
        done = replace(exchange, answer=answer, stopped=stopped, remembered=(*added.written, *added.unchanged))
        self.exchanges.append(done)
        return done

    def take_back(self) -> Exchange | None:
        """Forget the last question and answer; ``None`` if there is none."""
        if not self.exchanges:
            return None
        for cube in self.exchanges[-1].remembered:
            self.memos.forget(cube.id, reason="taken back in a chat")
        return self.exchanges.pop()

    def _in_mind(self) -> list[Exchange]:
        """The latest exchanges, as far as the model is shown them again."""
        kept, tokens = list[Exchange](), 0
        for exchange in reversed(self.exchanges):
            tokens += estimated_tokens(exchange.question) + estimated_tokens(exchange.answer)
            if tokens > HISTORY:
                break
            kept.append(exchange)
        return kept[::-1]

    def _history(self) -> Iterator[Turn]:
        for exchange in self._in_mind():
            yield Turn("user", exchange.question)
            yield Turn("assistant", exchange.answer or "(broken off)")


@contextmanager
def undisturbed() -> Iterator[None]:
    """Let Ctrl-C do nothing for a moment."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
