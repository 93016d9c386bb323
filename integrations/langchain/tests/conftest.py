from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatResult

from memos_core import MemOS
from memos_core.testing.clock import ManualClock
from memos_core.testing.embedders import HashingEmbedder


class Scripted(GenericFakeChatModel):
    """Answers by script, and keeps what it was shown."""

    shown: list[list[BaseMessage]] = []  # noqa: RUF012  # pydantic copies it for every instance

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        self.shown.append(messages)
        return super()._generate(messages, *args, **kwargs)

    def bind_tools(self, tools: Any, **kwargs: Any) -> "Scripted":
        return self


@dataclass
class Caller:
    """The context of a run."""

    user_id: str


@pytest.fixture
def memos() -> Iterator[MemOS]:
    with MemOS.open(":memory:", embedder=HashingEmbedder()) as opened:
        yield opened


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def model() -> Callable[..., Scripted]:
    """Makes a model of what it is to answer: texts, or calls of a tool by its name and arguments."""

    def made(*answers: str | AIMessage | tuple[str, dict[str, Any]]) -> Scripted:
        return Scripted(messages=iter([answered(answer, str(n)) for n, answer in enumerate(answers)]))

    def answered(answer: str | AIMessage | tuple[str, dict[str, Any]], name: str) -> AIMessage:
        if isinstance(answer, tuple):
            return AIMessage("", tool_calls=[{"name": answer[0], "args": answer[1], "id": name}])
        return AIMessage(answer) if isinstance(answer, str) else answer

    return made


@pytest.fixture
def caller() -> type[Caller]:
    return Caller
