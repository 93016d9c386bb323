"""Time expressions: what is found, and what it means. Said on Monday 8 May 2023 at 13:56, unless a case says otherwise."""

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memos_core.language.times import find_times

SAID = datetime(2023, 5, 8, 13, 56, tzinfo=timezone.utc)

MEANINGS = {
    # days by name
    "I went today": "2023-05-08",
    "I went yesterday": "2023-05-07",
    "We leave tomorrow": "2023-05-09",
    "That was the day before yesterday": "2023-05-06",
    "We leave the day after tomorrow": "2023-05-10",
    "See you tonight": "2023-05-08",
    "I slept badly last night": "2023-05-07",
    "I ran this morning": "2023-05-08",
    "We talked yesterday evening": "2023-05-07",
    "I will call tomorrow afternoon": "2023-05-09",
    "We met yesterday at 5pm": "2023-05-07T17:00",
    "We met yesterday at 9:30 am": "2023-05-07T09:30",
    # weekdays
    "We met last Friday": "2023-05-05",
    "We met last Monday": "2023-05-01",
    "this Friday it is": "2023-05-12",
    "this Monday": "2023-05-08",
    "next Friday": "2023-05-19",
    "next Monday": "2023-05-15",
    "this coming Sunday": "2023-05-14",
    "this past Saturday": "2023-05-06",
    "On Tuesday we went to the zoo": "2023-05-02",
    "The meeting is on Tuesday": "2023-05-09",
    "I will see her on Thursday": "2023-05-11",
    "I saw her on Monday": "2023-05-01",
    "We met last Fri": "2023-05-05",
    "I joined them last Tues.": "2023-05-02",
    "See you next Sat": "2023-05-20",
    # days of a month
    "I moved on the 26th, in the rain": "2023-04-26",
    "We met on the 8th": "2023-05-08",
    "We will leave on the 31st": "2023-05-31",
    "We will leave on the 3rd and return": "2023-06-03",
    # what goes on
    "I've been painting for seven years now": "2016-01-01..2023-05-08",
    "She has been ill for two weeks": "2023-04-24..2023-05-08",
    "Ten years now, and still happy": "2013-01-01..2023-05-08",
    # weeks, weekends, months, quarters, years
    "last week": "2023-05-01..2023-05-07",
    "this week": "2023-05-08..2023-05-14",
    "next week": "2023-05-15..2023-05-21",
    "last weekend": "2023-05-06..2023-05-07",
    "this past weekend": "2023-05-06..2023-05-07",
    "this weekend": "2023-05-13..2023-05-14",
    "next weekend": "2023-05-20..2023-05-21",
    "last month": "2023-04",
    "next month": "2023-06",
    "this year": "2023",
    "last year": "2022",
    "next year": "2024",
    "last quarter": "2023-01-01..2023-03-31",
    # so long ago, in so long
    "two days ago": "2023-05-06",
    "2 days ago": "2023-05-06",
    "ten days ago": "2023-04-28",
    "a week ago": "2023-05-01..2023-05-07",
    "two weeks ago": "2023-04-24..2023-04-30",
    "three months ago": "2023-02",
    "about a year ago": "2022",
    "30 years ago": "1993",
    "a decade ago": "2013",
    "a couple of weeks ago": "2023-04-17..2023-05-07",
    "a few months ago": "2023-01-01..2023-03-31",
    "a few years ago": "2020",
    "half a year ago": "2022-11",
    "a year and a half ago": "2021-11",
    "two weekends ago": "2023-04-29..2023-04-30",
    "three nights ago": "2023-05-05",
    "an hour ago": "2023-05-08T12:00",
    "in 3 days": "2023-05-11",
    "in two weeks": "2023-05-22..2023-05-28",
    "in a month": "2023-06",
    "two days from now": "2023-05-10",
    "in a year's time": "2024",
    # stretches
    "the last three months": "2023-02-08..2023-05-08",
    "for the past two years": "2021-05-08..2023-05-08",
    "over the past few weeks": "2023-04-17..2023-05-08",
    "since 2016": "2016-01-01..2023-05-08",
    "since last March": "2023-03-01..2023-05-08",
    "since yesterday": "2023-05-07..2023-05-08",
    "between June and August 2021": "2021-06-01..2021-08-31",
    "from 3 to 5 May 2023": "2023-05-03..2023-05-05",
    "May 3-5, 2022": "2022-05-03..2022-05-05",
    "from 1 June 2022 to 3 July 2022": "2022-06-01..2022-07-03",
    # seasons and decades
    "last summer": "2022-06-01..2022-08-31",
    "this summer": "2023-06-01..2023-08-31",
    "next summer": "2023-06-01..2023-08-31",
    "last spring": "2022-03-01..2022-05-31",
    "last winter": "2022-12-01..2023-02-28",
    "two summers ago": "2021-06-01..2021-08-31",
    "summer of 2019": "2019-06-01..2019-08-31",
    "winter 2020": "2020-12-01..2021-02-28",
    "in the 90s": "1990-01-01..1999-12-31",
    "the 1980s": "1980-01-01..1989-12-31",
    # months and years
    "in June": "2023-06",
    "in December": "2022-12",
    "We went there in June": "2022-06",
    "I stay until August": "2023-08",
    "back in March": "2023-03",
    "We will marry in June": "2023-06",
    "last April": "2023-04",
    "last June": "2022-06",
    "next January": "2024-01",
    "in April 2021": "2021-04",
    "April, 2021": "2021-04",
    "early March 2022": "2022-03-01..2022-03-10",
    "late March 2022": "2022-03-21..2022-03-31",
    "in 2021": "2021",
    "before June 2023": "2023-06",
    # dates
    "2023-05-01": "2023-05-01",
    "2023-05-01T10:00:00Z": "2023-05-01",
    "9 June 2023": "2023-06-09",
    "9th of June 2023": "2023-06-09",
    "June 9, 2023": "2023-06-09",
    "June 9th": "2023-06-09",
    "We saw it on June 9th": "2022-06-09",
    "I was born on 1 January 1990": "1990-01-01",
    "We plan to leave on 9 June": "2023-06-09",
    "5/8/2023": "2023-05-08",
    "13/8/2022": "2022-08-13",
    "29 February 2024": "2024-02-29",
    "1 Jan 2020": "2020-01-01",
    "Sept 5, 2020": "2020-09-05",
    # holidays
    "last Christmas": "2022-12-25",
    "next Christmas": "2023-12-25",
    "It was Halloween 2021": "2021-10-31",
    "We kissed on New Year's Eve 2019": "2019-12-31",
    # beside a date
    "the week before 9 June 2023": "2023-06-02..2023-06-08",
    "the week before June 9, 2023": "2023-06-02..2023-06-08",
    "the week after 9 June 2023": "2023-06-10..2023-06-16",
    "the week of 9 June 2023": "2023-06-05..2023-06-11",
    "the weekend of 3 May 2023": "2023-05-06..2023-05-07",
    "the weekend before 9 June 2023": "2023-06-03..2023-06-04",
    "the Friday before 15 July 2023": "2023-07-14",
    "the Sunday after 15 July 2023": "2023-07-16",
    "the Saturday before 15 July 2023": "2023-07-08",
    "the day before Christmas 2022": "2022-12-24",
    "two days after Christmas 2022": "2022-12-27",
    "a week before June 9, 2023": "2023-06-02",
}


