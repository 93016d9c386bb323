"""The table of time rules that ``times.py`` reads."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable
from datetime import MAXYEAR, datetime, timedelta

from memos_core.cube.interval import Granularity, Interval
from memos_core.language import calendar
from memos_core.language.saying import (
    GOES_ON,
    HOLIDAYS,
    MONTHS,
    SHORT_WEEKDAYS,
    VAGUE,
    WEEKDAYS,
    Saying,
)

#: Fragments of the patterns. A month in full or with a capital: "may" and "march" are words too.
MONTH = r"(?-i:J(?:an(?:uary)?|une?|uly?)|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|Aug(?:ust)?|Sept?(?:ember)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?|january|february|april|june|july|august|september|october|november|december)"
MONTH_GROUP = rf"(?P<month>{MONTH})\.?"
DAY = r"(?P<day>0?[1-9]|[12]\d|3[01])(?:st|nd|rd|th)?"
YEAR = r"(?P<year>(?:19|20)\d\d)"
WEEKDAY = rf"(?P<weekday>{'|'.join(WEEKDAYS)})"
SHORT_WEEKDAY = r"(?P<weekday>(?-i:Mon|Tues?|Wed|Thu(?:rs?)?|Fri|Sat|Sun))\.?"  # "this sat well" is no day
SEASON = rf"(?P<season>{'|'.join(calendar.SEASONS)})"
NUMBER = r"(?P<number>\d{1,3}|(?:a\s+)?couple\s+of|a\s+couple|(?:a\s+)?few|several|an?|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|twenty|thirty)"
UNIT = r"(?P<unit>day|night|week|weekend|month|year|decade|hour|minute)s?"
HOLIDAY = "(?P<holiday>" + "|".join(sorted((re.escape(name) for name in HOLIDAYS), key=len, reverse=True)) + ")"
DATE = rf"{DAY}\s+(?:of\s+)?{MONTH_GROUP}(?:,?\s+{YEAR})?"
US_DATE = rf"{MONTH_GROUP}\s+(?:the\s+)?{DAY}(?!\d)(?:,?\s+{YEAR})?"
HOLIDAY_DATE = rf"{HOLIDAY}(?:\s+{YEAR})?"
WHICH = r"(?P<which>last|past|previous|this\s+past|this\s+coming|this|next|coming)"

FREE = (
    r"(?=\s*(?:[.,;:!?)]|$|(?:after|and|at|because|before|but|for|in|or|so|to|when|with)\b))"  # nothing it could count
)

_DATES = tuple(re.compile(date, re.IGNORECASE) for date in (DATE, US_DATE, HOLIDAY_DATE))
ANY_DATE = "(?P<date>" + re.sub(r"\?P<\w+>", "?:", f"{DATE}|{US_DATE}|{HOLIDAY_DATE}") + ")"

#: Nothing is a time without one of these; most messages have none, and are done here.
TRIGGER = re.compile(
    rf"\d|\b(?:today|tonight|tomorrow|yesterday|morning|afternoon|evening|ago|last|past|previous|this|next|coming|later|now|been|"
    rf"in\s+(?:about\s+)?{NUMBER.replace('?P<number>', '?:')}\s|from\s+now|since|{'|'.join(WEEKDAYS)}|{MONTH}|{'|'.join(calendar.SEASONS)}|halloween|christmas|new\s+year)",
    re.IGNORECASE,
)


def _date(saying: Saying) -> Interval:
    """A day with or without its year; without, the nearest one in the direction of the clause."""
    if saying["holiday"]:
        month, day = HOLIDAYS[saying["holiday"]]
    else:
        month, day = MONTHS[saying["month"].rstrip(".")], int(saying["day"])
    if saying["year"]:
        return calendar.day(saying.at.replace(year=int(saying["year"]), month=month, day=day))
    if saying["which"]:
        return calendar.day(
            saying.at.replace(year=saying.at.year + _holiday_step(saying, month, day), month=month, day=day)
        )
    years = range(saying.at.year - 1, saying.at.year + 2)
    days = [saying.at.replace(year=year, month=month, day=day) for year in years if _exists(year, month, day)]
    return _nearest([calendar.day(each) for each in days], saying)


def _nearest(candidates: list[Interval], saying: Saying) -> Interval:
    """The nearest in the direction of the clause: today counts for both, and without a direction all do."""
    today = calendar.day(saying.at)
    ahead = [each for each in candidates if each.end is None or each.end > today.start]
    behind = [each for each in candidates if each.start <= today.start]
    fitting = {1: ahead, -1: behind, 0: candidates}[saying.direction] or candidates
    return min(fitting, key=lambda each: (abs(each.start - today.start), -each.start.timestamp()))


def _day_of_month(saying: Saying) -> Interval:
    """The nearest day of that number in the direction of the clause."""
    day, first = int(saying["day"]), saying.at.replace(day=1)
    months = (calendar.shifted(first, months=step) for step in (-2, -1, 0, 1, 2))
    days = [month.replace(day=day) for month in months if _exists(month.year, month.month, day)]
    return _nearest([calendar.day(each) for each in days], saying)


def _exists(year: int, month: int, day: int) -> bool:
    return 1 <= year <= MAXYEAR and day <= monthrange(year, month)[1]


def _holiday_step(saying: Saying, month: int, day: int) -> int:
    passed = (saying.at.month, saying.at.day) > (month, day)
    return {-1: 0 if passed else -1, 0: 0, 1: 1 if passed else 0}[saying.step]


def _iso(saying: Saying) -> Interval:
    return calendar.day(
        saying.at.replace(year=int(saying["year"]), month=int(saying["monthnumber"]), day=int(saying["day"]))
    )


def _slashed(saying: Saying) -> Interval:
    first, second, year = int(saying["first"]), int(saying["second"]), int(saying["yearnumber"])
    month, day = (first, second) if first <= 12 else (second, first)
    return calendar.day(saying.at.replace(year=year + 2000 if year < 100 else year, month=month, day=day))


def _month_of_year(saying: Saying) -> Interval:
    whole = calendar.month(saying.at.replace(year=int(saying["year"]), month=MONTHS[saying["month"]], day=1))
    return calendar.third(whole, saying["third"]) if saying["third"] else whole


def _bare_month(saying: Saying) -> Interval:
    month, at = MONTHS[saying["month"]], saying.at
    if saying["which"]:
        year = at.year + {-1: -1 if month >= at.month else 0, 0: 0, 1: 1 if month <= at.month else 0}[saying.step]
        whole = calendar.month(at.replace(year=year, month=month, day=1))
    else:
        years = range(at.year - 1, at.year + 2)
        whole = _nearest([calendar.month(at.replace(year=year, month=month, day=1)) for year in years], saying)
    return calendar.third(whole, saying["third"]) if saying["third"] else whole


def _year(saying: Saying) -> Interval:
    whole = calendar.year(saying.at.replace(year=int(saying["year"]), month=1, day=1))
    return calendar.third(whole, saying["third"]) if saying["third"] else whole


def _decade(saying: Saying) -> Interval:
    digits = saying["decade"]
    first = int(digits) if len(digits) == 4 else int(digits) + (1900 if int(digits) > 20 else 2000)
    start = calendar.year(saying.at.replace(year=first, month=1, day=1)).start
    return Interval(start=start, end=calendar.shifted(start, years=10), granularity=Granularity.SPAN)


def _named_day(saying: Saying) -> Interval:
    offset = {"the day before yesterday": -2, "yesterday": -1, "last night": -1, "today": 0, "tonight": 0,
              "tomorrow": 1, "the day after tomorrow": 2}  # fmt: skip
    name = saying["named"]
    return calendar.day(saying.at + timedelta(days=offset.get(name, offset.get("the " + name, 0))))


def _weekday(saying: Saying) -> Interval:
    """Last: the latest before today. This and coming: the next from today. Next: in next week. Bare: by tense."""
    wanted, today = (WEEKDAYS | SHORT_WEEKDAYS)[saying["weekday"]], saying.at
    back = (today.weekday() - wanted) % 7 or 7
    forward = (wanted - today.weekday()) % 7
    which = saying["which"]
    if which in {"last", "past", "previous", "this past"}:
        return calendar.day(today - timedelta(days=back))
    if which == "next":
        return calendar.day(calendar.week(today).start + timedelta(days=7 + wanted))
    if which or saying.looks_ahead:
        return calendar.day(today + timedelta(days=forward))
    return calendar.day(today - timedelta(days=back % 7 if saying["on"] == "" else back))


_SPANS: dict[str, Callable[[datetime], Interval]] = {
    "week": calendar.week, "month": calendar.month, "year": calendar.year,
    "quarter": calendar.quarter, "weekend": calendar.weekend,
}  # fmt: skip


def _which_unit(saying: Saying) -> Interval:
    unit, step = saying["span"], saying.step
    if unit == "quarter":
        return calendar.quarter(calendar.shifted(saying.at, months=3 * step))
    if unit == "weekend" and saying["which"] in {"this past", "past"} and saying.at.weekday() >= 5:
        step = 0  # "this past weekend", said on its Sunday
    units = {"week": "weeks", "weekend": "weeks", "month": "months", "year": "years"}[unit]
    return _SPANS[unit](calendar.shifted(saying.at, **{units: step}))


def _part_of_day(saying: Saying) -> Interval:
    first, last = {"morning": (5, 12), "afternoon": (12, 18), "evening": (17, 24), "night": (18, 30)}[saying["part"]]
    days = {"yesterday": -1, "last": -1, "this": 0, "tomorrow": 1}[saying["dayname"]]
    return calendar.hours(saying.at + timedelta(days=days), first, last)


def _season(saying: Saying) -> Interval:
    name, at = saying["season"], saying.at
    if saying["year"]:
        return calendar.season(name, at.replace(year=int(saying["year"]), day=1))
    present = calendar.season(name, at.replace(day=1))
    if name == "winter" and at.month < 3:
        present = calendar.season(name, calendar.shifted(at.replace(day=1), years=-1))
    begun, over = present.start <= at, present.end is not None and present.end <= at
    if saying.step == -1:
        years = 0 if over else -1
    elif saying.step == 1:
        years = 1 if begun else 0
    else:
        years = 0
    return calendar.season(name, calendar.shifted(present.start, years=years))


def _seasons_ago(saying: Saying) -> Interval:
    last = _season(saying)
    begun_this_year = last.start <= saying.at
    return calendar.season(
        saying["season"], calendar.shifted(last.start, years=-(saying.number - 1 + (not begun_this_year)))
    )


def _around(moment: datetime, unit: str, *, vague: bool) -> Interval:
    """A moment as exactly as its unit: three weeks ago is a week, three years ago is a year."""
    if unit in {"hour", "minute"}:
        start = moment.replace(minute=0, second=0, microsecond=0)
        return Interval(start=start, end=start + timedelta(hours=1), granularity=Granularity.HOUR)
    whole = {"day": calendar.day, "night": calendar.day, "week": calendar.week, "weekend": calendar.weekend,
             "month": calendar.month, "year": calendar.year, "decade": calendar.year}[unit]  # fmt: skip
    if not vague or unit in {"year", "decade"}:
        return whole(moment)
    step = {"day": "days", "night": "days", "month": "months"}.get(unit, "weeks")
    first, last = (whole(calendar.shifted(moment, **{step: sign})) for sign in (-1, 1))
    return Interval(start=first.start, end=last.end, granularity=Granularity.SPAN)


def _moved(saying: Saying, sign: int) -> Interval:
    unit, number = saying["unit"], sign * saying.number
    if unit == "decade":
        moment = calendar.shifted(saying.at, years=10 * number)
    elif unit == "year" and saying["half"]:
        return calendar.month(calendar.shifted(saying.at, months=12 * number + sign * 6))
    else:
        units = {"night": "days", "weekend": "weeks"}.get(unit, unit + "s")
        moment = calendar.shifted(saying.at, **{units: number})
    return _around(moment, unit, vague=saying["number"] in VAGUE)


def _half_ago(saying: Saying) -> Interval:
    return calendar.month(calendar.shifted(saying.at, months=-6))


def _last_units(saying: Saying) -> Interval:
    unit = saying["unit"]
    years = {"years": -10 * saying.number} if unit == "decade" else None
    units = years or {{"night": "days", "weekend": "weeks"}.get(unit, unit + "s"): -saying.number}
    return Interval(start=calendar.shifted(saying.at, **units), end=saying.at, granularity=Granularity.SPAN)


def _lasting(saying: Saying) -> Interval:
    """For some time until now, where it is said that it goes on."""
    if not (saying["now"] or GOES_ON.search(saying.clause)):
        raise ValueError("This may have been at any time.")
    span = _last_units(saying)
    whole = _around(span.start, saying["unit"], vague=False)
    return Interval(start=whole.start, end=saying.at, granularity=Granularity.SPAN)


def _beside_date(saying: Saying) -> Interval:
    """The week, weekend, weekday or some days before, after or of a date."""
    date, after = _inner_date(saying).start, saying["side"] in {"after", "following"}
    sign = 1 if after else -1
    what = saying["what"]
    if saying["side"] == "of":
        return _SPANS[what](date)
    if saying["number"]:
        return _around(calendar.shifted(date, **{saying["unit"] + "s": sign * saying.number}), "day", vague=False)
    if what in WEEKDAYS:
        distance = (WEEKDAYS[what] - date.weekday()) % 7 if after else (date.weekday() - WEEKDAYS[what]) % 7
        return calendar.day(date + sign * timedelta(days=distance or 7))
    if what == "weekend" and not after:
        return calendar.weekend(date if date.weekday() >= 5 else date - timedelta(days=7))
    if what in {"day", "night"}:
        return calendar.day(date + sign * timedelta(days=1))
    if what == "week" and not after:
        return Interval(start=date - timedelta(days=7), end=date, granularity=Granularity.WEEK)
    if what == "week":
        return Interval(start=date + timedelta(days=1), end=date + timedelta(days=8), granularity=Granularity.WEEK)
    units = {"month": "months", "year": "years", "weekend": "weeks"}[what]
    return _SPANS[what](calendar.shifted(date, **{units: sign}))


def _inner_date(saying: Saying) -> Interval:
    [match, *_] = filter(None, (date.fullmatch(saying.match["date"]) for date in _DATES))
    return _date(Saying(match, saying.at, saying.clause))


def _months_range(saying: Saying) -> Interval:
    year = int(saying["year"]) if saying["year"] else saying.at.year
    first = calendar.month(saying.at.replace(year=year, month=MONTHS[saying["first"]], day=1))
    last = calendar.month(saying.at.replace(year=year, month=MONTHS[saying["second"]], day=1))
    return Interval(start=first.start, end=last.end, granularity=Granularity.SPAN)


def _days_range(saying: Saying) -> Interval:
    last = _date(saying)
    return Interval(start=last.start.replace(day=int(saying["first"])), end=last.end, granularity=Granularity.SPAN)


Resolve = Callable[[Saying], Interval]


def _rule(pattern: str, resolve: Resolve) -> tuple[re.Pattern[str], Resolve]:
    return re.compile(rf"(?<![\w/-])(?<!\d[.,]){pattern}(?![\w/-])", re.IGNORECASE), resolve


#: Every rule: how it is written, and what it means. The longest match at a place counts.
RULES = (
    _rule(r"(?P<year>\d{4})-(?P<monthnumber>\d\d)-(?P<day>\d\d)(?:T\d\d:\d\d(?::\d\d)?(?:Z|[+-]\d\d:?\d\d)?)?", _iso),
    _rule(r"(?P<first>\d{1,2})/(?P<second>\d{1,2})/(?P<yearnumber>\d{4}|\d\d)", _slashed),
    _rule(rf"(?:the\s+)?{DATE}", _date),
    _rule(US_DATE, _date),
    _rule(HOLIDAY_DATE, _date),
    _rule(rf"{WHICH}\s+{HOLIDAY}", _date),
    _rule(rf"(?:from\s+)?(?P<first>\d{{1,2}})(?:st|nd|rd|th)?\s*(?:to|and|until|[-\u2013])\s*{DATE}", _days_range),
    _rule(rf"{MONTH_GROUP}\s+(?P<first>\d{{1,2}})\s*(?:to|and|until|[-\u2013])\s*{DAY}(?:,?\s+{YEAR})?", _days_range),
    _rule(rf"(?:between|from)\s+(?P<first>{MONTH})\s+(?:and|to|until|through)\s+(?P<second>{MONTH})(?:,?\s+{YEAR})?", _months_range),
    _rule(rf"(?:(?P<third>early|mid|late)[\s-]+)?{MONTH_GROUP},?\s+(?:of\s+)?{YEAR}", _month_of_year),
    _rule(rf"(?:in|since|by|until|during|of|back\s+in|before|after)\s+(?:(?P<third>early|mid|late)[\s-]+)?{MONTH_GROUP}(?!,?\s+(?:of\s+)?\d)", _bare_month),
    _rule(rf"(?P<third>early|mid|late)[\s-]+{MONTH_GROUP}", _bare_month),
    _rule(rf"{WHICH}\s+{MONTH_GROUP}", _bare_month),
    _rule(rf"(?:in|since|during|of|by|until|before|after|from|around|between|and|to)\s+(?:(?P<third>early|mid|late)[\s-]+)?{YEAR}", _year),
    _rule(r"(?:in\s+)?the\s+(?:early\s+|mid\s+|late\s+)?['\u2019]?(?P<decade>(?:19|20)?\d0)['\u2019]?s", _decade),
    _rule(r"(?P<named>(?:the\s+)?day\s+before\s+yesterday|(?:the\s+)?day\s+after\s+tomorrow|yesterday|today|tonight|tomorrow)", _named_day),
    _rule(r"(?P<dayname>yesterday|this|tomorrow|last)\s+(?P<part>morning|afternoon|evening|night)", _part_of_day),
    _rule(rf"{WHICH}\s+{WEEKDAY}", _weekday),
    _rule(rf"(?P<on>on\s+)?{WEEKDAY}", _weekday),
    _rule(rf"{WHICH}\s+{SHORT_WEEKDAY}", _weekday),
    _rule(rf"on\s+the\s+(?P<day>0?[1-9]|[12]\d|3[01])(?:st|nd|rd|th){FREE}", _day_of_month),
    _rule(rf"{WHICH}\s+(?P<span>week|weekend|month|year|quarter)", _which_unit),
    _rule(rf"{WHICH}\s+{SEASON}", _season),
    _rule(rf"{SEASON}\s+(?:of\s+)?{YEAR}", _season),
    _rule(rf"{NUMBER}\s+(?:{SEASON})s?\s+ago", _seasons_ago),
    _rule(rf"(?:about\s+|around\s+|almost\s+|over\s+|roughly\s+)?{NUMBER}\s+{UNIT}(?P<half>\s+and\s+a\s+half)?\s+(?:ago|back)", lambda saying: _moved(saying, -1)),
    _rule(r"half\s+a\s+year\s+ago", _half_ago),
    _rule(rf"in\s+(?:about\s+)?{NUMBER}\s+{UNIT}(?:['\u2019]\s*time)?", lambda saying: _moved(saying, 1)),
    _rule(rf"{NUMBER}\s+{UNIT}\s+(?:later|from\s+(?:now|today))", lambda saying: _moved(saying, 1)),
    _rule(rf"(?:for\s+|over\s+|in\s+|during\s+)?the\s+(?:last|past)\s+{NUMBER}\s+{UNIT}", _last_units),
    _rule(rf"for\s+(?:about\s+|around\s+|almost\s+|nearly\s+|over\s+|(?:just\s+)?under\s+)?{NUMBER}\s+{UNIT}(?P<now>\s+now)?", _lasting),
    _rule(rf"{NUMBER}\s+{UNIT}(?P<now>\s+now)", _lasting),
    _rule(rf"the\s+(?P<what>day|night|week|weekend|month|year|{'|'.join(WEEKDAYS)})\s+(?P<side>before|after|of|following)\s+(?:the\s+)?{ANY_DATE}", _beside_date),
    _rule(rf"{NUMBER}\s+(?P<unit>day|week|month|year)s?\s+(?P<side>before|after)\s+(?:the\s+)?{ANY_DATE}", _beside_date),
)  # fmt: skip
