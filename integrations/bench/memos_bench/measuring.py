"""Ask every question of every system; one row each."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory
from typing import NamedTuple

from memos_bench.conversations import APART, Conversation, Question, said
from memos_bench.peers import Peer, Place, Search, System
from memos_bench.vectors import BATCH, SharedVectors

DEPTHS = (5, 10, 20, 50)
DEPTH = max(DEPTHS)  # of every search
BUDGETS = (100, 200, 400, 800, 1600, 3200, 6400)  # tokens
SHOWN = 10  # messages whose tokens are counted
SESSIONS = 5

Advance = Callable[[int, int], None]  # steps done, and in all


@dataclass(frozen=True)
class Row:
    """What one system did with one question. It holds ids and no text, so that it can be published.

    Attributes
    ----------
    system, peer
        The way of asking, and what was asked.
    question
        Its number among those of the conversation that have evidence, from 1.
    found
        Ids of messages, best first, without repetitions, at most 50.
    recall, within
        Share of the evidence among the first so many; and among those that fit into so many tokens.
    sessions
        Share of the evidence's sessions among the first five found; nothing if there is but one session.
    tokens
        Of the first ten messages, as ``name: text``.
    milliseconds, adding
        Of the search, and of adding a message, on average; without the time in the embedding model.
    others
        Passages of this conversation that the peer embedded and that are not the text of a whole message. Where it
        is not 0, the peer has other vectors than the floors: parts of long messages, or a text of its own making.
    """

    system: str
    peer: str
    conversation: str
    question: int
    category: str
    evidence: list[str]
    found: list[str]
    recall: dict[str, float]
    within: dict[str, float]
    rank: float
    sessions: float | None
    tokens: int
    milliseconds: float
    adding: float
    others: int


class Cost(NamedTuple):
    """What an answer took; the fields are those of ``Row``."""

    milliseconds: float
    adding: float
    others: int


@dataclass(frozen=True)
class Ceiling:
    """What the whole conversation as context would reach, and cost: broken evidence keeps it below one."""

    recall: float
    tokens: float


def measure(
    conversations: Sequence[Conversation], systems: Sequence[System], vectors: SharedVectors, advance: Advance
) -> list[Row]:
    """Run systems one after another over conversations one after another."""
    steps = [len(each.messages()) * (1 + len(systems)) + len(each.questions) * len(systems) for each in conversations]
    done = 0

    def step(count: int = 1) -> None:
        nonlocal done
        done += count
        advance(done, sum(steps))

    rows: list[Row] = []
    for conversation in conversations:
        _warm(conversation, vectors, step)
        judge = Judge(conversation, vectors)
        for system in systems:
            with TemporaryDirectory(prefix="memos-bench-", ignore_cleanup_errors=True) as folder:
                place = Place(Path(folder), vectors)
                rows.extend(_run(system, place, judge, step))
    return rows


def _warm(conversation: Conversation, vectors: SharedVectors, step: Callable[[int], None]) -> None:
    """Embed the messages, many at a time, which is faster than one by one in a system."""
    texts = [said(message) for message in conversation.messages()]
    for start in range(0, len(texts), BATCH):
        chunk = texts[start : start + BATCH]
        vectors.embed(chunk)
        step(len(chunk))


def _run(system: System, place: Place, judge: Judge, step: Callable[[int], None]) -> Iterator[Row]:
    conversation = judge.conversation
    peer = system.open(place)
    place.vectors.asked.clear()
    try:
        adding = _filled(peer, conversation, place.vectors, step)
        others = place.vectors.others([said(message) for message in conversation.messages()])
        ways = peer.searches()
        for number, question in enumerate(conversation.questions, 1):
            for name, search in ways.items():
                found, took = timed(search, question.text, place.vectors)
                yield judge.row((name, system.name), number, question, found, Cost(took, adding, others))
            step(1)
    finally:
        peer.close()


def _filled(peer: Peer, conversation: Conversation, vectors: SharedVectors, step: Callable[[int], None]) -> float:
    """Add everything; milliseconds a message."""
    inside, started, count = vectors.seconds, time.perf_counter(), 0
    for session, messages in conversation.sessions.items():
        peer.add(messages, session=session)
        count += len(messages)
        step(len(messages))
    seconds = time.perf_counter() - started - (vectors.seconds - inside)
    return max(seconds, 0.0) * 1000 / max(count, 1)


def timed(search: Search, question: str, vectors: SharedVectors) -> tuple[list[str], float]:
    """What a search finds, and its milliseconds without those in the model."""
    inside, started = vectors.seconds, time.perf_counter()
    found = search(question, DEPTH)
    seconds = time.perf_counter() - started - (vectors.seconds - inside)
    return found, max(seconds, 0.0) * 1000


class Judge:
    """Compares what was found with the evidence. No model takes part."""

    def __init__(self, conversation: Conversation, vectors: SharedVectors) -> None:
        self.conversation = conversation
        self._session_of = conversation.session_of()
        self._tokens = {str(message.id): vectors.count_tokens(said(message)) for message in conversation.messages()}

    def row(
        self,
        asked: tuple[str, str],
        number: int,
        question: Question,
        given: Sequence[str],
        cost: Cost,
    ) -> Row:
        """Everything that is measured of one answer."""
        found = list(dict.fromkeys(given))[:DEPTH]
        return Row(
            system=asked[0],
            peer=asked[1],
            conversation=self.conversation.name,
            question=number,
            category=question.category,
            evidence=sorted(question.evidence),
            found=found,
            recall={str(k): share(found[:k], question.evidence) for k in DEPTHS},
            within={str(budget): share(self.fitting(found, budget), question.evidence) for budget in BUDGETS},
            rank=reciprocal_rank(found, question.evidence),
            sessions=self.session_recall(found, question.evidence),
            tokens=sum(self._tokens.get(each, 0) for each in found[:SHOWN]),
            milliseconds=cost.milliseconds,
            adding=cost.adding,
            others=cost.others,
        )

    def fitting(self, found: Sequence[str], budget: int) -> list[str]:
        """Those that fit, the best before the others; one that does not is passed over."""
        kept = []
        for each in found:
            cost = self._tokens.get(each, 0)
            if cost <= budget:
                kept.append(each)
                budget -= cost
        return kept

    def session_recall(self, found: Sequence[str], evidence: frozenset[str]) -> float | None:
        """Share of the evidence's sessions among the first five sessions found."""
        if len(self.conversation.sessions) == 1:
            return None
        sessions = list(dict.fromkeys(self._session_of[each] for each in found if each in self._session_of))
        wanted = frozenset(self._session_of[each] for each in evidence if each in self._session_of)
        return share(sessions[:SESSIONS], wanted) if wanted else 0.0

    def everything(self, evidence: frozenset[str]) -> tuple[float, int]:
        """The share of the evidence that all messages together hold, and their tokens."""
        return share(list(self._tokens), evidence), sum(self._tokens.values())


def share(found: Sequence[str], evidence: frozenset[str]) -> float:
    """Share of the evidence that was found."""
    return len(evidence.intersection(found)) / len(evidence)


def reciprocal_rank(found: Sequence[str], evidence: frozenset[str]) -> float:
    """One divided by the rank of the first evidence; 0 if there is none."""
    return next((1 / rank for rank, each in enumerate(found, 1) if each in evidence), 0.0)


def ceiling(conversations: Sequence[Conversation], vectors: SharedVectors) -> Ceiling:
    """Full context, on average over the questions that count."""
    reached = []
    for conversation in conversations:
        judge = Judge(conversation, vectors)
        reached += [judge.everything(each.evidence) for each in conversation.questions if each.category != APART]
    return Ceiling(fmean(recall for recall, _ in reached), fmean(tokens for _, tokens in reached))


def labels(rows: Sequence[Row]) -> Mapping[str, list[Row]]:
    """Rows by system, in the order in which they came."""
    grouped: dict[str, list[Row]] = {}
    for row in rows:
        grouped.setdefault(row.system, []).append(row)
    return grouped
