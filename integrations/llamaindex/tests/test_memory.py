import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from llama_index.core.agent.workflow import AgentWorkflow, FunctionAgent
from llama_index.core.base.llms.types import (
    AudioBlock,
    ChatMessage,
    CitableBlock,
    DocumentBlock,
    ImageBlock,
    MessageRole,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
    VideoBlock,
)
from llama_index.core.chat_engine import ContextChatEngine, SimpleChatEngine
from llama_index.core.llms import MockLLM
from llama_index.core.llms.mock import MockFunctionCallingLLM
from llama_index.core.memory import BaseMemory
from llama_index.core.retrievers import BaseRetriever
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode
from llama_index.core.workflow import Context

from memos_core import MemOS
from memos_core.testing.embedders import HashingEmbedder
from memos_llamaindex import MemOSMemory


def user(text: str) -> ChatMessage:
    return ChatMessage(text, role=MessageRole.USER)


def assistant(text: str) -> ChatMessage:
    return ChatMessage(text, role=MessageRole.ASSISTANT)


@pytest.fixture
def memory(memos: MemOS) -> MemOSMemory:
    return MemOSMemory.from_defaults(memos, namespace="ana", session="s")


def test_it_is_a_memory(memory: MemOSMemory) -> None:
    assert isinstance(memory, BaseMemory)


def test_get_recalls_what_fits_and_then_gives_the_conversation(memos: MemOS, memory: MemOSMemory) -> None:
    memos.add("My sister Clara lives in Lisbon", namespace="ana")
    memory.put(user("Where does my sister live?"))
    recalled, asked = memory.get()
    assert recalled.role is MessageRole.SYSTEM
    assert "Clara lives in Lisbon" in (recalled.content or "")
    assert asked.content == "Where does my sister live?"


def test_a_given_question_is_the_one_that_is_asked(memos: MemOS, memory: MemOSMemory) -> None:
    memos.add("The boat is called Selma", namespace="ana")
    assert "Selma" in (memory.get("what is the boat called?")[0].content or "")
    assert memory.get() == []


def test_what_is_put_is_remembered_at_once_and_in_order(memos: MemOS, memory: MemOSMemory) -> None:
    memory.put(user("One"))
    memory.put(assistant("Two"))
    cubes = sorted(memos.list(namespace="ana"), key=lambda cube: cube.provenance.position or 0)
    assert [(cube.text, cube.provenance.role) for cube in cubes] == [("One", "user"), ("Two", "assistant")]
    assert cubes[1].follows == cubes[0].id


def test_system_tool_and_empty_messages_stay_in_the_conversation_only(memos: MemOS, memory: MemOSMemory) -> None:
    for role in (MessageRole.SYSTEM, MessageRole.TOOL):
        memory.put(ChatMessage("noise", role=role))
    memory.put(assistant(""))
    assert len(memory.get_all()) == 3
    assert memos.list(namespace="ana") == []


def test_set_remembers_only_what_is_new(memos: MemOS, memory: MemOSMemory) -> None:
    memory.put(user("One"))
    memory.set([user("One"), assistant("Two"), user("One")])
    assert [message.content for message in memory.get_all()] == ["One", "Two", "One"]
    assert sorted(cube.text for cube in memos.list(namespace="ana")) == ["One", "One", "Two"]


def test_reset_begins_anew_and_keeps_what_was_remembered(memos: MemOS, memory: MemOSMemory) -> None:
    memory.put(user("One"))
    memory.reset()
    assert memory.get_all() == []
    assert len(memos.list(namespace="ana")) == 1
    memory.reset(long_term=True)
    assert memos.list(namespace="ana") == []


def test_a_conversation_goes_on_in_another_process(tmp_path: Path) -> None:
    with MemOS.open(tmp_path / "m.db", embedder=HashingEmbedder()) as memos:
        memory = MemOSMemory.from_defaults(memos, namespace="ana", session="s")
        for number in range(120):
            memory.put(user(f"Message {number}"))
    with MemOS.open(tmp_path / "m.db", embedder=HashingEmbedder()) as memos:
        again = MemOSMemory.from_defaults(memos, namespace="ana", session="s")
        assert [message.content for message in again.get_all()] == [f"Message {number}" for number in range(120)]
        other = MemOSMemory.from_defaults(memos, namespace="ana", session="t")
        assert other.get_all() == []


