"""LlamaIndex's own models as the model of MemOS."""

from __future__ import annotations

import json
from typing import Any

import pytest
from llama_index.core.llms import CompletionResponse, CompletionResponseGen, CustomLLM, LLMMetadata, MockLLM

from memos_core.errors import ChatModelFailed
from memos_core.infrastructure.models.chat import as_chat_model
from memos_core.ports import Turn
from memos_core.prompting.budget import Budget
from memos_core.prompting.rewrite import rewrite
from memos_core.prompting.streaming import stream

TURNS = [Turn("system", "Be brief."), Turn("user", "Who?")]
ANSWER = json.dumps({"wordings": ["Where is Ana's home?"]})


class Scripted(CustomLLM):
    """Answers one thing, with the counts of tokens that LlamaIndex's OpenAI model gives; without one, raises."""

    answer: str | None = ANSWER

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(model_name="scripted")

    def complete(self, prompt: str, formatted: bool = False, **options: Any) -> CompletionResponse:
        if self.answer is None:
            raise ConnectionError("no route to the model")
        return CompletionResponse(text=self.answer, additional_kwargs={"prompt_tokens": 9, "completion_tokens": 2})

    def stream_complete(self, prompt: str, formatted: bool = False, **options: Any) -> CompletionResponseGen:
        raise NotImplementedError


def test_a_model_of_llamaindex_answers_a_prompt() -> None:
    budget = Budget(calls=1, tokens=10_000)
    found = rewrite(as_chat_model(Scripted()), "Where does Ana live?", budget=budget)
    assert found == ["Where does Ana live?", "Where is Ana's home?"]
    assert budget.tokens_spent == 11


def test_it_is_asked_with_the_turns_as_one_text() -> None:
    reply = as_chat_model(MockLLM()).complete(TURNS, max_tokens=5)  # it repeats what it is asked
    assert reply.text == "Be brief.\n\nWho?"
    assert reply.input_tokens > 0


def test_what_a_model_raises_is_told_as_one_error_with_its_cause() -> None:
    with pytest.raises(ChatModelFailed, match="ConnectionError: no route to the model") as caught:
        as_chat_model(Scripted(answer=None)).complete(TURNS, max_tokens=5)
    assert isinstance(caught.value.__cause__, ConnectionError)


class Streaming(Scripted):
    """Gives its answer word by word, with or without saying what each adds."""

    says_deltas: bool = True

    def stream_complete(self, prompt: str, formatted: bool = False, **options: Any) -> CompletionResponseGen:
        whole = ""
        for word in ("Ana ", "is ", "here"):
            whole += word
            yield CompletionResponse(text=whole, delta=word if self.says_deltas else None)
        if self.answer is None:
            raise ConnectionError("no route to the model")


@pytest.mark.parametrize("says_deltas", [True, False])
def test_a_reply_comes_in_the_pieces_that_the_model_gives(says_deltas: bool) -> None:
    model = as_chat_model(Streaming(says_deltas=says_deltas))
    assert list(stream(model, TURNS, max_tokens=5)) == ["Ana ", "is ", "here"]
    broken = stream(as_chat_model(Streaming(answer=None)), TURNS, max_tokens=5)
    assert [next(broken) for _ in range(3)] == ["Ana ", "is ", "here"]
    with pytest.raises(ChatModelFailed, match="no route"):
        next(broken)


def test_a_model_that_cannot_stream_gives_one_piece() -> None:
    assert list(stream(as_chat_model(Scripted(answer="Ana")), TURNS, max_tokens=5)) == ["Ana"]
