"""The values that planning is made of: what is there, what may be spent, and what is decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import NamedTuple

from memos_core.cube.frozen import Frozen
from memos_core.cube.memcube import MemCube
from memos_core.cube.namespace import Namespace
from memos_core.errors import InvalidInput
from memos_core.operation.scheduler.policies import check_known
from memos_core.ports import Job


class Action(str, Enum):
    """What the scheduler can do, in the order in which it is done."""

    EXPIRE = "expire"
    COOL = "cool"
    DEMOTE = "demote"
    ACTIVATE = "activate"
    MERGE = "merge"
    RENEW = "renew"  #: make a stale summary anew
    SUMMARISE = "summarise"
    PROMOTE = "promote"
    REMEMBER = "remember"  #: refresh the working memory of a conversation
    REEMBED = "reembed"
    SCRUB = "scrub"  #: compare everything stored with its checksums


class Decision(Frozen):
    """One thing to do, and why.

    Attributes
    ----------
    subject
        The conversation or back end that it is about, if it is about one.
    cubes
        Ids; of a merge, the one that stays comes first.
    key
        Says what it is about, so that it is done once.
    """

    action: Action
    namespace: Namespace
    subject: str = ""
    cubes: tuple[str, ...]
    reason: str
    key: str


class Done(Frozen):
    """What became of a decision: ``"planned"``, ``"done"``, or what went wrong."""

    decision: Decision
    outcome: str


def as_job(decision: Decision) -> Job:
    """A decision as it is noted durably."""
    return Job(
        key=decision.key,
        action=decision.action.value,
        namespace=decision.namespace,
        subject=decision.subject,
        cubes=decision.cubes,
        reason=decision.reason,
    )


def decided(job: Job) -> Decision:
    """The decision that was noted as a job."""
    return Decision(
        action=Action(job.action),
        namespace=job.namespace,
        subject=job.subject,
        cubes=job.cubes,
        reason=job.reason,
        key=job.key,
    )


class Alike(NamedTuple):
    """Two cubes that are near one another in meaning: cosine similarity, -1..1."""

    older: str
    newer: str
    cosine: float


class Tier(NamedTuple):
    """What a back end holds: bytes by version; and whether it takes what is stable, or what is hot, and from where."""

    held: Mapping[str, int]
    is_for_stable: bool = False
    namespace: Namespace = ()


class Lap(NamedTuple):
    """How far rounds have come that cannot look at everything at once.

    Attributes
    ----------
    at
        So many cubes, counted from the latest, were looked at in this lap.
    since, began
        When the lap before, and this one, began: what is newer than the first is compared with what is like it.
    """

    at: int = 0
    since: str = ""
    began: str = ""


class Conversation(NamedTuple):
    """A conversation, and what is spoken of now.

    Attributes
    ----------
    topic
        The words of its last messages.
    working
        Ids of the cubes that it has in mind, the foremost first.
    """

    namespace: Namespace
    name: str
    last: datetime
    topic: str
    working: tuple[str, ...] = ()


_SIGNED = frozenset({"fading", "sameness"})


@dataclass(frozen=True)
class Limits:
    """What one round may look at and spend, and from when on something is worth doing.

    Attributes
    ----------
    cubes
        Looked at. Of more, half are the latest ones, and the others come in turn, round by round.
    decisions
        Carried out.
    seconds
        After so long no further job is begun.
    calls, tokens
        Of the chat model.
    fading
        Activation below which a cube that fades is archived; see ``lifecycle.activation``.
    sameness
        Cosine similarity from which on two cubes are compared word for word.
    episode, idle
        A conversation of so many messages is summarised when it has rested so long.
    summary_words
        Length of a summary.
    working, working_tokens
        Cubes of a working memory, and their length in tokens.
    hot, warm, cold
        Recalled so often and as lately as that, plaintext is promoted; unused for so long, it comes back.
    settled
        A fact recalled so often that has not changed for so long is stable.
    bytes
        That each back end may hold of what is hot. What is stable is one adapter, which does not grow with what it
        knows, and cannot be held in part.
    working_by, held_by
        Policies by which a working memory and a full back end keep what they keep: of ``lru``, ``lfu``, ``nearness``,
        ``label`` and ``priority``, the first that decides.
    labels
        Tags that the policy ``label`` keeps.
    scrub_every
        Between two comparisons of everything stored.

    Raises
    ------
    InvalidInput
        If a number or duration is below zero (but for ``fading`` and ``sameness``), or there is no such policy.
    """

    cubes: int = 10_000
    decisions: int = 1_000
    seconds: float = 30.0
    calls: int = 20
    tokens: int = 50_000
    fading: float = -2.25
    sameness: float = 0.97
    episode: int = 40
    idle: timedelta = timedelta(days=1)
    summary_words: int = 120
    working: int = 8
    working_tokens: int = 400
    hot: int = 5
    warm: timedelta = timedelta(days=7)
    cold: timedelta = timedelta(days=30)
    settled: timedelta = timedelta(days=30)
    bytes: int = 1 << 30
    working_by: tuple[str, ...] = ("priority", "nearness", "lru")
    held_by: tuple[str, ...] = ("priority", "lfu", "lru")
    labels: tuple[str, ...] = ()
    scrub_every: timedelta = timedelta(days=7)

    def __post_init__(self) -> None:
        for field_, value in vars(self).items():
            is_below = isinstance(value, timedelta) and value < timedelta(0)
            if is_below or (isinstance(value, (int, float)) and value < 0 and field_ not in _SIGNED):
                raise InvalidInput(detail=f"{field_} cannot be below zero, and is {value}.")
        check_known((*self.working_by, *self.held_by))


@dataclass(frozen=True)
class Snapshot:
    """What planning looks at.

    Attributes
    ----------
    alike
        Pairs near in meaning, of what is new since the last round.
    conversations
        Those with a message within the last day.
    tiers
        What each back end holds in another form, by the name of the back end.
    unembedded
        Texts that wait for a vector.
    scrubbed
        When everything was last compared with its checksums.
    lap
        Where the next round goes on.
    """

    cubes: tuple[MemCube, ...] = ()
    alike: tuple[Alike, ...] = ()
    conversations: tuple[Conversation, ...] = ()
    tiers: Mapping[str, Tier] = field(default_factory=dict)
    unembedded: int = 0
    scrubbed: datetime | None = None
    lap: Lap = field(default_factory=Lap)
