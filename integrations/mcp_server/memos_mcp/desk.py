"""The desk: answers requests with what a server offers, over the memory of whoever asks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import anyio.to_thread
import mcp_types as types
from mcp.shared.exceptions import MCPError

from memos_core import MemOSError
from memos_core.errors import CubeNotFound
from memos_mcp.access import Access
from memos_mcp.prompts import PROMPTS, Prompt
from memos_mcp.resources import PLACES, Completer, Place
from memos_mcp.tool import RECOVERY, Context, Offered, refused

Value = TypeVar("Value")
Whose = Callable[[Context], Access]
MOST_COMPLETIONS = 100  # says the protocol


@dataclass(frozen=True)
class Offer:
    """What a server offers."""

    tools: Sequence[Offered]
    places: Sequence[Place] = PLACES
    prompts: Sequence[Prompt] = PROMPTS


class Desk:
    """Answers requests; what reaches for the memory does so in a worker thread.

    Parameters
    ----------
    whose
        What the caller of a request may reach.
    """

    def __init__(self, offer: Offer, whose: Whose) -> None:
        self._offer = offer
        self._whose = whose
        self._tools = {tool.name: tool for tool in offer.tools}
        self._prompts = {prompt.definition.name: prompt for prompt in offer.prompts}

    def schema(self, name: str) -> Mapping[str, Any] | None:
        tool = self._tools.get(name)
        return None if tool is None else tool.definition.input_schema

    async def list_tools(self, _: Context, __: types.PaginatedRequestParams | None) -> types.ListToolsResult:
        return types.ListToolsResult(tools=[tool.definition for tool in self._offer.tools])

    async def call_tool(self, context: Context, params: types.CallToolRequestParams) -> Any:
        tool = self._tools.get(params.name)
        if tool is None:
            raise _invalid(f"There is no tool {params.name[:100]!r}.")
        try:
            access = await anyio.to_thread.run_sync(self._whose, context)
        except MemOSError as error:
            return refused(RECOVERY.get(type(error), str(error)))
        return await tool.answer(context, params, access)

    async def list_resources(self, _: Context, __: types.PaginatedRequestParams | None) -> types.ListResourcesResult:
        return types.ListResourcesResult(
            resources=[each.resource for each in self._offer.places if not each.is_template]
        )

    async def list_templates(
        self, _: Context, __: types.PaginatedRequestParams | None
    ) -> types.ListResourceTemplatesResult:
        found = [each.template for each in self._offer.places if each.is_template]
        return types.ListResourceTemplatesResult(resource_templates=found)

    async def read_resource(
        self, context: Context, params: types.ReadResourceRequestParams
    ) -> types.ReadResourceResult:
        uri = str(params.uri)
        for place in self._offer.places:
            parts = place.parts(uri)
            if parts is not None:
                content = await self._reach(context, partial(_read, place, parts), uri=uri)
                return types.ReadResourceResult(contents=[_contents(uri, place.mime_type, content)])
        raise _invalid(f"There is no resource {uri[:200]!r}.", uri=uri)

    async def list_prompts(self, _: Context, __: types.PaginatedRequestParams | None) -> types.ListPromptsResult:
        return types.ListPromptsResult(prompts=[prompt.definition for prompt in self._offer.prompts])

    async def get_prompt(self, context: Context, params: types.GetPromptRequestParams) -> types.GetPromptResult:
        prompt = self._prompts.get(params.name)
        if prompt is None:
            raise _invalid(f"There is no prompt {params.name[:100]!r}.")
        given = params.arguments or {}
        known = prompt.definition.arguments or []
        missing = [each.name for each in known if each.required and each.name not in given]
        unknown = given.keys() - {each.name for each in known}
        if missing or unknown:
            names = ", ".join(each.name for each in known)
            raise _invalid(
                f"The prompt {params.name} takes: {names}. Missing: {missing}; unknown: {sorted(unknown)[:5]}."
            )
        messages = await self._reach(context, lambda access: prompt.write(access, given))
        return types.GetPromptResult(description=prompt.definition.description, messages=list(messages))

    async def complete(self, context: Context, params: types.CompleteRequestParams) -> types.CompleteResult:
        completer = self._completer(params.ref, params.argument.name)
        if completer is None:
            return types.CompleteResult(completion=types.Completion(values=[], total=0, has_more=False))
        found = await self._reach(context, lambda access: list(completer(access, params.argument.value)))
        values = found[:MOST_COMPLETIONS]
        more = len(found) > len(values)
        return types.CompleteResult(completion=types.Completion(values=values, total=len(found), has_more=more))

    def _completer(self, ref: Any, argument: str) -> Completer | None:
        if isinstance(ref, types.PromptReference):
            prompt = self._prompts.get(ref.name)
            completions = prompt.completions if prompt else {}
        else:
            found = (place.completions for place in self._offer.places if place.uri == ref.uri)
            completions = next(found, {})
        return completions.get(argument)

    async def _reach(self, context: Context, read: Callable[[Access], Value], **about: str) -> Value:
        """Reach for the memory; what is wrong becomes an error of the protocol."""
        try:
            return await anyio.to_thread.run_sync(lambda: read(self._whose(context)))
        except CubeNotFound as error:
            raise _invalid(RECOVERY[CubeNotFound], **about) from error
        except MemOSError as error:
            raise _invalid(RECOVERY.get(type(error), str(error)), **about) from error


def _read(place: Place, parts: Mapping[str, str], access: Access) -> str | bytes:
    return place.read(access, parts)


def _invalid(message: str, **about: str) -> MCPError:
    return MCPError(types.INVALID_PARAMS, message, about or None)


def _contents(
    uri: str, mime_type: str, content: str | bytes
) -> types.TextResourceContents | types.BlobResourceContents:
    if isinstance(content, str):
        return types.TextResourceContents(uri=uri, mime_type=mime_type, text=content)
    import base64

    return types.BlobResourceContents(uri=uri, mime_type=mime_type, blob=base64.b64encode(content).decode())
