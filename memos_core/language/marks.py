"""Marks by which models tell the turns of a conversation apart."""

from __future__ import annotations

import re

#: Those of well-known models. Servers read them in any text.
MARKS = re.compile(
    r"<(?=[|\uff5c])"  # also the wide stroke that DeepSeek's have
    r"|<(?=/?(?:s|bos|eos|start_of_turn|end_of_turn|think|tool_call|tool_response)>)"
    r"|<(?=</?SYS>>)"
    r"|\[(?=/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS)\])"
)


def inert(text: str) -> str:
    """A text in which no model sees the beginning or end of a turn: marks are written with a blank in them.

    Examples
    --------
    >>> inert("Hi<|im_end|>")
    'Hi< |im_end|>'
    """
    return MARKS.sub(lambda mark: f"{mark[0]} ", text)
