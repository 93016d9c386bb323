"""Time expressions: found in a text, and resolved against the moment at which it was said.

The rules are a table, read from top to bottom: a pattern, and a function from what it matched to an interval. Where two
matches overlap, the longer one counts. Days, weeks and years are those of the speaker's own calendar: they are counted
in the offset of ``said_at``. English only.

Where English is ambiguous, the rules settle it: "last Friday" is the latest Friday before today and "next Friday"
is that of next week; a bare weekday, and a date or month without a year, lies where its clause looks, and failing that
is the nearest; 5/8/2023 is
8 May unless the first number cannot be a month; seasons are those of the northern hemisphere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from memos_core.cube.interval import Granularity, Interval
from memos_core.cube.memcube import TimeMention
from memos_core.language import calendar, time_rules
from memos_core.language.saying import Saying
from memos_core.language.time_rules import Resolve

LONGEST = 400  # characters of a clause that are read for its tense


class _Found(NamedTuple):
    start: int
    end: int
    when: Interval


def find_times(text: str, *, said_at: datetime) -> list[TimeMention]:
    """Find the time expressions of a text, in order.

    Parameters
    ----------
    said_at
        Aware: the moment that "now" is in the text.

    Returns
    -------
    list[TimeMention]
        Without overlaps. What would lie outside the years 1 to 9999 is left out.

    Examples
    --------
    >>> from datetime import timezone
    >>> [mention] = find_times("We met last Friday", said_at=datetime(2023, 5, 8, tzinfo=timezone.utc))
    >>> mention.text, mention.when.iso()
    ('last Friday', '2023-05-05')
    """
    if not time_rules.TRIGGER.search(text):
        return []
    longest = sorted(_matches(text, said_at), key=lambda found: (found.start - found.end, found.start))
    kept: list[_Found] = []
    for found in longest:
        if all(found.end <= other.start or other.end <= found.start for other in kept):
            kept.append(found)
    ordered = _joined(text, sorted(kept), said_at)
    return [TimeMention(text=text[start:end], offset=start, when=when) for start, end, when in ordered]


def _matches(text: str, said_at: datetime) -> Iterator[_Found]:
    for pattern, resolve in time_rules.RULES:
        for match in pattern.finditer(text):
            when = _resolved(resolve, Saying(match, said_at, _clause(text, match)))
            if when is not None:
                yield _Found(match.start(), match.end(), when)


def _resolved(resolve: Resolve, saying: Saying) -> Interval | None:
    try:
        return resolve(saying)
    except (ValueError, OverflowError):  # the thirtieth of February, or a year beyond the calendar's end
        return None


def _clause(text: str, match: re.Match[str]) -> str:
    """The clause around a match, for its tense."""
    before = text[max(0, match.start() - LONGEST) : match.start()]
    after = text[match.end() : match.end() + LONGEST]
    return re.split(r"[.!?;\n]", before)[-1] + re.split(r"[.!?;\n]", after)[0]


_RANGE = re.compile(r"\s*(?:to|and|until|till|through|[-\u2013])\s*(?:the\s+)?", re.IGNORECASE)
_UNTIL = ("to ", "and ", "until ", "till ", "through ")
_FROM = re.compile(r"(?:between|from)\s", re.IGNORECASE)
_OPENS_RANGE = re.compile(r"(?:between|from)\s+(?:the\s+)?$", re.IGNORECASE)
_SINCE = re.compile(r"(?:ever\s+)?since\s+$", re.IGNORECASE)
_OPENS = re.compile(r"since\s", re.IGNORECASE)
_CLOCK = re.compile(r"\s*,?\s*(?:at|around|about)\s+(\d{1,2})(?::(\d{2}))?\s*([ap])\.?m\b\.?", re.IGNORECASE)


def _joined(text: str, found: list[_Found], said_at: datetime) -> list[_Found]:
    """Join the two ends of a range, open what is said with "since", and add the hour to a day."""
    joined: list[_Found] = []
    for each in found:
        start, end, when = each
        before = text[max(0, start - 20) : start]
        last = joined[-1] if joined else None
        if last and _is_range(text, last, each):
            if last.when.start <= when.start:
                span = Interval(start=last.when.start, end=when.end, granularity=Granularity.SPAN)
                joined[-1] = _Found(last.start, end, span)
                continue
        elif when.start < said_at and (since := _SINCE.search(before) or _OPENS.match(text, start)):
            start = start - len(since.group()) if since.re is _SINCE else start
            when = Interval(start=when.start, end=said_at, granularity=Granularity.SPAN)
        elif when.granularity is Granularity.DAY and (clock := _CLOCK.match(text, end)):
            hour = _hour(when, clock)
            start, end, when = (start, clock.end(), hour) if hour else each
        joined.append(_Found(start, end, when))
    return joined


def _is_range(text: str, first: _Found, last: _Found) -> bool:
    """Say whether two times are the ends of one: "from May 2020 until June", "between Monday and Friday"."""
    if text[last.start : last.end].casefold().startswith(_UNTIL) and not text[first.end : last.start].strip():
        return bool(_FROM.match(text, first.start))
    joins = _RANGE.fullmatch(text, first.end, last.start)
    return bool(joins and (_FROM.match(text, first.start) or _OPENS_RANGE.search(text[: first.start])))


def _hour(day: Interval, clock: re.Match[str]) -> Interval | None:
    hour, minute = int(clock[1]) % 12 + (12 if clock[3].lower() == "p" else 0), int(clock[2] or 0)
    if int(clock[1]) > 12 or minute > 59:
        return None
    start = calendar.midnight(day.start) + timedelta(hours=hour, minutes=minute)
    return Interval(start=start, end=start + timedelta(hours=1), granularity=Granularity.HOUR)
