"""The server: five tools over one memory and one namespace."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from datetime import datetime, time
from importlib.metadata import version
from importlib.resources import files
from typing import Annotated, Any, Literal, Optional, TypeVar, cast

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.tools import Tool
from mcp_types import ToolAnnotations
from pydantic import ConfigDict, Field

from memos_core import Kind, MemCube, MemOS, MemOSError, Message, Origin, State
from memos_core.cli import moment
from memos_core.cube.namespace import Namespace, covers
from memos_core.cube.namespace import namespace as labels
from memos_core.errors import CubeNotFound, EmbedderMismatch, InvalidInput
from memos_mcp.results import (
    DATA,
    MAX_ANSWER,
    Forgotten,
    Found,
    Listed,
    Remembered,
    Shown,
    fitting,
    memory,
    times,
)

Result = TypeVar("Result")

MemoryId = Annotated[str, Field(min_length=1, max_length=64, description="Id of a memory, as other tools return it.")]
Date = Annotated[
    Optional[str],
    Field(max_length=40, description="ISO date or time, e.g. 2025-03-04; a date alone means its end, in UTC."),
]
KindName = Literal["episode", "document", "tool_trace"]

#: What a model can do about an error whose message speaks to programmers.
RECOVERY: dict[type[MemOSError], str] = {
    CubeNotFound: "There is no memory with this id. Find its id with memory_search or memory_list.",
    EmbedderMismatch: "The memory was made with another embedding model. Ask the user to run `memos doctor`.",
}


class Tools:
    """The tools, as methods; their docstrings are what a model reads about them.

    Parameters
    ----------
    namespace
        The only one that they can see.
    """

    def __init__(self, memos: MemOS, namespace: Namespace) -> None:
        self._memos = memos
        self._namespace = namespace

    def memory_add(
        self,
        text: Annotated[
            str,
            Field(
                min_length=1, max_length=20_000, description='What to remember, in full sentences with names, not "he".'
            ),
        ],
        speaker: Annotated[
            Optional[str], Field(min_length=1, max_length=200, description="Who said it, by name.")
        ] = None,
        said_at: Annotated[
            Optional[str],
            Field(
                max_length=40,
                description="When it was said, ISO; 'yesterday' in the text counts from here. Default: now.",
            ),
        ] = None,
        source_id: Annotated[
            Optional[str],
            Field(
                min_length=1,
                max_length=200,
                description="Your own id for it. Adding the same id again replaces the text; but never a "
                "message that no agent wrote.",
            ),
        ] = None,
    ) -> Remembered:
        """Remember one fact, event, preference, plan or quote for later conversations.

        Use it when the user tells something about themselves, their people or their work that will matter again, or
        asks you to remember. Do not use it for secrets, small talk, or what is in memory already (memory_search tells).
        To correct a memory, add it again under the same source_id, or forget the old one. Returns the memory's id.
        """
        at = None if said_at is None else moment(said_at, at=time.min)
        if source_id is not None:
            self._check_replaceable(source_id)
        # A model writes this, whomever it quotes: trusted as an agent, so that nothing it read can speak as the user.
        message = Message(content=text, role="agent", name=speaker, at=at, id=source_id)
        added = self._memos.add([message], namespace=self._namespace)
        [cube] = (*added.written, *added.unchanged)
        note = "Remembered." if added.written else "This was in memory already."
        if cube.state is State.ARCHIVED:
            cube = self._memos.rollback(cube.id, cube.version)
            note = "This had been forgotten; it is recalled again."
        return Remembered(
            note=note,
            id=cube.id,
            is_new=bool(added.written),
            replaced=bool(added.written and cube.parents),
            times=times(cube),
        )

    def memory_search(
        self,
        query: Annotated[
            str,
            Field(
                min_length=1, max_length=2_000, description="A question or a few words, with names and dates if known."
            ),
        ],
        limit: Annotated[int, Field(ge=1, le=50, description="At most so many memories.")] = 10,
        as_of: Date = None,
        known_at: Date = None,
    ) -> Found:
        """Find the memories that answer a question, best first.

        Use it before you answer anything that earlier conversations may bear on; search again in other words if the
        answer is not there. as_of asks what was true at a time, known_at what had been remembered by then. Do not use
        it to read everything: that is memory_list. Returns texts with their dates, speakers and sources.
        """
        hits = self._memos.search(
            query, namespace=self._namespace, limit=limit, as_of=_moment(as_of), known_at=_moment(known_at)
        )
        found = fitting(memory(hit.cube, score=round(hit.score, 4)) for hit in hits)
        left_out = len(hits) - len(found)
        return Found(
            note=_note(len(found), left_out, "Ask for fewer, or more precisely."), memories=found, left_out=left_out
        )

    def memory_get(
        self,
        memory_id: MemoryId,
        offset: Annotated[
            int, Field(ge=0, le=10_000_000, description="Where in the text to begin, in characters.")
        ] = 0,
    ) -> Shown:
        """Show one memory whole. Use it when a search cut a text off, or to check a memory before it is forgotten.

        Long texts come in pieces; next_offset leads on.
        """
        cube = self._mine(memory_id)
        end = offset + MAX_ANSWER
        more = end < len(cube.text)
        return Shown(
            note=f"{DATA} The text goes on: call again with offset={end}." if more else DATA,
            memory=memory(cube, offset=offset, limit=MAX_ANSWER),
            offset=offset,
            length=len(cube.text),
            next_offset=end if more else None,
            versions=sum(change.state is None for change in self._memos.history(cube.id)),
        )

    def memory_list(
        self,
        limit: Annotated[int, Field(ge=1, le=100, description="At most so many memories.")] = 20,
        offset: Annotated[int, Field(ge=0, le=10_000_000, description="next_offset of the page before.")] = 0,
        kind: Annotated[
            Optional[KindName], Field(description="Only messages, document passages or tool output.")
        ] = None,
        archived: Annotated[bool, Field(description="Show what was forgotten instead.")] = False,
    ) -> Listed:
        """List memories, the latest change first. Use it to see what is there or to tidy up, not to answer a question.

        Comes in pages; next_offset leads on.
        """
        cubes = self._memos.list(
            namespace=self._namespace,
            limit=limit + 1,
            offset=offset,
            states=[State.ARCHIVED] if archived else None,
            kinds=None if kind is None else [kind],
        )
        found = fitting(memory(cube) for cube in cubes[:limit])
        following = offset + len(found) if len(cubes) > len(found) else None
        note = _note(len(found), 0, "") + ("" if following is None else f" There is more: offset={following}.")
        return Listed(note=note, memories=found, next_offset=following)

    def memory_forget(
        self,
        memory_id: MemoryId,
        dry_run: Annotated[bool, Field(description="Only show what would be forgotten.")] = False,
        reason: Annotated[
            str, Field(max_length=500, description="Why; kept in its history.")
        ] = "asked for by the user",
    ) -> Forgotten:
        """Take a memory out of recall. Use it when the user wants something forgotten, or says that a memory is wrong.

        Do not use it on your own account. The memory is archived, and the user can bring it back; only the user can
        erase it for good, with `memos forget ID --erase`. With dry_run=true nothing changes.
        """
        cube = self._mine(memory_id)
        if not dry_run:
            cube = self._memos.forget(cube.id, reason=reason)
        note = f"Nothing was changed. {DATA}" if dry_run else "Archived: it is no longer recalled."
        return Forgotten(note=note, memory=memory(cube), dry_run=dry_run)

    def _check_replaceable(self, source_id: str) -> None:
        """Refuse an id under which somebody else's message is kept: ids are shown, so any model could name it."""
        held = self._memos.list(
            namespace=self._namespace,
            exact=True,
            source_ids=[source_id],
            kinds=[Kind.EPISODE, Kind.TOOL_TRACE],
            states=list(State),
        )
        if any(cube.provenance.origin is not Origin.AGENT for cube in held):
            raise InvalidInput(
                detail=f"{source_id!r} is the id of a message that no agent wrote, and it stays as it is. "
                "Add yours under another source_id, or under none."
            )

    def _mine(self, memory_id: str) -> MemCube:
        cube = self._memos.get(memory_id)
        if not covers(self._namespace, cube.namespace):
            raise CubeNotFound(cube_id=memory_id)
        return cube


