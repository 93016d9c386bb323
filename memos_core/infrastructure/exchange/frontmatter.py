"""Notes as people read them: fields between two lines of dashes, and the text below.

Each field is a line of its name and its value in JSON, which every reader of YAML understands too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from memos_core.errors import InvalidInput

EDGE = "---"
MARK = "memcube"  # the field by which a note of ours is known
FORM = "note/1"


def dumped(fields: Mapping[str, Any], text: str) -> str:
    """A note as a text; fields that say nothing are left away."""
    said = {MARK: FORM, **{name: value for name, value in fields.items() if value not in (None, "", [], (), {})}}
    lines = [f"{name}: {json.dumps(value, ensure_ascii=False, sort_keys=True)}" for name, value in said.items()]
    return "\n".join([EDGE, *lines, EDGE, "", text, ""])


def loaded(whole: str) -> tuple[dict[str, Any], str] | None:
    """The fields and the text of a note; ``None`` if it is no note of ours.

    Raises
    ------
    InvalidInput
        If it begins as one, and is not.
    """
    if not whole.startswith(f"{EDGE}\n{MARK}: "):
        return None
    head, found, text = whole.removeprefix(f"{EDGE}\n").partition(f"\n{EDGE}\n")
    if not found:
        raise InvalidInput(detail=f"The fields of a note end with a line of {EDGE}, which is missing.")
    fields = {}
    for number, line in enumerate(head.split("\n"), 2):
        name, colon, value = line.partition(": ")
        try:
            fields[name] = json.loads(value)
        except (ValueError, RecursionError) as error:
            raise InvalidInput(
                detail=f"Line {number} of the note is no field with a value in JSON: {error}."
            ) from error
        if not colon or not name.isidentifier():
            raise InvalidInput(detail=f"Line {number} of the note is no field.")
    if fields.pop(MARK) != FORM:
        raise InvalidInput(detail=f"This note is not in the form {FORM}. Install a newer release of memcubes.")
    return fields, text.removeprefix("\n").removesuffix("\n")
