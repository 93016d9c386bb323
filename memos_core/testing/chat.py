"""A chat model for tests that answers by script."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from memos_core.ports import Reply, Turn
from memos_core.prompting.budget import estimated_tokens


@dataclass(frozen=True)
class Asked:
    """What a scripted model was asked."""

    turns: tuple[Turn, ...]
    max_tokens: int
    schema: Mapping[str, Any] | None


class ScriptedChatModel:
    """For tests only: gives the replies it was made with, in order, and keeps what it was asked in ``asked``.

    Parameters
    ----------
    replies
        A text is answered as it is, an exception is raised, anything else is answered as JSON. Asked more often than
        that, it raises an ``AssertionError``.
    """

    name = "scripted-for-tests-only"

    def __init__(self, replies: Iterable[object] = ()) -> None:
        self._replies = list(replies)
        self.asked: list[Asked] = []

    def complete(self, turns: Sequence[Turn], *, max_tokens: int, schema: Mapping[str, Any] | None = None) -> Reply:
        """Give the next reply of the script; tokens are estimated."""
        self.asked.append(Asked(tuple(turns), max_tokens, schema))
        if len(self.asked) > len(self._replies):
            raise AssertionError(f"The script has {len(self._replies)} replies, and this is ask {len(self.asked)}.")
        reply = self._replies[len(self.asked) - 1]
        if isinstance(reply, BaseException):
            raise reply
        text = reply if isinstance(reply, str) else json.dumps(reply)
        return Reply(text, sum(estimated_tokens(turn.content) for turn in turns), estimated_tokens(text))
