"""Numbers in texts, by which what a model wrote can be held against what it was given."""

from __future__ import annotations

import re


def numbers(text: str) -> set[str]:
    """All runs of digits."""
    return set(re.findall(r"\d+", text))