def build(memos: MemOS, *, namespace: str) -> MCPServer[Any]:
    """Make a server over a memory.

    Parameters
    ----------
    namespace
        Whose memory; it covers those below it.

    Raises
    ------
    InvalidNamespace
        If it is none.
    """
    tools = Tools(memos, labels(namespace))
    reads = ToolAnnotations(read_only_hint=True, open_world_hint=False)
    adds = ToolAnnotations(read_only_hint=False, destructive_hint=False, idempotent_hint=False, open_world_hint=False)
    forgets = ToolAnnotations(read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=False)
    return MCPServer(
        "memos",
        title="MemOS",
        description="A long-term memory in one file on this machine.",
        instructions=files("memos_mcp").joinpath("instructions.md").read_text("utf-8"),
        version=version("memcubes"),
        tools=[
            _tool(tools.memory_add, "Remember", adds),
            _tool(tools.memory_search, "Search memory", reads),
            _tool(tools.memory_get, "Show a memory", reads),
            _tool(tools.memory_list, "List memories", reads),
            _tool(tools.memory_forget, "Forget a memory", forgets),
        ],
        log_level="WARNING",
    )


def _tool(method: Callable[..., Any], title: str, annotations: ToolAnnotations) -> Tool:
    """A tool that also refuses arguments it does not know, a namespace above all, instead of ignoring them."""
    tool = Tool.from_function(
        _recoverable(method),
        title=title,
        description=inspect.cleandoc(method.__doc__ or ""),
        annotations=annotations,
        structured_output=True,
    )
    given = tool.fn_metadata.arg_model
    forbidding = {"model_config": ConfigDict(extra="forbid"), "__module__": __name__}
    strict = cast("Any", type(given.__name__, (given,), forbidding))
    tool.fn_metadata.arg_model = strict
    tool.parameters = strict.model_json_schema(by_alias=True)
    return tool


def _recoverable(method: Callable[..., Result]) -> Callable[..., Result]:
    """Errors of ours become errors of the tool, with what the model can do about them. The SDK runs it in a thread."""

    @functools.wraps(method)
    def call(**arguments: Any) -> Result:
        try:
            return method(**arguments)
        except MemOSError as error:
            raise ToolError(RECOVERY.get(type(error), str(error))) from error

    return call


def _moment(text: str | None) -> datetime | None:
    return None if text is None else moment(text)


def _note(found: int, left_out: int, advice: str) -> str:
    if not found:
        return "Nothing was found."
    return (
        f"{DATA} {left_out} more were left out, for one answer holds {MAX_ANSWER:,} characters. {advice}"
        if left_out
        else DATA
    )