def test_only_the_latest_messages_within_the_limit_are_given(memos: MemOS) -> None:
    memory = MemOSMemory.from_defaults(memos, namespace="ana", token_limit=10)
    memory.put(user("word " * 50))
    memory.put(ChatMessage("result", role=MessageRole.TOOL))
    memory.put(assistant("Short"))
    memory.put(user("Go on"))
    latest = [message.content for message in memory.get("nothing alike") if message.role is not MessageRole.SYSTEM]
    assert latest == ["Go on"]


def conversation(memory: MemOSMemory) -> list[ChatMessage]:
    return [message for message in memory.get("nothing alike") if message.role is not MessageRole.SYSTEM]


def test_the_last_turn_is_given_whole_and_begins_with_the_question(memos: MemOS) -> None:
    memory = MemOSMemory.from_defaults(memos, namespace="ana", token_limit=20)
    call = ChatMessage(role="assistant", blocks=[ToolCallBlock(tool_call_id="1", tool_name="look", tool_kwargs={})])
    turn = [user("word " * 50), call, ChatMessage("word " * 50, role=MessageRole.TOOL), assistant("Done")]
    memory.put_messages([user("Earlier"), assistant("Yes"), *turn])
    assert conversation(memory) == turn


def test_an_answer_to_nothing_is_given_alone_where_nothing_was_asked(memos: MemOS) -> None:
    memory = MemOSMemory.from_defaults(memos, namespace="ana", token_limit=5)
    memory.put_messages([assistant("word " * 50), assistant("Hello")])
    assert conversation(memory) == [assistant("Hello")]


@pytest.mark.parametrize(
    "block",
    [
        ToolCallBlock(tool_call_id="1", tool_name="search", tool_kwargs={"query": "word " * 200}),
        ThinkingBlock(content="word " * 200),
        ImageBlock(url="http://localhost/boat.png"),
        AudioBlock(url="http://localhost/boat.mp3"),
        VideoBlock(url="http://localhost/boat.mp4"),
        DocumentBlock(url="http://localhost/boat.pdf", document_mimetype="application/pdf"),
        CitableBlock(title="t", source="s", content=[TextBlock(text="word " * 200)]),
    ],
)
def test_what_is_no_text_takes_room_too(memos: MemOS, block: Any) -> None:
    memory = MemOSMemory.from_defaults(memos, namespace="ana", token_limit=100)
    memory.put_messages([user("Look"), ChatMessage(role="assistant", blocks=[block]), user("And now?")])
    assert conversation(memory) == [user("And now?")]


def test_tokens_that_are_used_already_leave_less_room(memos: MemOS) -> None:
    memory = MemOSMemory.from_defaults(memos, namespace="ana", token_limit=20, tokenizer_fn=str.split)
    memory.put_messages([user("one two three"), assistant("four"), user("five")])
    assert len(memory.get("six", initial_token_count=15)) == 3
    assert [memory.get("six", initial_token_count=used)[1:] for used in (16, 20)] == [[user("five")]] * 2
    with pytest.raises(ValueError, match="initial_token_count is 21"):
        memory.get("six", initial_token_count=21)
    shown: list[list[ChatMessage]] = []
    prompt = ChatMessage("word " * 16, role=MessageRole.SYSTEM)
    engine = SimpleChatEngine.from_defaults(
        llm=scripted(shown, assistant("seven")), memory=memory, prefix_messages=[prompt]
    )
    engine.chat("six")
    assert [shown[0][0], *shown[0][2:]] == [prompt, user("five"), user("six")]  # recalled memories are between


def test_a_question_may_be_a_message(memos: MemOS, memory: MemOSMemory) -> None:
    memos.add("The boat is called Selma", namespace="ana")
    assert "Selma" in (memory.get(user("what is the boat called?"))[0].content or "")


def test_a_conversation_keeps_its_order_when_a_message_of_it_changes_elsewhere(memos: MemOS) -> None:
    for said in (["One", "Two", "Three"], ["Four"]):
        memory = MemOSMemory.from_defaults(memos, namespace="ana", session="s")
        memory.put_messages([user(text) for text in said])
        first = min(memos.list(namespace="ana"), key=lambda cube: cube.id)
        memos.update(first.id, metadata={"starred": len(said)})
    again = MemOSMemory.from_defaults(memos, namespace="ana", session="s")
    assert [message.content for message in again.get_all()] == ["One", "Two", "Three", "Four"]


