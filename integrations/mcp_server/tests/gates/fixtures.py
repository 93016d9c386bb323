"""What the conformance suite of the protocol's makers wants to call, offered by the same builder as the memory."""

from __future__ import annotations

import warnings
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import anyio
import mcp_types as types
from mcp.server import Server
from mcp.server.request_state import RequestStateBoundary, RequestStateSecurity
from mcp.server.subscriptions import InMemorySubscriptionBus, ListenHandler, PromptsListChanged, ToolsListChanged
from mcp.shared.exceptions import MCPDeprecationWarning, MCPError

from memos_mcp.desk import Offer
from memos_mcp.prompts import Prompt, said
from memos_mcp.resources import Place
from memos_mcp.tool import Answer, Context, refused

warnings.simplefilter("ignore", MCPDeprecationWarning)  # older revisions are part of the suite
Work = Callable[[Context, types.CallToolRequestParams], Awaitable[Answer]]
BUS = InMemorySubscriptionBus()
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
SOUND = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQAAAAA="
IMAGE = {"type": "image", "data": PIXEL, "mimeType": "image/png"}
NAMED = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
ANYTHING = {"type": "object", "properties": {}}


@dataclass(frozen=True)
class Fixture:
    """A tool of the suite."""

    name: str
    work: Work
    schema: dict[str, Any] = field(default_factory=lambda: dict(ANYTHING))

    @property
    def definition(self) -> types.Tool:
        return types.Tool(name=self.name, description=f"The suite's {self.name}.", input_schema=self.schema)

    async def answer(self, context: Context, params: types.CallToolRequestParams, _: Any) -> Answer:
        return await self.work(context, params)


def result(*content: dict[str, Any]) -> types.CallToolResult:
    return types.CallToolResult.model_validate({"content": list(content)})


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def resource(uri: str, mime_type: str, words: str) -> dict[str, Any]:
    return {"type": "resource", "resource": {"uri": uri, "mimeType": mime_type, "text": words}}


def fixed(*content: dict[str, Any]) -> Work:
    async def work(_: Context, __: types.CallToolRequestParams) -> Answer:
        return result(*content)

    return work


def asking(message: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"method": "elicitation/create", "params": {"mode": "form", "message": message, "requestedSchema": schema}}


def sampling(words: str, most: int = 100) -> dict[str, Any]:
    messages = [{"role": "user", "content": text(words)}]
    return {"method": "sampling/createMessage", "params": {"messages": messages, "maxTokens": most}}


ROOTS: dict[str, Any] = {"method": "roots/list", "params": {}}


def wanting(requests: dict[str, Any], state: str | None = None) -> types.InputRequiredResult:
    wire = {"resultType": "input_required", "inputRequests": requests}
    return types.InputRequiredResult.model_validate(wire | ({"requestState": state} if state else {}))


def needing(requests: dict[str, Any], done: str, *, state: str | None = None) -> Work:
    """Ask until everything is answered, and the state came back as it went."""

    async def work(_: Context, params: types.CallToolRequestParams) -> Answer:
        given = params.input_responses or {}
        if not all(name in given and _is_right(requests[name], given[name]) for name in requests):
            return wanting(requests, state)
        if state is not None and params.request_state != state:
            raise MCPError(types.INVALID_PARAMS, "The state is not the one that was given.")
        return result(text(done))

    return work


def _is_right(request: dict[str, Any], response: Any) -> bool:
    kinds = {"elicitation/create": types.ElicitResult, "roots/list": types.ListRootsResult}
    return isinstance(response, kinds.get(request["method"], types.CreateMessageResult))


async def rounds(_: Context, params: types.CallToolRequestParams) -> Answer:
    given = params.input_responses or {}
    if params.request_state == "2" and "step2" in given:
        return result(text("Both steps are done."))
    if params.request_state == "1" and "step1" in given:
        colour = {"type": "object", "properties": {"color": {"type": "string"}}, "required": ["color"]}
        return wanting({"step2": asking("Step 2: What is your favorite color?", colour)}, "2")
    return wanting({"step1": asking("Step 1: What is your name?", NAMED)}, "1")


async def able(context: Context, params: types.CallToolRequestParams) -> Answer:
    """Ask only what the client can answer."""
    wanted = {
        "elicitation": ("user_name", asking("What is your name?", NAMED), types.ElicitationCapability),
        "sampling": ("greeting", sampling("Generate a greeting"), types.SamplingCapability),
    }
    requests = {
        name: request
        for which, (name, request, kind) in wanted.items()
        if context.session.check_client_capability(types.ClientCapabilities(**{which: kind()}))
    }
    if params.input_responses or not requests:
        return result(text("Done."))
    return wanting(requests)


async def missing(context: Context, _: types.CallToolRequestParams) -> Answer:
    """Need sampling, and say so."""
    needed = types.ClientCapabilities(sampling=types.SamplingCapability())
    if not context.session.check_client_capability(needed):
        data = types.MissingRequiredClientCapabilityErrorData(required_capabilities=needed)
        raise MCPError(
            types.MISSING_REQUIRED_CLIENT_CAPABILITY,
            "This needs sampling.",
            data.model_dump(mode="json", by_alias=True, exclude_none=True),
        )
    return result(text("Sampling is there."))


