"""Calls that no client should make, and some that it may: at random, and the same for the same seed."""

from __future__ import annotations

import random
from typing import Any

from memos_mcp.tool import Tool

TEXTS = [
    "", " ", "Clara moved to Lisbon.", "x" * 30_000, "\0", "\ud800", "\u202e\u200b", "🦊" * 500, "' OR 1=1 --", "../../etc",
    "NaN", "{}", "[1,2", "2025-03-04", "9999-99-99", "0-00000000", "null", "\r\n\x1b[2J", "a/b//c", "%00", "true", "1e999",
]  # fmt: skip
NUMBERS = [0, 1, -1, 10, 2**31, 2**63, -(2**70), 1.5, float("1e300"), 10**30]
NAMES = ["namespace", "user_id", "__proto__", "self", "access", "", "x" * 300, "text", "query", "memory_id"]


class Fuzzer:
    """Makes arguments for tools."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.ids: list[str] = []  # that were seen

    def call(self, tools: list[Tool]) -> tuple[str, Any]:
        """A tool, mostly one that there is, and arguments, mostly nearly right."""
        tool = self.random.choice(tools)
        name = tool.name if self.random.random() < 0.98 else self.random.choice(["", "memory_", "x" * 200, "\0"])
        properties = tool.definition.input_schema["properties"]
        arguments = {
            key: self._near(key, schema) if self.random.random() < 0.8 else self._any(2)
            for key, schema in properties.items()
            if key in tool.definition.input_schema.get("required", ()) or self.random.random() < 0.3
        }
        if self.random.random() < 0.05:
            arguments[self.random.choice(NAMES)] = self._any(2)
        return name, arguments

    def _near(self, key: str, schema: dict[str, Any]) -> Any:
        if "enum" in schema:
            return self.random.choice(schema["enum"])
        if key in {"memory_id", "about", "id"} and self.ids and self.random.random() < 0.7:
            return self.random.choice(self.ids)
        match schema.get("type"):
            case "integer":
                return self.random.randint(schema.get("minimum", 0) - 1, min(schema.get("maximum", 100) + 1, 200))
            case "boolean":
                return self.random.random() < 0.5
            case "array":
                return [self._item() for _ in range(self.random.choice([1, 1, 2, 3]))]
            case _:
                return self.random.choice(TEXTS) if self.random.random() < 0.5 else self._words()

    def _item(self) -> Any:
        if self.random.random() < 0.3:
            return self._any(2)
        fact = {"text": self._words(), "subject": "Clara", "predicate": "lives in", "object": self._words()}
        if self.random.random() < 0.3:
            fact["valid_from"] = self.random.choice(TEXTS)
        return fact

    def _words(self) -> str:
        words = ["Clara", "Lisbon", "moved", "harbour", "yesterday", "likes", "Halden", "not", "2024", "tea"]
        return " ".join(self.random.choices(words, k=self.random.randint(1, 8)))

    def _any(self, depth: int) -> Any:
        kind = self.random.randrange(6 if depth else 4)
        if kind == 0:
            return self.random.choice(TEXTS)
        if kind == 1:
            return self.random.choice(NUMBERS)
        if kind < 4:
            return self.random.choice([None, True, False])
        if kind == 4:
            return [self._any(depth - 1) for _ in range(self.random.randrange(4))]
        return {self.random.choice(NAMES): self._any(depth - 1) for _ in range(self.random.randrange(3))}
