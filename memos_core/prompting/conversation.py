"""What a chat model is told in a conversation: how to use memories, what was said, what was recalled, the question."""

from __future__ import annotations

from collections.abc import Sequence

from memos_core.ports import Turn
from memos_core.prompting.asking import prompt_file


def conversation(question: str, recalled: str, *, history: Sequence[Turn] = ()) -> list[Turn]:
    """Put a question to a model, with what was recalled for it.

    What is the same every time stands first, and what was recalled for earlier questions is not repeated, so that
    providers' prompt caches hit.

    Parameters
    ----------
    recalled
        As ``Context.text`` has it, in which nothing stored looks like a turn.
    history
        Earlier turns, oldest first.
    """
    asked = f"{recalled}\n\n{question}" if recalled else question
    return [Turn("system", prompt_file("chat")), *history, Turn("user", asked)]