async def logging(context: Context, _: types.CallToolRequestParams) -> Answer:
    for words in ("Tool execution started", "Tool processing data", "Tool execution completed"):
        await context.session.send_log_message("info", words, related_request_id=context.request_id)
        await anyio.sleep(0.05)
    return result(text("Logged."))


async def failing(_: Context, __: types.CallToolRequestParams) -> Answer:
    return refused("This tool intentionally returns an error for testing")


async def progressing(context: Context, _: types.CallToolRequestParams) -> Answer:
    for done in (0, 50, 100):
        await context.session.report_progress(done, 100)
        await anyio.sleep(0.05)
    return result(text("Done."))


async def sampled(context: Context, params: types.CallToolRequestParams) -> Answer:
    words = str((params.arguments or {}).get("prompt", ""))
    message = types.SamplingMessage(role="user", content=types.TextContent(type="text", text=words))
    answer = await context.session.create_message([message], max_tokens=100, related_request_id=context.request_id)
    return result(text(f"LLM response: {getattr(answer.content, 'text', '')}"))


def eliciting(message: str, schema: dict[str, Any]) -> Work:
    async def work(context: Context, params: types.CallToolRequestParams) -> Answer:
        asked = str((params.arguments or {}).get("message", message))
        answer = await context.session.elicit_form(asked, schema, related_request_id=context.request_id)
        return result(text(f"Elicitation completed: action={answer.action}, content={answer.content}"))

    return work


async def reconnecting(context: Context, _: types.CallToolRequestParams) -> Answer:
    if context.close_sse_stream is not None:
        await context.close_sse_stream()
    await anyio.sleep(0.2)
    return result(text("The stream was closed and this still arrived."))


async def tools_change(_: Context, __: types.CallToolRequestParams) -> Answer:
    await BUS.publish(ToolsListChanged())
    return result(text("Told."))


async def prompts_change(_: Context, __: types.CallToolRequestParams) -> Answer:
    await BUS.publish(PromptsListChanged())
    return result(text("Told."))


USER = {
    "type": "object",
    "properties": {
        "username": {"type": "string", "description": "User's response"},
        "email": {"type": "string", "description": "User's email address"},
    },
    "required": ["username", "email"],
}
DEFAULTS = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "default": "John Doe"},
        "age": {"type": "integer", "default": 30},
        "score": {"type": "number", "default": 95.5},
        "status": {"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"},
        "verified": {"type": "boolean", "default": True},
    },
}
THREE = ["option1", "option2", "option3"]
TITLED = [{"const": f"value{n}", "title": f"{word} Option"} for n, word in enumerate(("First", "Second", "Third"), 1)]
ENUMS = {
    "type": "object",
    "properties": {
        "untitledSingle": {"type": "string", "enum": THREE},
        "titledSingle": {"type": "string", "oneOf": TITLED},
        "legacyEnum": {"type": "string", "enum": ["opt1", "opt2", "opt3"], "enumNames": ["One", "Two", "Three"]},
        "untitledMulti": {"type": "array", "items": {"type": "string", "enum": THREE}},
        "titledMulti": {"type": "array", "items": {"anyOf": TITLED}},
    },
}
DRAFT_2020_12 = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {
        "address": {
            "$anchor": "addressDef",
            "type": "object",
            "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
        }
    },
    "properties": {
        "name": {"type": "string"},
        "address": {"$ref": "#/$defs/address"},
        "contactMethod": {"type": "string", "enum": ["phone", "email"]},
        "phone": {"type": "string"},
        "email": {"type": "string"},
    },
    "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
    "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
    "then": {"required": ["phone"]},
    "else": {"required": ["email"]},
    "additionalProperties": False,
}
HEADERS = {
    "type": "object",
    "properties": {"region": {"type": "string", "x-mcp-header": "Region"}, "query": {"type": "string"}},
}
MESSAGE = {"type": "object", "properties": {"message": {"type": "string"}}, "required": ["message"]}
PROMPTED = {"type": "object", "properties": {"prompt": {"type": "string"}}, "required": ["prompt"]}
CONFIRM = {"type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"]}
ASK_NAME = {"user_name": asking("What is your name?", NAMED)}
ALL = {**ASK_NAME, "greeting": sampling("Generate a greeting", 50), "client_roots": ROOTS}
MIXED = resource("test://mixed-content-resource", "application/json", '{"test":"data","value":123}')
EMBEDDED = resource("test://embedded-resource", "text/plain", "This is an embedded resource content.")
MRTR = "test_input_required_result"

