"""Calling tools, as tests do it."""

import json
from typing import Any

import jsonschema
from mcp import Client
from mcp.server import Server
from mcp_types import CallToolResult

from memos_core import MemOS, State


async def call(server: Server[Any], tool: str, **arguments: Any) -> dict[str, Any]:
    """What a tool answers; its structure must be as promised, and its text must say the same."""
    async with Client(server) as client:
        result = await client.call_tool(tool, arguments)
        promised = {each.name: each.output_schema for each in (await client.list_tools()).tools}
    assert not result.is_error, result.content
    jsonschema.validate(result.structured_content, promised[tool])
    assert [json.loads(each.text) for each in result.content] == [result.structured_content]
    return result.structured_content


async def refusal(server: Server[Any], tool: str, **arguments: Any) -> str:
    """The message of a tool that refuses."""
    async with Client(server) as client:
        result: CallToolResult = await client.call_tool(tool, arguments)
    assert result.is_error
    return " ".join(each.text for each in result.content)


def whole(memos: MemOS, beginning: str) -> str:
    """The id that begins so."""
    [cube] = memos.list(namespace="alice", id_prefix=beginning, states=list(State))
    return cube.id
