"""Is the right date stated? Judged on the lines that a model would read, by no model.

For every temporal question whose answer is a date, the context of 1,000 tokens is searched for a memory that is
evidence for it and states the right date: the day, month or year that was asked for, or a finer time inside it. "The
week before 9 June" is any time in the thirteen days before it; a weekend may be a day longer at both ends, for people
count it so. The same is counted without the dates that MemOS resolves, and without any date added.
"""

from __future__ import annotations

import argparse
import json
import re
import tempfile
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from dateutil.parser import parse
from dateutil.relativedelta import MO, SA, relativedelta, weekdays
from rich.console import Console
from rich.progress import track
from rich.table import Table

from memos_bench.conversations import LOCOMO_CATEGORIES, Conversation, load
from memos_core import MemOS

BUDGET = 1000  # tokens
DAY = timedelta(days=1)
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
COUNTS = {"": 1, "two ": 2, "three ": 3}
DATE = r"\d{1,2}`? \w+,? \d{4}|\w+ \d{1,2}, \d{4}"
RELATIVE = re.compile(rf"(?:the )?(two |three |)(week|weekend|{'|'.join(DAYS)})s? (before|of) ({DATE})", re.IGNORECASE)
PLAIN = re.compile(rf"(?:(?:in|on|since|around) )?({DATE}|\w+[,.]? ?\d{{4}}|\d{{4}})", re.IGNORECASE)
STATED = re.compile(r"\[?\b(\d{4})(?:-(\d\d))?(?:-(\d\d))?(?:T[\d:]+)?(?:\.\.(\d{4})(?:-(\d\d))?(?:-(\d\d))?)?\b")
BLOCK = re.compile(r"^\[([^\]]+)\] .*?\(source ([^;]+); [^\n]*\n((?:\|[^\n]*\n)+)", re.MULTILINE)


class Days(NamedTuple):
    """Days from the first to the last."""

    first: date
    last: date

    def has(self, other: Days) -> bool:
        """Say whether the other lies inside."""
        return self.first <= other.first and other.last <= self.last


def wanted(answer: str) -> Days | None:
    """The days that an answer means; ``None`` if it is no date."""
    answer = answer.strip().rstrip(".")
    if found := RELATIVE.fullmatch(answer):
        count, unit, side, written = found.groups()
        return before(
            parse(written.replace("`", "")).date(), unit.lower(), COUNTS[count.lower()], of=side.lower() == "of"
        )
    if found := PLAIN.fullmatch(answer):
        written = found[1].replace(".", " ")
        numbers = re.findall(r"\d+", written)
        try:
            start = parse(written, default=parse("2000-01-01")).date()
        except ValueError:
            return None
        if len(numbers) == 2:
            return Days(start, start)
        length = relativedelta(months=1) if re.search(r"[a-z]", written, re.IGNORECASE) else relativedelta(years=1)
        return Days(start, start + length - DAY)
    return None


def before(day: date, unit: str, count: int, *, of: bool) -> Days:
    """The week, weekend or weekday that lies before a day, or around it."""
    if unit == "week":
        monday = day + relativedelta(weekday=MO(-1))
        return (
            Days(monday, monday + 6 * DAY)
            if of
            else Days(day - (6 + 7 * count) * DAY, day - DAY - 7 * (count - 1) * DAY)
        )
    if unit == "weekend":
        saturday = day - DAY + relativedelta(weekday=SA(-count))
        return Days(saturday - DAY, saturday + 2 * DAY)
    last = day - DAY + relativedelta(weekday=weekdays[DAYS.index(unit)](-count))
    return Days(last, last)


def stated(text: str) -> Iterator[Days]:
    """Every day, month, year or range in ISO form that a text states."""
    for year, month, day, *until in STATED.findall(text):
        first = Days(*_span(year, month, day))
        yield Days(first.first, _span(*until)[1]) if until[0] else first


def _span(year: str, month: str, day: str) -> tuple[date, date]:
    start = date(int(year), int(month or 1), int(day or 1))
    length = relativedelta(days=1) if day else relativedelta(months=1) if month else relativedelta(years=1)
    return start, start + length - DAY


#: What is read of a memory: its heading's time, and its text.
WAYS: dict[str, Callable[[str, str], str]] = {
    "as MemOS writes it": lambda when, text: f"{when} {text}",
    "with the time it was said alone": lambda when, text: f"{when} " + re.sub(r" ?\[\d{4}[^\]]*\]", "", text),
    "as it was said": lambda _, text: re.sub(r" ?\[\d{4}[^\]]*\]", "", text),
}


def judge(context: str, evidence: frozenset[str], right: Days) -> dict[str, bool]:
    """For each way, whether some memory that is evidence states the right days."""
    blocks = [(when, text) for when, source, text in BLOCK.findall(context) if source in evidence]
    return {
        way: any(right.has(days) for when, text in blocks for days in stated(read(when, text)))
        for way, read in WAYS.items()
    }


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="conversations in the form of LoCoMo")
    parser.add_argument("--keep", type=Path, help="folder for the vault, to use it again in the next run")
    parser.add_argument("--show", action="store_true", help="print what was missed")
    options = parser.parse_args()
    console = Console(width=100)
    answers = _answers(json.loads(options.data.read_text("utf-8")))
    conversations = load(options.data)
    results, recalled = [], 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or Path(temporary)
        with MemOS.open(folder / f"{options.data.stem}.db") as memos:
            for conversation in track(conversations, "remembering", console=console, disable=not console.is_terminal):
                remember(memos, conversation)
            for conversation in conversations:
                for question in conversation.questions:
                    right = wanted(answers.get((conversation.name, question.text), ""))
                    if right is None:
                        continue
                    context = memos.context(question.text, namespace=conversation.name, max_tokens=BUDGET)
                    results.append(judge(context.text, question.evidence, right))
                    found = question.evidence.intersection(*[[each for hit in context.hits for each in hit.source_ids]])
                    recalled += bool(found)
                    if options.show and found and not results[-1]["as MemOS writes it"]:
                        lines = [text for _, source, text in BLOCK.findall(context.text) if source in found]
                        console.print(
                            question.text, "|", answers[conversation.name, question.text], right, *lines, markup=False
                        )
    table = Table("the right date stands on a line of evidence", f"of {len(results)}", "%")
    for way in WAYS:
        count = sum(result[way] for result in results)
        table.add_row(way, str(count), f"{100 * count / len(results):.1f}")
    table.add_row("(evidence is in the context)", str(recalled), f"{100 * recalled / len(results):.1f}")
    console.print(table)


def remember(memos: MemOS, conversation: Conversation) -> None:
    """Put a conversation into a namespace of its own, unless an earlier run has."""
    if not memos.list(namespace=conversation.name, limit=1):
        for session, messages in conversation.sessions.items():
            memos.add(messages, namespace=conversation.name, session=session)


def _answers(rows: list[dict[str, Any]]) -> dict[tuple[str, str], str]:
    return {
        (row["sample_id"], asked["question"]): str(asked["answer"])
        for row in rows
        for asked in row["qa"]
        if LOCOMO_CATEGORIES[asked["category"]] == "temporal"
    }


if __name__ == "__main__":
    main()
