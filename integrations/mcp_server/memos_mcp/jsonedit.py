"""Changing one entry of a JSON text, and leaving every other character as it is.

The text may have comments and commas before a closing bracket, as VS Code allows: they are read as blanks, and stay.
What would lose a comment is refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

_DECODER = json.JSONDecoder()
_BLANKS = " \t\r\n"
_STRING = r'"(?:[^"\\\n]|\\.)*"'
_COMMENT = re.compile(rf"{_STRING}|(//[^\r\n]*|/\*.*?\*/)", re.DOTALL)
_LAST_COMMA = re.compile(rf"{_STRING}|(,)(?=[ \t\r\n]*[}}\]])")


class Member(NamedTuple):
    """A name and its value in a text: where the name begins, and where the value begins and ends."""

    name: str
    start: int
    value: int
    end: int


def members(text: str, at: int) -> Iterator[Member]:
    """What is in the object that begins there. The text must be JSON, or made so by :func:`blanked`."""
    at = _past(text, at + 1)
    while text[at] == '"':
        name, after = _DECODER.raw_decode(text, at)
        value = _past(text, _past(text, after) + 1)
        _, end = _DECODER.raw_decode(text, value)
        yield Member(name, at, value, end)
        after = _past(text, end)
        at = _past(text, after + 1) if text[after] == "," else after


def blanked(text: str) -> str:
    """The text with blanks for comments and for commas before a closing bracket: as long, and JSON if the rest is."""

    def blank(found: re.Match[str]) -> str:
        return re.sub(r"[^\r\n]", " ", found[0]) if found[1] else found[0]

    return _LAST_COMMA.sub(blank, _COMMENT.sub(blank, text))


def with_entry(text: str, section: str, name: str, entry: dict[str, Any]) -> str:
    """The text of an object, with an entry in a section of it.

    Raises
    ------
    ValueError
        If the text is no JSON object, or the section is none, or a comment would be lost.
    """
    root, plain = _object(text), blanked(text)
    if section not in root:
        changed = _put(text, _past(plain, 0), section, {name: entry})
        return _checked(text, changed, {**root, section: {name: entry}})
    if not isinstance(root[section], dict):
        raise ValueError(f'"{section}" is not an object')  # noqa: TRY004 - of a value, as for what json says
    if root[section].get(name) == entry:
        return text
    changed = _put(text, _found(plain, _past(plain, 0), section).value, name, entry)
    return _checked(text, changed, {**root, section: {**root[section], name: entry}})


def without_entry(text: str, section: str, name: str) -> str:
    """The text of an object, without an entry in a section of it.

    Raises
    ------
    ValueError
        If the text is no JSON object, or a comment would be lost.
    """
    root, plain = _object(text), blanked(text)
    if not isinstance(root.get(section), dict) or name not in root[section]:
        return text
    held = list(members(plain, _found(plain, _past(plain, 0), section).value))
    index = max(number for number, each in enumerate(held) if each.name == name)
    begin, end = held[index].start, held[index].end
    if index and index + 1 == len(held):
        begin = held[index - 1].end  # the comma before it goes with it, and one after it stays
    else:
        begin = plain.rindex("{", 0, begin) + 1 if len(held) == 1 else begin
        end = _past(text, end)
        end = _past(text, end + 1) if text[end] == "," else end
    left = {each: value for each, value in root[section].items() if each != name}
    return _checked(text, text[:begin] + text[end:], {**root, section: left})


def _checked(text: str, changed: str, wanted: dict[str, Any]) -> str:
    """The changed text, if it says what is wanted and every comment is still there."""
    if _object(changed) != wanted or _comments(changed) != _comments(text):
        raise ValueError("it has comments, or an entry twice, where the change would be")
    return changed


def _comments(text: str) -> list[str]:
    return [found[1] for found in _COMMENT.finditer(text) if found[1]]


def _put(text: str, at: int, name: str, value: Any) -> str:
    """The text with a member of the object that begins there; an old one of that name goes."""
    held = list(members(blanked(text), at))
    old = [each for each in held if each.name == name]
    newline = "\r\n" if "\r\n" in text else "\n"
    margin = _margin(text, held[0].start if held else at)
    step = _step(text)
    inner = margin if held else margin + step
    shown = json.dumps(value, indent=step, ensure_ascii=False).replace("\n", newline + inner)
    if old:
        return text[: old[-1].value] + shown + text[old[-1].end :]
    member = f"{json.dumps(name)}: {shown}"
    if held:
        return text[: held[-1].end] + f",{newline}{inner}{member}" + text[held[-1].end :]
    return text[: at + 1] + f"{newline}{inner}{member}{newline}{margin}" + text[_past(text, at + 1) :]


def _object(text: str) -> dict[str, Any]:
    root = json.loads(blanked(text))
    if not isinstance(root, dict):
        raise ValueError("it is not an object")  # noqa: TRY004 - of a value, as for what json says
    return root


def _found(text: str, at: int, name: str) -> Member:
    return [each for each in members(text, at) if each.name == name][-1]


def _past(text: str, at: int) -> int:
    while at < len(text) and text[at] in _BLANKS:
        at += 1
    return at


def _margin(text: str, at: int) -> str:
    """The blanks at the beginning of the line of a place."""
    line = text[text.rfind("\n", 0, at) + 1 : at]
    return line[: len(line) - len(line.lstrip(" \t"))]


def _step(text: str) -> str:
    """What one level is indented by: as the text does it, or two blanks."""
    lines = (line for line in text.splitlines() if line.strip())
    return next((line[: len(line) - len(line.lstrip())] for line in lines if line[:1] in {" ", "\t"}), "  ")
