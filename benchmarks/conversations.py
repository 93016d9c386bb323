"""Conversations with questions whose evidence is known, in the two public forms that the benchmarks read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from memos_core import Message

LOCOMO_CATEGORIES = {1: "multi-hop", 2: "temporal", 3: "open-domain", 4: "single-hop", 5: "adversarial"}
APART = "adversarial"  # asked about what was never said: reported, and in no mean


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
    sessions: dict[str, list[Message]]
    questions: list[Question]

    def session_of(self) -> dict[str, str]:
        """The session of each message, by id."""
        return {str(message.id): name for name, messages in self.sessions.items() for message in messages}


def load(path: Path) -> list[Conversation]:
    """Read a file in the form of LoCoMo, or a list of ``{id, messages, questions}``."""
    rows = json.loads(path.read_text("utf-8"))
    return [_locomo(row) if "conversation" in row else _chat(row) for row in rows]


def _locomo(row: dict[str, Any]) -> Conversation:
    spoken = row["conversation"]
    sessions = {name: list(_turns(spoken, name)) for name in spoken if isinstance(spoken[name], list)}
    questions = [
        Question(asked["question"], LOCOMO_CATEGORIES[asked["category"]], frozenset(asked["evidence"]))
        for asked in row["qa"]
        if asked.get("evidence")
    ]
    return Conversation(row["sample_id"], sessions, questions)


def _turns(spoken: dict[str, Any], session: str) -> Iterator[Message]:
    at = datetime.strptime(spoken[f"{session}_date_time"], "%I:%M %p on %d %B, %Y").replace(tzinfo=timezone.utc)
    for turn in spoken[session]:
        caption = f" [image: {turn['blip_caption']}]" if turn.get("blip_caption") else ""
        yield Message(content=turn["text"] + caption, name=turn["speaker"], at=at, id=turn["dia_id"])


def _chat(row: dict[str, Any]) -> Conversation:
    messages = [Message(**{key: each[key] for key in ("id", "role", "at", "content")}) for each in row["messages"]]
    questions = [
        Question(asked["question"], asked["ability"], frozenset(map(str, asked["evidence"])))
        for asked in row["questions"]
        if asked["evidence"]
    ]
    return Conversation(row["id"], {"chat": messages}, questions)
