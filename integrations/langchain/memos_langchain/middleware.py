"""A LangChain agent middleware: recalls before the model answers, and remembers what was said after."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Annotated, Any, Union

from langchain.agents.middleware import (
    AgentMiddleware,
    AgentState,
    ExtendedModelResponse,
    ModelRequest,
    ModelResponse,
)
from langchain.agents.middleware.types import PrivateStateAttr
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, SystemMessage
from langgraph.channels import UntrackedValue
from langgraph.runtime import Runtime
from langgraph.types import Command, TracePolicy, omit_payload
from typing_extensions import NotRequired, Self

from memos_core import MemOS, MemOSError, MemOSWarning, Message
from memos_core.errors import InvalidNamespace
from memos_langchain.identity import Identity, address_of

Answer = Union[ModelResponse[Any], ExtendedModelResponse[Any]]


class Recalled(str):
    """What was recalled, as the state of a run holds it: whoever streams or writes down the state sees no memory."""

    __slots__ = ("text",)
    text: str

    def __new__(cls, text: str) -> Self:
        """Hide a text."""
        made = super().__new__(cls, "recalled" if text else "")
        made.text = text
        return made


class RecallState(AgentState[Any]):
    """The agent's state, and for one run what the user asked and what was recalled; never saved with a checkpoint."""

    memos_asked: NotRequired[Annotated[list[AnyMessage], UntrackedValue, PrivateStateAttr]]
    memos_recalled: NotRequired[Annotated[Recalled, UntrackedValue, PrivateStateAttr]]


class MemOSMiddleware(AgentMiddleware[RecallState, Any, Any]):
    """Gives an agent a memory.

    Before the model runs, memories that fit the user's message are appended to the system message; they reach
    the model and are not kept in the conversation, nor in streams and traces of the middleware's own steps. After the
    agent has answered, what the user and the agent said is remembered, once each. Where the memory fails, the user has
    an answer all the same.

    Parameters
    ----------
    memos
        The memory.
    namespace
        Whose memory it is: a fixed namespace, or a function from the runtime, whose ``context`` the application
        sets. A model can never choose it.
    max_tokens
        Budget for recalled memories, once per user message.
    on_error
        Called with every error of the memory, in the thread in which it happened; by default it becomes a
        ``MemOSWarning``. What it raises ends the run.

    Examples
    --------
    >>> from memos_core import MemOS
    >>> memos = MemOS.open(":memory:")
    >>> middleware = MemOSMiddleware(memos, namespace=lambda runtime: ("users", runtime.context.user_id))
    """

    state_schema = RecallState
    trace_policy = TracePolicy(process_inputs=omit_payload, process_outputs=omit_payload)

    def __init__(
        self,
        memos: MemOS,
        *,
        namespace: Identity,
        max_tokens: int = 1000,
        on_error: Callable[[MemOSError], object] | None = None,
    ) -> None:
        super().__init__()
        self._memos = memos
        self._namespace = namespace
        self._max_tokens = max_tokens
        self._on_error = on_error

    def before_agent(self, state: RecallState, runtime: Runtime[Any]) -> dict[str, Any]:
        """Recall what fits the user's latest message."""
        messages = state["messages"]
        return {"memos_asked": latest_question(messages), "memos_recalled": self._recalled(messages, runtime)}

    async def abefore_agent(self, state: RecallState, runtime: Runtime[Any]) -> dict[str, Any]:
        """As :meth:`before_agent`, in a worker thread."""
        return await asyncio.to_thread(self.before_agent, state, runtime)

    def wrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], ModelResponse[Any]]
    ) -> Answer:
        """Show the model what was recalled."""
        recalled = self._of_run(request)
        return _noted(request, recalled, handler(_informed(request, recalled.text)))

    async def awrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]]
    ) -> Answer:
        """As :meth:`wrap_model_call`, in a worker thread if it must recall."""
        recalled = await asyncio.to_thread(self._of_run, request)
        return _noted(request, recalled, await handler(_informed(request, recalled.text)))

    def after_agent(self, state: RecallState, runtime: Runtime[Any]) -> None:
        """Remember what was said in this turn."""
        # The question comes from before the run too: a long run may have summarised it away.
        turn = {message.id: message for message in [*state.get("memos_asked", ()), *latest_turn(state["messages"])]}
        info = runtime.execution_info
        try:
            said = list(_spoken(turn.values()))
            if said:
                address = address_of(self._namespace, runtime)
                self._memos.add(said, namespace=address, session=info.thread_id if info else None)
        except MemOSError as error:
            self._report("This turn was not remembered", error)

    async def aafter_agent(self, state: RecallState, runtime: Runtime[Any]) -> None:
        """As :meth:`after_agent`, in a worker thread."""
        await asyncio.to_thread(self.after_agent, state, runtime)

    def _of_run(self, request: ModelRequest[Any]) -> Recalled:
        """What was recalled before; a run that goes on after an interrupt begins in the middle, and recalls now."""
        recalled = request.state.get("memos_recalled")
        if isinstance(recalled, Recalled):
            return recalled
        return self._recalled(request.state["messages"], request.runtime)

    def _recalled(self, messages: Sequence[AnyMessage], runtime: Runtime[Any]) -> Recalled:
        address = address_of(self._namespace, runtime)
        question = "\n".join(message.text for message in latest_question(messages)).strip()
        if not question:
            return Recalled("")
        shown = [message.id for message in messages if message.id]
        try:
            found = self._memos.context(question, namespace=address, max_tokens=self._max_tokens, shown=shown)
        except InvalidNamespace:
            raise  # nobody's memory: the run ends before the model has said anything
        except MemOSError as error:
            self._report("Nothing was recalled", error)
            return Recalled("")
        return Recalled(found.text)

    def _report(self, what: str, error: MemOSError) -> None:
        if self._on_error is None:
            warnings.warn(MemOSWarning(f"{what}: {error}"), stacklevel=3)
        else:
            self._on_error(error)


