"""A tool: a plain function, and what a client must know to call it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Protocol, Union, get_type_hints

import anyio.from_thread
import anyio.to_thread
from mcp.server.context import ServerRequestContext
from mcp_types import CallToolRequestParams, CallToolResult, InputRequiredResult, TextContent, ToolAnnotations
from mcp_types import Tool as Definition
from pydantic import BaseModel, ConfigDict, ValidationError, create_model
from typing_extensions import TypedDict

from memos_core import MemOSError
from memos_core.errors import CubeNotFound, EmbedderMismatch, NotPermitted
from memos_core.language.marks import inert
from memos_mcp.access import Access
from memos_mcp.results import as_json

Context = ServerRequestContext[Any, Any]
Answer = Union[CallToolResult, InputRequiredResult]
MAX_COMPLAINT = 1_500  # characters: a mistake may be as long as what was sent

#: What a model can do about an error whose message speaks to programmers.
RECOVERY: dict[type[MemOSError], str] = {
    CubeNotFound: "There is no memory with this id. Find its id with memory_search or memory_list.",
    EmbedderMismatch: "The memory was made with another embedding model. Ask the user to run `memos doctor`.",
    NotPermitted: "You may not do this here. Ask the owner of the memory for a grant (`memos grant`).",
}


class Offered(Protocol):
    """What the server offers as a tool."""

    @property
    def name(self) -> str:
        """Unique."""

    @property
    def definition(self) -> Definition:
        """What clients are told of it."""

    async def answer(self, context: Context, params: CallToolRequestParams, access: Access) -> Answer:
        """Do what it does."""


class _Strict(BaseModel):
    """Arguments are what the schema says, and a misspelt one is told of instead of being ignored."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)


class Hints(TypedDict, total=False):
    """What a client may expect of a tool, in the protocol's words."""

    read_only_hint: bool
    destructive_hint: bool
    idempotent_hint: bool
    open_world_hint: bool


READS = Hints(read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False)
ADDS = Hints(read_only_hint=False, destructive_hint=False, idempotent_hint=False, open_world_hint=False)
CHANGES = Hints(read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=False)


@dataclass(frozen=True)
class Tool:
    """A function as a tool. Its parameters after the first are the arguments, its docstring is what a model reads.

    Attributes
    ----------
    function
        Takes an :class:`.Access` and keyword arguments, and returns a model. It runs in a worker thread.
    """

    function: Callable[..., BaseModel]
    title: str
    hints: Hints

    @property
    def name(self) -> str:
        """Of the function."""
        return self.function.__name__

    @cached_property
    def arguments(self) -> type[BaseModel]:
        """The model of the arguments."""
        _, *parameters = inspect.signature(self.function).parameters.values()
        kinds = self._types()
        fields: dict[str, Any] = {
            each.name: (kinds[each.name], ... if each.default is each.empty else each.default) for each in parameters
        }
        return create_model(self.name, __base__=_Strict, **fields)

    @cached_property
    def definition(self) -> Definition:
        """What clients are told of it."""
        result: type[BaseModel] = self._types()["return"]
        return Definition(
            name=self.name,
            title=self.title,
            description=inspect.cleandoc(self.function.__doc__ or ""),
            input_schema=plain(inlined(self.arguments.model_json_schema())),
            output_schema=plain(inlined(result.model_json_schema(mode="serialization"))),
            annotations=ToolAnnotations(title=self.title, **self.hints),
        )

    async def answer(self, context: Context, params: CallToolRequestParams, access: Access) -> Answer:
        """Call the function; what is wrong with a call is told to the model, which can mend it."""
        try:
            given = self.arguments.model_validate(params.arguments or {})
            values = {name: getattr(given, name) for name in type(given).model_fields}
            told = replace(access, progress=_reporting(context))
            result = await anyio.to_thread.run_sync(lambda: self.function(told, **values))
        except ValidationError as error:
            return refused(complaint(error))
        except MemOSError as error:
            return refused(RECOVERY.get(type(error), str(error)))
        shown = result.model_dump(mode="json", by_alias=True, exclude_none=True)
        return CallToolResult(content=[TextContent(type="text", text=as_json(result))], structured_content=shown)

    def _types(self) -> Mapping[str, Any]:
        return get_type_hints(self.function, include_extras=True)


def refused(message: str) -> CallToolResult:
    """The answer to a call that cannot be done."""
    said = message if len(message) <= MAX_COMPLAINT else f"{message[:MAX_COMPLAINT]} ..."
    return CallToolResult(content=[TextContent(type="text", text=inert(said))], is_error=True)


def complaint(error: ValidationError) -> str:
    """What is wrong with arguments, without repeating what was sent."""
    wrong = [
        f"{'.'.join(str(part)[:40] for part in each['loc'])}: {each['msg']}"
        for each in error.errors(include_input=False)
    ]
    return f"These arguments are not right: {'; '.join(wrong)}. Nothing was changed; call again with them mended."


def inlined(schema: dict[str, Any]) -> Any:
    """A schema with each definition where it is meant, for several clients follow no references.

    Raises
    ------
    ValueError
        If a definition holds itself: no schema without references says that.
    """
    definitions = schema.get("$defs", {})

    def within(part: Any, held: frozenset[str]) -> Any:
        if isinstance(part, list):
            return [within(each, held) for each in part]
        if not isinstance(part, dict):
            return part
        beside = {key: within(value, held) for key, value in part.items() if key not in {"$ref", "$defs"}}
        if "$ref" not in part:
            return beside
        name = part["$ref"].removeprefix("#/$defs/")
        if name in held:
            raise ValueError(f"{name} holds itself, which a schema without references cannot say. Make it flat.")
        return within(definitions[name], held | {name}) | beside

    return within(schema, frozenset())


def plain(schema: Any) -> Any:
    """A schema in words that all clients know: what may be left out is not also null, and no title is made up."""
    if isinstance(schema, list):
        return [plain(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    found = {
        key: {name: plain(each) for name, each in value.items()} if key == "properties" else plain(value)
        for key, value in schema.items()
        if not (key == "title" and isinstance(value, str)) and not (key == "default" and value is None)
    }
    choices = found.get("anyOf")
    if isinstance(choices, list) and {"type": "null"} in choices and len(choices) == 2:
        del found["anyOf"]
        found |= next(each for each in choices if each != {"type": "null"})
    return found


def _reporting(context: Context) -> Callable[[int, int], None]:
    def report(done: int, total: int) -> None:
        anyio.from_thread.check_cancelled()  # a call that nobody waits for any more ends here, and changes nothing
        anyio.from_thread.run(context.session.report_progress, float(done), float(total))

    return report
