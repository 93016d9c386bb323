"""Small conversations written for the purpose, and an embedder that needs no model."""

import json
from pathlib import Path

import pytest

from memos_core.testing.embedders import HashingEmbedder

LINES = [
    {
        "conversation": "a",
        "session": "s1",
        "id": "1",
        "name": "Ines",
        "at": "2025-01-01T10:00:00Z",
        "content": "My goat is called Basil.",
    },
    {
        "conversation": "a",
        "session": "s1",
        "id": "2",
        "name": "Oto",
        "at": "2025-01-01T10:01:00Z",
        "content": "Lovely.",
    },
    {
        "conversation": "a",
        "session": "s2",
        "id": "3",
        "name": "Oto",
        "at": "2025-01-02T10:00:00Z",
        "content": "I bought a red canoe.",
    },
    {
        "conversation": "a",
        "session": "s2",
        "id": "4",
        "name": "Ines",
        "at": "2025-01-02T10:01:00Z",
        "content": "Lovely.",
    },
    {"conversation": "a", "question": "What is the goat called?", "evidence": ["1"], "category": "names"},
    {"conversation": "a", "question": "Which goat and which canoe?", "evidence": ["1", "3"], "category": "several"},
    {"conversation": "a", "question": "Who sold the canoe?", "evidence": ["3"], "category": "adversarial"},
    {
        "conversation": "b",
        "session": "s1",
        "id": "1",
        "name": "Uma",
        "at": "2025-02-01T10:00:00Z",
        "content": "The kiln broke on Monday.",
    },
    {
        "conversation": "b",
        "session": "s1",
        "id": "2",
        "name": "Uma",
        "at": "2025-02-01T10:01:00Z",
        "content": "Nobody paid for the roof.",
    },
    {"conversation": "b", "question": "When did the kiln break?", "evidence": ["1"], "category": "names"},
    {"conversation": "b", "question": "What is unknown?", "evidence": [], "category": "names"},
]


@pytest.fixture
def embedder() -> HashingEmbedder:
    return HashingEmbedder()


@pytest.fixture
def lines(tmp_path: Path) -> Path:
    """Two conversations, five questions: three that count, an adversarial one and one without evidence."""
    path = tmp_path / "talk.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in LINES), "utf-8")
    return path