TOOLS = [
    Fixture("test_simple_text", fixed(text("This is a simple text response for testing."))),
    Fixture("test_image_content", fixed(IMAGE)),
    Fixture("test_audio_content", fixed({"type": "audio", "data": SOUND, "mimeType": "audio/wav"})),
    Fixture("test_embedded_resource", fixed(EMBEDDED)),
    Fixture("test_multiple_content_types", fixed(text("Multiple content types test:"), IMAGE, MIXED)),
    Fixture("test_tool_with_logging", logging),
    Fixture("test_logging_tool", logging),
    Fixture("test_error_handling", failing),
    Fixture("test_tool_with_progress", progressing),
    Fixture("test_sampling", sampled, PROMPTED),
    Fixture("test_elicitation", eliciting("?", USER), MESSAGE),
    Fixture("test_elicitation_sep1034_defaults", eliciting("Defaults?", DEFAULTS)),
    Fixture("test_elicitation_sep1330_enums", eliciting("Which?", ENUMS)),
    Fixture("test_reconnection", reconnecting),
    Fixture("test_missing_capability", missing),
    Fixture("test_streaming_elicitation", needing(ASK_NAME, "Hello!")),
    Fixture("test_trigger_tool_change", tools_change),
    Fixture("test_trigger_prompt_change", prompts_change),
    Fixture("json_schema_2020_12_tool", fixed(text("Fine.")), DRAFT_2020_12),
    Fixture("test_custom_headers", fixed(text("Fine.")), HEADERS),
    Fixture(f"{MRTR}_elicitation", needing(ASK_NAME, "Hello, Alice!")),
    Fixture(f"{MRTR}_sampling", needing({"capital_question": sampling("What is the capital of France?")}, "Paris.")),
    Fixture(f"{MRTR}_list_roots", needing({"client_roots": ROOTS}, "file:///")),
    Fixture(f"{MRTR}_request_state", needing({"confirm": asking("Please confirm", CONFIRM)}, "state-ok", state="s")),
    Fixture(f"{MRTR}_multiple_inputs", needing(ALL, "Done.", state="s")),
    Fixture(f"{MRTR}_multi_round", rounds),
    Fixture(f"{MRTR}_tampered_state", needing({"confirm": asking("Please confirm", CONFIRM)}, "Done.", state="s")),
    Fixture(f"{MRTR}_capabilities", able),
]


def _bytes() -> bytes:
    import base64

    return base64.b64decode(PIXEL)


PLACES = [
    Place(
        "test://static-text", "text", "Text", "A text.", lambda *_: "This is the content of the static text resource."
    ),
    Place("test://static-binary", "binary", "Picture", "A picture.", lambda *_: _bytes(), mime_type="image/png"),
    Place("test://watched-resource", "watched", "Watched", "Changes.", lambda *_: "Watched."),
    Place(
        "test://template/{id}/data",
        "template",
        "Template",
        "Any id.",
        lambda _, parts: f'{{"id":"{parts["id"]}","templateTest":true,"data":"Data for ID: {parts["id"]}"}}',
        mime_type="application/json",
    ),
]


def _prompt(name: str, write: Any, *arguments: str) -> Prompt:
    known = [types.PromptArgument(name=each, description=each, required=True) for each in arguments]
    definition = types.Prompt(name=name, description=f"The suite's {name}.", arguments=known)
    return Prompt(definition, write, completions={each: lambda _, value: [value + "is"] for each in arguments})


def _messages(*content: dict[str, Any]) -> list[types.PromptMessage]:
    return [types.PromptMessage.model_validate({"role": "user", "content": each}) for each in content]


PROMPTS = [
    _prompt("test_simple_prompt", lambda *_: said("This is a simple prompt for testing.")),
    _prompt(
        "test_prompt_with_arguments",
        lambda _, given: said(f"Prompt with arguments: arg1='{given['arg1']}', arg2='{given['arg2']}'"),
        "arg1",
        "arg2",
    ),
    _prompt(
        "test_prompt_with_embedded_resource",
        lambda _, given: _messages(
            resource(given["resourceUri"], "text/plain", "Embedded resource content for testing."),
            text("Please process the embedded resource above."),
        ),
        "resourceUri",
    ),
    _prompt("test_prompt_with_image", lambda *_: _messages(IMAGE, text("Please analyze the image above."))),
    _prompt(f"{MRTR}_prompt", lambda *_: said("With context.")),
]


async def _empty(_: Context, __: Any) -> types.EmptyResult:
    return types.EmptyResult()


OFFER = Offer(TOOLS, PLACES, PROMPTS)
HANDLERS = {
    "on_subscribe_resource": _empty,
    "on_unsubscribe_resource": _empty,
    "on_set_logging_level": _empty,
    "on_subscriptions_listen": ListenHandler(BUS),
}


def prepared(server: Server[Any]) -> Server[Any]:
    """With a prompt that asks back, and states that cannot be forged."""
    usual = server.get_request_handler("prompts/get")
    assert usual is not None
    context = {"user_context": asking("What context should the prompt use?", NAMED)}

    async def get_prompt(request: Context, params: types.GetPromptRequestParams) -> Any:
        if params.name == f"{MRTR}_prompt" and "user_context" not in (params.input_responses or {}):
            return wanting(context)
        return await usual.handler(request, params)

    server.add_request_handler("prompts/get", types.GetPromptRequestParams, get_prompt)
    server.middleware.append(RequestStateBoundary(RequestStateSecurity.ephemeral(), default_audience="fixtures"))
    return server
