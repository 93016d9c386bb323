"""LangChain's own chat models as the model of MemOS."""

from __future__ import annotations

import json
from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.language_models.fake import FakeListLLM, FakeStreamingListLLM
from langchain_core.language_models.fake_chat_models import FakeListChatModel, GenericFakeChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from pydantic import Field

from memos_core.errors import ChatModelFailed
from memos_core.infrastructure.models.chat import as_chat_model
from memos_core.ports import Turn
from memos_core.prompting.budget import Budget
from memos_core.prompting.rewrite import rewrite
from memos_core.prompting.streaming import stream

TURNS = [Turn("system", "Be brief."), Turn("user", "Who?"), Turn("assistant", "I"), Turn("user", "No.")]
ANSWER = json.dumps({"wordings": ["Where is Ana's home?"]})


class Recording(BaseChatModel):
    """Keeps the messages it is asked with, or raises."""

    asked: list[BaseMessage] = Field(default_factory=list)
    error: bool = False

    @property
    def _llm_type(self) -> str:
        return "recording"

    def _generate(self, messages: list[BaseMessage], *args: Any, **options: Any) -> ChatResult:
        if self.error:
            raise ConnectionError("no route to the model")
        self.asked.extend(messages)
        return ChatResult(generations=[ChatGeneration(message=AIMessage("Ana"))])


@pytest.mark.parametrize("model", [FakeListChatModel(responses=[ANSWER]), FakeListLLM(responses=[ANSWER])])
def test_a_model_of_langchain_answers_a_prompt(model: Any) -> None:
    budget = Budget(calls=1, tokens=10_000)
    found = rewrite(as_chat_model(model), "Where does Ana live?", budget=budget)
    assert found == ["Where does Ana live?", "Where is Ana's home?"]
    assert budget.tokens_spent > 100


def test_blocks_of_content_are_one_text_and_its_own_count_of_tokens_is_taken() -> None:
    content: list[str | dict[Any, Any]] = [{"type": "text", "text": "An"}, {"type": "text", "text": "a"}]
    message = AIMessage(content, usage_metadata={"input_tokens": 9, "output_tokens": 2, "total_tokens": 11})
    reply = as_chat_model(GenericFakeChatModel(messages=iter([message]))).complete(TURNS, max_tokens=5)
    assert (reply.text, reply.input_tokens, reply.output_tokens) == ("Ana", 9, 2)


def test_every_turn_has_its_role() -> None:
    model = Recording()
    assert as_chat_model(model).complete(TURNS, max_tokens=5).text == "Ana"
    assert [(message.type, message.content) for message in model.asked] == [
        ("system", "Be brief."), ("human", "Who?"), ("ai", "I"), ("human", "No."),
    ]  # fmt: skip
    assert as_chat_model(model).name.endswith("Recording")


def test_what_a_model_raises_is_told_as_one_error_with_its_cause() -> None:
    with pytest.raises(ChatModelFailed, match="ConnectionError: no route to the model") as caught:
        as_chat_model(Recording(error=True)).complete(TURNS, max_tokens=5)
    assert isinstance(caught.value.__cause__, ConnectionError)


def test_a_reply_comes_in_the_pieces_that_the_model_gives() -> None:
    model = as_chat_model(GenericFakeChatModel(messages=iter([AIMessage("Ana is here")])))
    assert list(stream(model, TURNS, max_tokens=5)) == ["Ana", " ", "is", " ", "here"]
    plain = FakeStreamingListLLM(responses=["Ana"])
    assert list(stream(as_chat_model(plain), TURNS, max_tokens=5)) == ["A", "n", "a"]


def test_a_model_that_cannot_stream_gives_one_piece_and_one_that_raises_has_failed() -> None:
    assert list(stream(as_chat_model(Recording()), TURNS, max_tokens=5)) == ["Ana"]
    with pytest.raises(ChatModelFailed, match="ConnectionError: no route to the model"):
        list(stream(as_chat_model(Recording(error=True)), TURNS, max_tokens=5))