def test_the_last_message_is_given_however_long_it_is(memos: MemOS) -> None:
    memory = MemOSMemory.from_defaults(memos, namespace="ana", token_limit=5)
    memory.put(user("word " * 50))
    assert memory.get()[-1].content == "word " * 50


def test_a_chat_engine_talks_with_it(memos: MemOS, memory: MemOSMemory) -> None:
    engine = SimpleChatEngine.from_defaults(llm=MockLLM(), memory=memory)
    engine.chat("My boat is called Selma")
    answer = engine.chat("What is my boat called?")
    assert "Selma" in str(answer)
    assert len(memory.get_all()) == 4


def test_what_the_model_sees_anyway_is_not_recalled(memos: MemOS, memory: MemOSMemory) -> None:
    memos.add("Clara paints boats", namespace="ana")
    memory.put(user("Clara lives in Lisbon"))
    memory.put(assistant("Nice"))
    memory.put(user("What does Clara do in Lisbon?"))
    recalled, *latest = memory.get()
    assert "Clara paints boats" in (recalled.content or "")
    assert "Clara lives in Lisbon" not in (recalled.content or "")
    assert len(latest) == 3


def test_what_is_cut_off_from_the_conversation_can_be_recalled(memos: MemOS) -> None:
    memory = MemOSMemory.from_defaults(memos, namespace="ana", token_limit=20)
    memory.put(user("Clara lives in Lisbon"))
    memory.put(assistant("word " * 50))
    memory.put(user("Where does Clara live?"))
    recalled, *latest = memory.get()
    assert "Clara lives in Lisbon" in (recalled.content or "")
    assert [message.content for message in latest] == ["Where does Clara live?"]


def test_a_client_that_sends_the_whole_history_every_time_is_remembered_once(memos: MemOS) -> None:
    history: list[ChatMessage] = []
    for text in ("One", "Two", "One"):
        memory = MemOSMemory.from_defaults(memos, namespace="ana", session="s")
        engine = SimpleChatEngine.from_defaults(llm=MockLLM(), memory=memory)
        engine.chat(text, chat_history=history)
        history = memory.get_all()
    said = [cube.text for cube in memos.list(namespace="ana") if cube.provenance.role == "user"]
    assert sorted(said) == ["One", "One", "Two"]
    assert len(history) == 6


async def test_a_context_chat_engine_talks_with_it(memos: MemOS, memory: MemOSMemory) -> None:
    class Library(BaseRetriever):
        def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
            return [NodeWithScore(node=TextNode(text="Boats float."), score=1.0)]

    memos.add("My boat is called Selma", namespace="ana")
    engine = ContextChatEngine.from_defaults(retriever=Library(), llm=MockLLM(), memory=memory)
    answer = str(await engine.achat("What is my boat called?"))
    assert "Selma" in answer
    assert "Boats float." in answer
    assert memory.get_all()[0].content == "What is my boat called?"


def scripted(shown: list[list[ChatMessage]], *answers: ChatMessage) -> MockFunctionCallingLLM:
    script = iter(answers)

    def answer(messages: Sequence[ChatMessage], **kwargs: Any) -> ChatMessage:
        shown.append(list(messages))
        return next(script)

    return MockFunctionCallingLLM(response_generator=answer)


def weather(city: str) -> str:
    """Tell the weather."""
    return f"Sunny in {city}"


@pytest.mark.filterwarnings(
    "ignore::pydantic.warnings.PydanticDeprecationWarning"
)  # LlamaIndex's agents look at every attribute
@pytest.mark.parametrize("multi", [False, True])
async def test_an_agent_recalls_and_remembers_words_only(memos: MemOS, memory: MemOSMemory, multi: bool) -> None:
    memos.add("My sister Clara lives in Lisbon", namespace="ana")
    call = ToolCallBlock(tool_call_id="1", tool_name="weather", tool_kwargs={"city": "Lisbon"})
    shown: list[list[ChatMessage]] = []
    llm = scripted(shown, ChatMessage(role="assistant", blocks=[call]), assistant("It is sunny there."))
    agent = FunctionAgent(name="talker", tools=[weather], llm=llm, streaming=False)
    runner = AgentWorkflow(agents=[agent]) if multi else agent
    answer = await runner.run(user_msg="How is the weather where my sister lives?", memory=memory)
    assert str(answer) == "It is sunny there."
    assert any("Clara lives in Lisbon" in (message.content or "") for message in shown[0])
    assert MessageRole.TOOL in [message.role for message in memory.get_all()]
    said = {cube.text for cube in memos.list(namespace="ana", session="s")}
    assert said == {"How is the weather where my sister lives?", "It is sunny there."}


@pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecationWarning")
async def test_a_context_that_was_written_down_goes_on_once_the_memory_is_handed_on_again(
    memos: MemOS, memory: MemOSMemory
) -> None:
    agent = FunctionAgent(tools=[weather], llm=scripted([], assistant("Hello"), assistant("Clara")), streaming=False)
    context = Context(agent)
    await agent.run(user_msg="My sister is called Clara", ctx=context, memory=memory)
    saved = context.to_dict()
    del saved["state"]["state_data"]["_data"]["memory"]
    again = MemOSMemory.from_defaults(memos, namespace="ana", session="s")
    await agent.run(user_msg="Who is my sister?", ctx=Context.from_dict(agent, saved), memory=again)
    assert [cube.text for cube in sorted(memos.list(namespace="ana", session="s"), key=lambda cube: cube.id)] == [
        "My sister is called Clara", "Hello", "Who is my sister?", "Clara"
    ]  # fmt: skip


async def test_what_is_put_and_read_at_once_is_all_there(memos: MemOS) -> None:
    memory = MemOSMemory.from_defaults(memos, namespace="ana")
    puts = [memory.aput(ChatMessage(f"House {n} is blue")) for n in range(20)]
    reads = [memory.aget(input="Which house is blue?") for _ in range(10)]
    await asyncio.gather(*puts, *reads)
    said = {f"House {n} is blue" for n in range(20)}
    assert {message.content for message in await memory.aget_all()} == said
    assert {cube.text for cube in memos.list(namespace="ana", limit=50)} == said
    positions = [cube.provenance.position for cube in memos.list(namespace="ana", limit=50)]
    assert sorted(positions) == list(range(20))  # type: ignore[type-var]


def test_pictures_stay_in_the_conversation_and_their_words_are_remembered(memos: MemOS) -> None:
    memory = MemOSMemory.from_defaults(memos, namespace="ana")
    picture = ImageBlock(url="http://localhost/boat.png")
    message = ChatMessage(role="user", blocks=[TextBlock(text="My boat"), picture, TextBlock(text="is red")])
    memory.put_messages([message, ChatMessage(role="user", blocks=[picture])])
    assert memory.get_all() == [message, ChatMessage(role="user", blocks=[picture])]
    assert memory.get()[-1].blocks == [picture]
    assert [cube.text for cube in memos.list(namespace="ana")] == ["My boat\nis red"]


async def test_words_that_stream_are_remembered_whole(memos: MemOS) -> None:
    engine = SimpleChatEngine.from_defaults(
        llm=MockLLM(), memory=MemOSMemory.from_defaults(memos, namespace="ana", session="s")
    )
    reply = await engine.astream_chat("I like cats")
    pieces = [piece async for piece in reply.async_response_gen()]
    assert len(pieces) > 1
    assert {cube.text for cube in memos.list(namespace="ana")} == {"I like cats", "".join(pieces).strip()}


def test_what_a_memory_is_can_be_written_down_without_what_it_holds(memos: MemOS) -> None:
    memory = MemOSMemory.from_defaults(memos, namespace="ana", session="s")
    memory.put(ChatMessage("My sister lives in Lisbon"))
    written = memory.to_dict()
    assert (written["session"], written["class_name"]) == ("s", "MemOSMemory")
    assert "Lisbon" not in str(written)
    again = MemOSMemory.from_defaults(memos, namespace=written["namespace"], session=written["session"])
    assert again.get_all() == memory.get_all()


async def test_the_async_side_does_the_same(memory: MemOSMemory) -> None:
    await memory.aput(user("My boat is called Selma"))
    found = await memory.aget("What is my boat called?")
    assert "Selma" in (found[0].content or "")
    await memory.aset([user("Anew")])
    assert [message.content for message in await memory.aget_all()] == ["Anew"]
    await memory.areset()
    assert memory.get_all() == []


def test_without_a_vault_it_says_what_is_missing() -> None:
    with pytest.raises(ValueError, match="open memory"):
        MemOSMemory.from_defaults(namespace="ana")
