"""A LangChain agent middleware: recalls before the model answers, and remembers what was said after."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any

from langchain.agents.middleware import AgentMiddleware, AgentState, ModelRequest, ModelResponse
from langchain.agents.middleware.types import PrivateStateAttr
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, SystemMessage
from langgraph.channels import UntrackedValue
from langgraph.runtime import Runtime
from typing_extensions import NotRequired

from memos_core import MemOS, Message

Namespace = str | tuple[str, ...]


class RecallState(AgentState[Any]):
    """The agent's state, and for one run what was recalled in it; never saved with a checkpoint."""

    memos_recalled: NotRequired[Annotated[str, UntrackedValue, PrivateStateAttr]]


class MemOSMiddleware(AgentMiddleware[RecallState, Any, Any]):
    """Gives an agent a memory.

    Before the model runs, memories that fit the user's message are appended to the system message; they reach
    the model and are not kept in the conversation. After the agent has answered, what the user and the agent
    said is remembered, once each.

    Parameters
    ----------
    memos
        The memory.
    namespace
        Whose memory it is: a fixed namespace, or a function from the runtime, whose ``context`` the application
        sets. A model can never choose it.
    max_tokens
        Budget for recalled memories, once per user message.

    Examples
    --------
    >>> from memos_core import MemOS
    >>> memos = MemOS.open(":memory:")
    >>> middleware = MemOSMiddleware(memos, namespace=lambda runtime: ("users", runtime.context.user_id))
    """

    state_schema = RecallState

    def __init__(
        self, memos: MemOS, *, namespace: Namespace | Callable[[Runtime[Any]], Namespace], max_tokens: int = 1000
    ) -> None:
        super().__init__()
        self._memos = memos
        self._namespace = namespace
        self._max_tokens = max_tokens

    def before_agent(self, state: RecallState, runtime: Runtime[Any]) -> dict[str, Any]:
        """Recall what fits the user's latest message."""
        asked = [message.text for message in state["messages"] if isinstance(message, HumanMessage)][-1:]
        if not asked or not asked[0].strip():
            return {"memos_recalled": ""}
        context = self._memos.context(asked[0], namespace=self._of(runtime), max_tokens=self._max_tokens)
        return {"memos_recalled": context.text}

    async def abefore_agent(self, state: RecallState, runtime: Runtime[Any]) -> dict[str, Any]:
        """As :meth:`before_agent`, in a worker thread."""
        return await asyncio.to_thread(self.before_agent, state, runtime)

    def wrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], ModelResponse[Any]]
    ) -> ModelResponse[Any]:
        """Show the model what was recalled."""
        return handler(_with_memories(request))

    async def awrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]]
    ) -> ModelResponse[Any]:
        """As :meth:`wrap_model_call`."""
        return await handler(_with_memories(request))

    def after_agent(self, state: RecallState, runtime: Runtime[Any]) -> None:
        """Remember what was said in this turn."""
        said = [message for message in map(_message, latest_turn(state["messages"])) if message is not None]
        if said:
            info = runtime.execution_info
            self._memos.add(said, namespace=self._of(runtime), session=info.thread_id if info else None)

    async def aafter_agent(self, state: RecallState, runtime: Runtime[Any]) -> None:
        """As :meth:`after_agent`, in a worker thread."""
        await asyncio.to_thread(self.after_agent, state, runtime)

    def _of(self, runtime: Runtime[Any]) -> Namespace:
        return self._namespace(runtime) if callable(self._namespace) else self._namespace


def latest_turn(messages: Sequence[AnyMessage]) -> Sequence[AnyMessage]:
    """The user's latest messages and what followed them."""
    start = max((index for index, message in enumerate(messages) if isinstance(message, HumanMessage)), default=0)
    while start and isinstance(messages[start - 1], HumanMessage):
        start -= 1
    return messages[start:]


def _with_memories(request: ModelRequest[Any]) -> ModelRequest[Any]:
    recalled = request.state.get("memos_recalled")
    if not recalled:
        return request
    before: list[Any] = request.system_message.content_blocks if request.system_message else []
    return request.override(system_message=SystemMessage(content=[*before, {"type": "text", "text": recalled}]))


def _message(message: AnyMessage) -> Message | None:
    """What a person or the agent said in words; tool calls and their results are not remembered."""
    if not isinstance(message, (HumanMessage, AIMessage)) or not message.text.strip():
        return None
    role = "user" if isinstance(message, HumanMessage) else "assistant"
    return Message(content=message.text, role=role, name=message.name, id=message.id)
