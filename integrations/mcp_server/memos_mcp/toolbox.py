"""What a server offers."""

from __future__ import annotations

from memos_mcp.desk import Offer
from memos_mcp.finding import memory_get, memory_history, memory_list, memory_search, memory_status, memory_why
from memos_mcp.flags import Flags
from memos_mcp.relating import memory_graph
from memos_mcp.resources import PLACES
from memos_mcp.tool import ADDS, CHANGES, READS, Tool
from memos_mcp.writing import memory_add, memory_forget, memory_update

MEMORY = (
    Tool(memory_add, "Remember", ADDS),
    Tool(memory_search, "Search memory", READS),
    Tool(memory_get, "Show a memory", READS),
    Tool(memory_update, "Change a memory", CHANGES),
    Tool(memory_forget, "Forget a memory", CHANGES),
    Tool(memory_list, "List memories", READS),
    Tool(memory_graph, "Show connections", READS),
    Tool(memory_history, "Show the history of a memory", READS),
    Tool(memory_why, "Explain a memory", READS),
    Tool(memory_status, "Describe this memory", READS),
)


def offer(flags: Flags) -> Offer:
    """What a server offers."""
    if not flags.reference:
        return Offer(toolbox(flags))
    from memos_mcp.reference import GRAPH

    return Offer(toolbox(flags), (*PLACES, GRAPH))


def toolbox(flags: Flags) -> list[Tool]:
    """The tools of a server."""
    tools = list(MEMORY)
    if flags.chatgpt:
        from memos_mcp import chatgpt

        tools += [Tool(chatgpt.search, "Search", READS), Tool(chatgpt.fetch, "Fetch", READS)]
    if flags.reference:
        from memos_mcp import reference

        tools += [Tool(each, _title(each.__name__), READS) for each in reference.REFERENCE_READS]
        tools += [Tool(each, _title(each.__name__), ADDS) for each in reference.REFERENCE_WRITES]
        tools += [Tool(each, _title(each.__name__), CHANGES) for each in reference.REFERENCE_DELETES]
    if flags.store is not None:
        from memos_mcp.shopping import store_tools

        search, held, install, uninstall = store_tools(flags.store)
        tools += [
            Tool(search, "Search the store", {**READS, "open_world_hint": True}),
            Tool(held, "List installed packages", READS),
            Tool(install, "Install a package", {**CHANGES, "open_world_hint": True}),
            Tool(uninstall, "Uninstall a package", CHANGES),
        ]
    return tools


def _title(name: str) -> str:
    return name.replace("_", " ").capitalize()
