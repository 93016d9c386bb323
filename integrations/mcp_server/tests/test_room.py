"""No answer is longer than a model can take, whatever is stored, and cursors lead through all of it."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from mcp import Client
from mcp.server import Server

from memos_core import MemOS, Message
from memos_mcp.flags import Flags
from memos_mcp.results import BYTES_OF_TOKEN, MAX_TOKENS
from memos_mcp.server import build

MOST = MAX_TOKENS * BYTES_OF_TOKEN
COSTLY = {
    "foxes": "\U0001f98a",
    "signs": "\x01",
    "marks": "<|",
    "quotes": '"\\',
}  # each takes more bytes than it has letters


@pytest.fixture
def server(memos: MemOS) -> Server[Any]:
    return build(memos, namespace="alice", flags=Flags(chatgpt=True, reference=True))


@pytest.fixture
def size(server: Server[Any]) -> Callable[..., Awaitable[tuple[int, dict[str, Any]]]]:
    """How long an answer is as a model reads it, and the answer."""

    async def measured(tool: str, **arguments: Any) -> tuple[int, dict[str, Any]]:
        async with Client(server) as client:
            result = await client.call_tool(tool, arguments)
        assert not result.is_error, result.content
        return sum(len(each.text.encode()) for each in result.content), result.structured_content

    return measured


def fill(memos: MemOS, sign: str) -> list[str]:
    """A memory on which others rest, each as large as it may be and with all that it can have."""
    name = (f"Ana {sign * 90}")[:180]
    dates = " ".join(f"2025-{month:02}-{day:02}," for month in range(1, 13) for day in range(1, 28))
    said = Message(content=f"{name} {dates} {sign * 4_000}", role="agent", name=name, id=sign * 90)
    [text] = memos.add([said], namespace="alice", session=sign * 90).ids
    drawn = [memos.derive(f"{number} {name} {dates} {sign * 3_000}", because=text, tags=[f"{n} {sign * 90}" for n in range(20)]).id
             for number in range(15)]  # fmt: skip
    for number in range(6):
        memos.update(drawn[0], f"Version {number} {dates} {sign * 3_000}")
    return [text, *drawn]


@pytest.mark.parametrize("sign", COSTLY.values(), ids=COSTLY)
async def test_no_tool_answers_more_than_a_model_can_take(memos: MemOS, size: Any, sign: str) -> None:
    text, first, *_ = fill(memos, sign)
    long = {"text": f"Ana {sign * 900}", "subject": f"Ana {sign * 90}", "predicate": "has", "object": sign * 90,
            "entities": [f"{n} {sign * 90}" for n in range(20)]}  # fmt: skip
    asked: list[tuple[str, dict[str, Any]]] = [
        *(("memory_search", {"query": "Ana", "limit": 50, "detail": detail}) for detail in ("concise", "full")),
        *(("memory_list", {"limit": 100, "detail": detail}) for detail in ("concise", "full")),
        *((tool, {"memory_id": name}) for tool in ("memory_get", "memory_history", "memory_why") for name in (text, first)),
        ("memory_get", {"memory_id": text, "offset": 3_500}),
        *(("memory_graph", {"about": about, "hops": 3}) for about in (text, f"Ana {sign * 90}"[:180], "Ana")),
        ("memory_add", {"text": f"{sign * 2_000} " + "2025-01-02, " * 500, "facts": [long] * 5, "source_id": sign * 90}),
        ("memory_update", {"memory_id": text, "text": "Ana " + sign * 4_000, "tags": [f"{n} {sign * 90}" for n in range(20)]}),
        ("memory_forget", {"memory_id": text, "dry_run": True}),
        ("memory_status", {}),
        ("search", {"query": "Ana"}),
        ("fetch", {"id": text}),
        ("create_entities", {"entities": [{"name": f"{n} {sign * 90}", "entityType": "x", "observations": [f"x{sign * 200}"] * 20} for n in range(20)]}),
        ("read_graph", {}),
        ("search_nodes", {"query": "x"}),
    ]  # fmt: skip
    sizes = {
        f"{number} {tool} {list(arguments)}": (await size(tool, **arguments))[0]
        for number, (tool, arguments) in enumerate(asked)
    }
    assert {
        name: number for name, number in sizes.items() if number > MOST and "create" not in name
    } == {}  # that repeats what was given
