"""The server: tools, resources and prompts over one memory, for clients of every protocol revision.

It loads nothing of the memory, so that a client's first question is answered at once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from importlib.metadata import version
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import anyio.to_thread
import mcp_types as types
from mcp.server import CacheHint, Server
from mcp.shared.exceptions import MCPError

from memos_mcp.flags import Flags

if TYPE_CHECKING:
    from memos_core import MemOS
    from memos_mcp.desk import Desk

LASTS = CacheHint(ttl_ms=3_600_000, scope="public")  # a server's tools stay as long as it runs
CHANGES = CacheHint(ttl_ms=0, scope="private")
REQUESTS = {
    "on_list_tools": "list_tools",
    "on_call_tool": "call_tool",
    "on_list_resources": "list_resources",
    "on_list_resource_templates": "list_templates",
    "on_read_resource": "read_resource",
    "on_list_prompts": "list_prompts",
    "on_get_prompt": "get_prompt",
    "on_completion": "complete",
}


class Opening:
    """Makes a desk when it is first needed, once.

    Parameters
    ----------
    make
        May raise a ``MemOSError``. Then nobody is served, and all are told why.

    Attributes
    ----------
    error
        What went wrong, if anything did.
    """

    def __init__(self, make: Callable[[], Desk]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._desk: Desk | None = None
        self.error: Exception | None = None

    def __call__(self) -> Desk:
        """The desk.

        Raises
        ------
        MCPError
            If there is none.
        """
        self.begin()
        if self._desk is None:
            raise MCPError(types.INTERNAL_ERROR, f"The memory cannot be opened. {self.error}")
        return self._desk

    def begin(self) -> None:
        """Make it now, if it is not made yet; what goes wrong is kept."""
        from memos_core import MemOSError

        with self._lock:
            if self._desk is None and self.error is None:
                try:
                    self._desk = self._make()
                except MemOSError as error:
                    self.error = error


def build(memos: MemOS, *, namespace: str, flags: Flags = Flags()) -> Server[Any]:  # noqa: B008 - it is frozen
    """Make a server over a memory and one namespace.

    Parameters
    ----------
    namespace
        Whose memory; it covers those below it.
    flags
        Which tools there are beside the usual ones.

    Raises
    ------
    InvalidNamespace
        If it is none.
    """
    desk = desk_of(memos, namespace=namespace, flags=flags)
    return assemble(lambda: desk)


def desk_of(memos: MemOS, *, namespace: str, flags: Flags) -> Desk:
    """The desk of a memory and one namespace.

    Raises
    ------
    InvalidNamespace
        If it is none.
    """
    from memos_core.cube.namespace import namespace as labels
    from memos_mcp.access import Access
    from memos_mcp.desk import Desk
    from memos_mcp.toolbox import offer

    access = Access(memos, labels(namespace))
    return Desk(offer(flags), lambda _: access)


def assemble(desk: Callable[[], Desk], **more: Any) -> Server[Any]:
    """Make a server around a desk.

    Parameters
    ----------
    desk
        Gives it when it is first needed.
    **more
        Further handlers, as the SDK's server takes them.
    """
    handlers: dict[str, Any] = {handler: _passed_on(name, desk) for handler, name in REQUESTS.items()}
    server: Server[Any] = Server(
        "memos",
        version=version("memcubes"),
        title="MemOS",
        description="A long-term memory in one file on this machine.",
        instructions=files("memos_mcp").joinpath("instructions.md").read_text("utf-8"),
        cache_hints={
            "tools/list": LASTS,
            "prompts/list": LASTS,
            "resources/list": LASTS,
            "resources/templates/list": LASTS,
            "resources/read": CHANGES,
            "server/discover": LASTS,
        },
        get_tool_input_schema=lambda name: desk().schema(name),
        **handlers,
        **more,
    )
    return server


def _passed_on(name: str, desk: Callable[[], Desk]) -> Callable[[Any, Any], Any]:
    async def handle(context: Any, params: Any) -> Any:
        at = await anyio.to_thread.run_sync(desk)
        return await getattr(at, name)(context, params)

    return handle
