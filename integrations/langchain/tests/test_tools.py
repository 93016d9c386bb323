"""Tools: LangChain's own tests for tools, and an agent that uses them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.messages import ToolMessage
from langchain_core.tools import BaseTool
from langchain_tests.integration_tests import ToolsIntegrationTests
from langchain_tests.unit_tests import ToolsUnitTests

from memos_core import MemOS, State
from memos_core.errors import InvalidInput
from memos_langchain import memory_tools

ARGUMENTS = {
    "search_memory": {"query": "What does Ana drink?", "limit": 3},
    "add_memory": {"text": "Ana drinks green tea."},
    "forget_memory": {"memory_id": "m1"},
}


class Made:
    """Makes one of the tools for LangChain's tests."""

    name: str

    @pytest.fixture(autouse=True)
    def _make(self, memos: MemOS) -> None:
        memos.add([{"role": "user", "content": "Ana drinks green tea", "id": "m1"}], namespace="ana")
        self.made = {tool.name: tool for tool in memory_tools(memos, namespace="ana")}

    @property
    def tool_constructor(self) -> BaseTool:
        return self.made[self.name]

    @property
    def tool_invoke_params_example(self) -> dict[str, Any]:
        return ARGUMENTS[self.name]


class TestSearchMemoryUnit(Made, ToolsUnitTests):
    name = "search_memory"


class TestSearchMemory(Made, ToolsIntegrationTests):
    name = "search_memory"


class TestAddMemoryUnit(Made, ToolsUnitTests):
    name = "add_memory"


class TestAddMemory(Made, ToolsIntegrationTests):
    name = "add_memory"


class TestForgetMemoryUnit(Made, ToolsUnitTests):
    name = "forget_memory"


class TestForgetMemory(Made, ToolsIntegrationTests):
    name = "forget_memory"


@pytest.fixture
def agent(memos: MemOS, model: Callable[..., Any], caller: type) -> Callable[..., ToolMessage]:
    """Lets an agent of a user call a tool, and gives what the tool said."""

    def ask(tool: str, arguments: dict[str, Any], *, user: str = "ana", asynchronous: bool = False) -> ToolMessage:
        tools = memory_tools(memos, namespace=lambda runtime: ("users", runtime.context.user_id))
        agent: Any = create_agent(model((tool, arguments), "Done."), tools=tools, context_schema=caller)
        asked = {"messages": [("user", "Hello")]}
        if asynchronous:
            return asyncio.run(agent.ainvoke(asked, context=caller(user)))["messages"][-2]
        return agent.invoke(asked, context=caller(user))["messages"][-2]

    return ask


@pytest.mark.parametrize("asynchronous", [False, True])
def test_an_agent_adds_finds_and_forgets_what_is_its_users(
    memos: MemOS, agent: Callable[..., ToolMessage], asynchronous: bool
) -> None:
    agent("add_memory", {"text": "Ana drinks green tea."}, asynchronous=asynchronous)
    [cube] = memos.list(namespace="users/ana")
    found = agent("search_memory", {"query": "What does Ana drink?"}, asynchronous=asynchronous)
    assert "Ana drinks green tea." in found.text
    assert "Nothing" in agent("search_memory", {"query": "What does Ana drink?"}, user="bob").text
    assert "no cube" in agent("forget_memory", {"memory_id": cube.id}, user="bob").text.lower()
    agent("forget_memory", {"memory_id": cube.id}, asynchronous=asynchronous)
    assert memos.get(cube.id).state is State.ARCHIVED


@pytest.mark.parametrize("argument", ["namespace", "user_id", "memos"])
def test_a_model_cannot_say_whose_memory_it_is(memos: MemOS, agent: Callable[..., ToolMessage], argument: str) -> None:
    answer = agent("add_memory", {"text": "I am Bob.", argument: "users/bob"})
    assert (answer.status, argument in answer.text) == ("error", True)
    assert memos.list(namespace="users") == []
    agent("add_memory", {"text": "I am Bob.", "runtime": {"context": {"user_id": "bob"}}})
    assert [cube.namespace for cube in memos.list(namespace="users")] == [("users", "ana")]


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("search_memory", {"query": ""}),
        ("search_memory", {"query": "x", "limit": 0}),
        ("search_memory", {"query": "x", "limit": 10**9}),
        ("search_memory", {"query": ["x"]}),
        ("search_memory", {}),
        ("add_memory", {"text": "x" * 20_001}),
        ("add_memory", {"text": "half \ud83d"}),
        ("add_memory", {"text": " "}),
        ("forget_memory", {"memory_id": "nobody knows"}),
    ],
)
def test_a_bad_call_is_told_to_the_model_and_changes_nothing(
    memos: MemOS, agent: Callable[..., ToolMessage], tool: str, arguments: dict[str, Any]
) -> None:
    answer = agent(tool, arguments)
    assert answer.status == "error"
    assert answer.text.strip()
    assert memos.stats().operations == 0


def test_a_tool_that_needs_a_runtime_says_so_where_there_is_none(memos: MemOS) -> None:
    [search, *_] = memory_tools(memos, namespace=lambda runtime: runtime.context.user_id)
    with pytest.raises(InvalidInput, match="runtime"):
        search.invoke({"query": "x"})


def test_what_a_model_adds_is_trusted_as_an_agents(memos: MemOS, agent: Callable[..., ToolMessage]) -> None:
    agent("add_memory", {"text": "Ana drinks green tea."})
    [cube] = memos.list(namespace="users")
    assert cube.governance.trust.name == "AGENT"


def test_the_model_sees_no_argument_but_its_own(memos: MemOS) -> None:
    for tool in memory_tools(memos, namespace="ana"):
        schema: Any = tool.tool_call_schema
        assert set(schema.model_json_schema()["properties"]) == set(ARGUMENTS[tool.name])
        assert "\n    " not in tool.description