@pytest.mark.parametrize(("text", "iso"), MEANINGS.items())
def test_expression_means(text: str, iso: str) -> None:
    assert [mention.when.iso() for mention in find_times(text, said_at=SAID)] == [iso]


NO_TIMES = [
    "", "nothing here", "You may go", "They march on", "the sun is out", "wait a second", "leaves fall", "a spring in her step",
    "2000 people came", "the weekend is short", "for two years", "a two week trip", "I am 30 years old", "every Friday-ish",
    "version 2.5.1", "room 1203", "10,000 years ago", "30 February 2023 is none", "in the fall", "call 555/1234", "99/99/2023",
    "the year of the cat", "ago", "last but not least", "next to me", "this is it", "at 5", "may 2", "the 45th day",
        "Who last sat here?",
        "We live on the 1st floor",
        "We stayed for two weeks",
        "It came on the 3rd try",
]  # fmt: skip


@pytest.mark.parametrize("text", [text for text in NO_TIMES if "February" not in text and "Friday" not in text])
def test_ordinary_words_are_no_times(text: str) -> None:
    assert find_times(text, said_at=SAID) == []


@pytest.mark.parametrize(
    ("said", "text", "iso"),
    [
        (datetime(2024, 2, 29, tzinfo=timezone.utc), "a year ago", "2023"),
        (datetime(2024, 2, 29, tzinfo=timezone.utc), "last year", "2023"),
        (datetime(2024, 3, 31, tzinfo=timezone.utc), "last month", "2024-02"),
        (datetime(2024, 1, 1, tzinfo=timezone.utc), "yesterday", "2023-12-31"),
        (datetime(2024, 1, 1, tzinfo=timezone.utc), "last week", "2023-12-25..2023-12-31"),
        (datetime(2024, 1, 15, tzinfo=timezone.utc), "last winter", "2022-12-01..2023-02-28"),
        (datetime(2024, 1, 15, tzinfo=timezone.utc), "this winter", "2023-12-01..2024-02-29"),
        (datetime(2023, 5, 14, tzinfo=timezone.utc), "this past weekend", "2023-05-13..2023-05-14"),
        (datetime(2023, 5, 12, tzinfo=timezone.utc), "last Friday", "2023-05-05"),
        (datetime(2023, 5, 12, tzinfo=timezone.utc), "next Friday", "2023-05-19"),
        (datetime(2023, 5, 8, 23, 30, tzinfo=timezone(timedelta(hours=-5))), "yesterday", "2023-05-07"),
        (datetime(2023, 5, 8, 0, 30, tzinfo=timezone(timedelta(hours=9))), "yesterday", "2023-05-07"),
    ],
)
def test_calendar_edges(said: datetime, text: str, iso: str) -> None:
    assert [mention.when.iso() for mention in find_times(text, said_at=said)] == [iso]


