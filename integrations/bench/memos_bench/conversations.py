"""Conversations with questions whose evidence is known, in the three forms that the bench reads."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from memos_core import Message
from memos_core.errors import InvalidInput

LOCOMO_CATEGORIES = {1: "multi-hop", 2: "temporal", 3: "open-domain", 4: "single-hop", 5: "adversarial"}
APART = "adversarial"  # asked about what was never said: reported, and in no mean
ALL = "question"  # the category of a question that names none


@dataclass(frozen=True)
class Question:
    """A question and the ids of the messages that answer it."""

    text: str
    category: str
    evidence: frozenset[str]


@dataclass(frozen=True)
class Conversation:
    """Sessions of messages, in order, and questions about them."""

    name: str
    sessions: dict[str, list[Message]] = field(default_factory=dict)
    questions: list[Question] = field(default_factory=list)

    def messages(self) -> list[Message]:
        """All messages, in order."""
        return [message for messages in self.sessions.values() for message in messages]

    def session_of(self) -> dict[str, str]:
        """The session of each message, by id."""
        return {str(message.id): name for name, messages in self.sessions.items() for message in messages}


def said(message: Message) -> str:
    """The words that stand for a message in every system: who spoke, where that is known, and what."""
    return f"{message.name}: {message.content}" if message.name else message.content


def load(path: Path, *, first: int | None = None) -> list[Conversation]:
    """Read a file in the form of LoCoMo, a list of ``{id, messages, questions}``, or lines of messages and questions.

    Parameters
    ----------
    first
        Only so many conversations.

    Raises
    ------
    InvalidInput
        If it is in none of these forms, or holds no question that counts.
    """
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(detail=f"{path} cannot be read: {error}") from error
    lines = path.suffix.lower() in {".jsonl", ".ndjson"}
    conversations = (_from_lines(path.name, text) if lines else _from_json(path.name, text))[:first]
    if all(question.category == APART for each in conversations for question in each.questions):
        raise InvalidInput(detail=f"{path.name} holds no question whose evidence is known, so nothing can be measured.")
    return conversations


@contextmanager
def _form(where: str) -> Iterator[None]:
    """Say where a record is that has not the form it should have."""
    try:
        yield
    except InvalidInput as error:
        raise InvalidInput(detail=f"{where}: {error}") from error
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        why = f"{type(error).__name__}: {error}"
        raise InvalidInput(detail=f"{where} is in no form that docs/BENCH.md describes ({why}).") from error


# -- JSON -----------------------------------------------------------------------------------------


def _from_json(name: str, text: str) -> list[Conversation]:
    with _form(name):
        document = json.loads(text)
    rows = [document] if isinstance(document, dict) else document
    conversations = []
    for number, row in enumerate(rows, 1):
        with _form(f"{name}, conversation {number}"):
            conversations.append(_locomo(row) if "conversation" in row else _chat(row))
    return conversations


def _locomo(row: Mapping[str, Any]) -> Conversation:
    spoken = row["conversation"]
    sessions = {name: list(_turns(spoken, name)) for name in spoken if isinstance(spoken[name], list)}
    questions = [
        Question(asked["question"], LOCOMO_CATEGORIES[asked["category"]], frozenset(asked["evidence"]))
        for asked in row["qa"]
        if asked.get("evidence")
    ]
    return Conversation(str(row["sample_id"]), sessions, questions)


def _turns(spoken: Mapping[str, Any], session: str) -> Iterator[Message]:
    at = datetime.strptime(spoken[f"{session}_date_time"], "%I:%M %p on %d %B, %Y").replace(tzinfo=timezone.utc)
    for turn in spoken[session]:
        caption = f" [image: {turn['blip_caption']}]" if turn.get("blip_caption") else ""
        yield Message(content=turn["text"] + caption, name=turn["speaker"], at=at, id=turn["dia_id"])


def _chat(row: Mapping[str, Any]) -> Conversation:
    messages = [Message(**{key: each[key] for key in ("id", "role", "at", "content")}) for each in row["messages"]]
    questions = [
        Question(asked["question"], asked["ability"], frozenset(map(str, asked["evidence"])))
        for asked in row["questions"]
        if asked["evidence"]
    ]
    return Conversation(str(row["id"]), {"chat": messages}, questions)


# -- lines ----------------------------------------------------------------------------------------


def _from_lines(name: str, text: str) -> list[Conversation]:
    conversations: dict[str, Conversation] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        with _form(f"{name}, line {number}"):
            record = json.loads(line)
            key = str(record.pop("conversation", name))
            conversation = conversations.setdefault(key, Conversation(key))
            if "question" in record:
                conversation.questions.extend(_asked(**record))
            else:
                session = conversation.sessions.setdefault(record.pop("session", key), [])
                session.append(Message(**{"id": f"{name}:{number}", **record}))
    for conversation in conversations.values():
        _known(name, conversation)
    return list(conversations.values())


def _asked(*, question: str, evidence: list[str], category: str = ALL) -> Iterator[Question]:
    if isinstance(evidence, str):
        raise InvalidInput(detail='"evidence" must be a list of the ids of messages.')
    if evidence:
        yield Question(question, category, frozenset(map(str, evidence)))


def _known(name: str, conversation: Conversation) -> None:
    """Refuse evidence that is no message: in a form of ours it can only be a slip."""
    known = conversation.session_of()
    unknown = sorted({each for question in conversation.questions for each in question.evidence if each not in known})
    if unknown:
        raise InvalidInput(detail=f"{name}: evidence {unknown[0]!r} is the id of no message of {conversation.name!r}.")
