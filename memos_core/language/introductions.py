"""Introductions: claims about who somebody is and what they are called, found anywhere in a sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator

from memos_core.cube.claim import Claim
from memos_core.language.people import NAME, RELATION, acquaintances

_IS_MY = re.compile(rf"(?P<name>{NAME})\s+is\s+(?:my|our)\s+(?P<relation>{RELATION})\s*(?:[,.!]|$)")
_MY_IS_CALLED = re.compile(
    rf"[Mm]y\s+(?P<relation>{RELATION})(?:['\u2019]s\s+name\s+is|\s+is\s+called|\s+is\s+named)\s+(?P<name>{NAME})"
)
_HAVE_NAMED = re.compile(
    rf"\bhave\s+(?:an?|one)\s+(?P<relation>{RELATION})\s*,?\s+(?:named|called|whose\s+name\s+is)\s+(?P<name>{NAME})"
)
_THING_CALLED = re.compile(rf"[Mm]y\s+(?P<thing>[a-z]+)\s+is\s+(?:called|named)\s+(?P<name>{NAME})")
_MY_NAME = re.compile(rf"\b[Mm]y\s+(?:full\s+)?name\s+is\s+(?P<name>{NAME})")
_CALLS_ME = re.compile(
    rf"\b(?:[Ee]very(?:one|body)|[Pp]eople|(?:[Mm]y\s+)?[Ff]riends)\s+calls?\s+me\s+(?P<name>{NAME})"
)


def introductions(text: str, *, speaker: str) -> Iterator[Claim]:
    """Who is whose sister, and what people and things are called."""
    yield from _relations(text, speaker)
    yield from _names(text, speaker)


def _relations(text: str, speaker: str) -> Iterator[Claim]:
    known = [(each.name, each.relation or "") for each in acquaintances(text)]
    for pattern in (_IS_MY, _MY_IS_CALLED, _HAVE_NAMED):
        known += [(found["name"], found["relation"].casefold()) for found in pattern.finditer(text)]
    for name, relation in known:
        yield Claim(subject=name, predicate=f"{relation} of", object=speaker)


def _names(text: str, speaker: str) -> Iterator[Claim]:
    for pattern in (_MY_NAME, _CALLS_ME):
        for found in pattern.finditer(text):
            yield Claim(subject=speaker, predicate="named", object=found["name"])
    for found in _THING_CALLED.finditer(text):
        if found["thing"] != "name" and not re.fullmatch(RELATION, found["thing"]):
            yield Claim(subject=f"{speaker}'s {found['thing']}", predicate="named", object=found["name"])