def _informed(request: ModelRequest[Any], recalled: str) -> ModelRequest[Any]:
    """The request with memories in its system message."""
    if not recalled:
        return request
    system = request.system_message or SystemMessage(content=[])
    before = [{"type": "text", "text": system.content}] if isinstance(system.content, str) else system.content
    content = [*before, {"type": "text", "text": f"\n\n{recalled}" if before else recalled}]
    return request.override(system_message=system.model_copy(update={"content": content}))


def _noted(request: ModelRequest[Any], recalled: Recalled, response: ModelResponse[Any]) -> Answer:
    """The model's answer, and if the run does not hold it yet, for its further steps what was recalled."""
    if request.state.get("memos_recalled") is not None:
        return response
    return ExtendedModelResponse(response, Command(update={"memos_recalled": recalled}))


def latest_turn(messages: Sequence[AnyMessage]) -> Sequence[AnyMessage]:
    """The user's latest messages and what followed them."""
    start = max((index for index, message in enumerate(messages) if _asks(message)), default=0)
    while start and _asks(messages[start - 1]):
        start -= 1
    return messages[start:]


def latest_question(messages: Sequence[AnyMessage]) -> list[AnyMessage]:
    """The user's messages in the latest turn."""
    return [message for message in latest_turn(messages) if _asks(message)]


def _asks(message: AnyMessage) -> bool:
    """Say whether a message is the user's; LangChain's summaries are human messages that nobody said."""
    return isinstance(message, HumanMessage) and message.additional_kwargs.get("lc_source") != "summarization"


def _spoken(messages: Iterable[AnyMessage]) -> Iterable[Message]:
    """What a person or the agent said in words; tool calls and their results are not remembered."""
    for message in messages:
        if message.text.strip() and (_asks(message) or isinstance(message, AIMessage)):
            role = "user" if isinstance(message, HumanMessage) else "assistant"
            yield Message(content=str(message.text), role=role, name=message.name, id=message.id)