def test_days_are_counted_in_the_speakers_own_offset() -> None:
    said = datetime(2023, 5, 8, 23, 30, tzinfo=timezone(timedelta(hours=-5)))
    [mention] = find_times("yesterday", said_at=said)
    assert mention.when.start.isoformat() == "2023-05-07T00:00:00-05:00"


def test_several_expressions_come_in_order_with_exact_offsets() -> None:
    text = "Last Friday we met; two weeks ago we had not, and on 3 June 2022 we were strangers."
    mentions = find_times(text, said_at=SAID)
    assert [mention.text for mention in mentions] == ["Last Friday", "two weeks ago", "3 June 2022"]
    assert all(text[mention.offset :].startswith(mention.text) for mention in mentions)


@pytest.mark.parametrize("year", [1, 9999])
def test_what_leaves_the_calendar_is_left_out(year: int) -> None:
    said = datetime(year, 6, 15, tzinfo=timezone.utc)
    assert find_times("90 decades ago and in 90 decades", said_at=said) is not None


pieces = st.sampled_from(
    "last next this past in on at the a two 3 30 31 February June May 2023 1999 week weekend month year summer ago before "
    "after of from to between and since Friday yesterday tomorrow Christmas 5/8/2023 2023-02-30 'til 5pm , . early late days".split()
)
moments = st.datetimes(
    timezones=st.sampled_from([timezone.utc, timezone(timedelta(hours=14)), timezone(timedelta(hours=-12))])
)


@given(st.lists(pieces, max_size=12).map(" ".join) | st.text(max_size=80), moments)
def test_any_text_at_any_moment_gives_ordered_mentions_that_point_into_it(text: str, said: datetime) -> None:
    mentions = find_times(text, said_at=said)
    end = 0
    for mention in mentions:
        assert text[mention.offset : mention.offset + len(mention.text)] == mention.text
        assert mention.offset >= end
        assert mention.when.end is None or mention.when.start <= mention.when.end
        end = mention.offset + len(mention.text)
