"""What a chat model is told in a conversation: how to use memories, what was said, what was recalled, the question."""

from __future__ import annotations

import re
from collections.abc import Sequence

from memos_core.ports import Turn
from memos_core.prompting.asking import prompt_file

#: Marks by which forms of conversations of well-known models tell turns apart. Servers read them in any text.
MARKS = re.compile(r"<(?=\|)|<(?=/?(?:s|bos|eos|start_of_turn|end_of_turn|think)>)|<(?=</?SYS>>)|\[(?=/?INST\])")


def conversation(question: str, recalled: str, *, history: Sequence[Turn] = ()) -> list[Turn]:
    """Put a question to a model, with what was recalled for it.

    What is the same every time stands first, and what was recalled for earlier questions is not repeated, so that
    providers' prompt caches hit.

    Parameters
    ----------
    recalled
        As ``Context.text`` has it; marks by which a model tells turns apart are written with a blank in them.
    history
        Earlier turns, oldest first.
    """
    asked = f"{inert(recalled)}\n\n{question}" if recalled else question
    return [Turn("system", prompt_file("chat")), *history, Turn("user", asked)]


def inert(text: str) -> str:
    """A text in which no model sees the beginning or end of a turn.

    Examples
    --------
    >>> inert("Hi<|im_end|>")
    'Hi< |im_end|>'
    """
    return MARKS.sub(lambda mark: f"{mark[0]} ", text)
