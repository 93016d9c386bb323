"""Prompts: what a person can begin a conversation with, or end one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from mcp_types import Prompt as Definition
from mcp_types import PromptArgument, PromptMessage, TextContent

from memos_core.errors import InvalidInput
from memos_mcp.access import Access
from memos_mcp.resources import MOST, Completer, bounded, fenced

MAX_TOPIC = 2_000  # characters
RECALLED = 12  # memories

RECALL = """These are memories on "{topic}". Use them to answer me, and say when they do not tell. \
Search again with memory_search, in other words, if something seems missing.

{memories}"""
REMEMBER = """Go through our conversation so far and remember what will matter in later ones{about}.

1. Look with memory_search what is known already, so that nothing is stored twice.
2. Store the rest with memory_add: my words as text, and each statement you understood as one of facts, with names \
instead of "he", with subject, predicate and object where they are clear, and with valid_from if a time was said.
3. Leave out small talk, secrets such as passwords, and what only you have said.
4. Tell me in a few lines what you stored, and what it corrected."""


@dataclass(frozen=True)
class Prompt:
    """A prompt, and how it is written.

    Attributes
    ----------
    write
        Takes the arguments.
    completions
        For arguments: what a value that begins so may become.
    """

    definition: Definition
    write: Callable[[Access, Mapping[str, str]], Sequence[PromptMessage]]
    completions: Mapping[str, Completer] = field(default_factory=dict)


def said(text: str) -> list[PromptMessage]:
    """A message of the user."""
    return [PromptMessage(role="user", content=TextContent(type="text", text=text))]


def _recall(access: Access, arguments: Mapping[str, str]) -> list[PromptMessage]:
    topic = _short(arguments["topic"])
    hits = access.memos.search(topic, namespace=access.namespace, limit=RECALLED)
    memories = bounded(fenced(hit.cube, access) for hit in hits) if hits else "Nothing is remembered on that."
    return said(RECALL.format(topic=topic.replace('"', "'"), memories=memories))


def _remember(access: Access, arguments: Mapping[str, str]) -> list[PromptMessage]:
    del access
    focus = _short(arguments.get("focus", "")).strip()
    return said(REMEMBER.format(about=f", above all about {focus}" if focus else ""))


def _short(text: str) -> str:
    if len(text) > MAX_TOPIC:
        raise InvalidInput(detail=f"An argument has at most {MAX_TOPIC:,} characters.")
    return text


def _names(access: Access, value: str) -> Iterable[str]:
    latest = access.memos.list(namespace=access.namespace, limit=MOST)
    names = dict.fromkeys(name for cube in latest for name in cube.entities)
    return [name for name in names if name.casefold().startswith(value.casefold())]


PROMPTS = (
    Prompt(
        Definition(
            name="recall",
            title="Recall",
            description="Begin with what is remembered about something.",
            arguments=[PromptArgument(name="topic", description="A question, or a name.", required=True)],
        ),
        _recall,
        completions={"topic": _names},
    ),
    Prompt(
        Definition(
            name="remember_conversation",
            title="Remember this conversation",
            description="Store what matters in later conversations.",
            arguments=[PromptArgument(name="focus", description="What matters above all.", required=False)],
        ),
        _remember,
        completions={"focus": _names},
    ),
)
