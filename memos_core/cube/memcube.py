"""MemCube, the unit of memory: what was put, and what its operations made of it."""

from __future__ import annotations

from datetime import datetime
from enum import Enum, IntEnum
from typing import Annotated, Any

from pydantic import AwareDatetime, BeforeValidator, Field, PlainSerializer
from typing_extensions import Self

from memos_core.cube.claim import Claim
from memos_core.cube.frozen import Frozen
from memos_core.cube.interval import Interval
from memos_core.cube.namespace import Namespace
from memos_core.cube.payload import BlobRef, Payload, Plaintext


class Kind(str, Enum):
    """The semantic type of a cube."""

    EPISODE = "episode"  #: a message, word for word
    DOCUMENT = "document"  #: a passage of a document, word for word
    FACT = "fact"
    PREFERENCE = "preference"
    EVENT = "event"
    PROFILE = "profile"
    PROCEDURE = "procedure"
    SUMMARY = "summary"
    TOOL_TRACE = "tool_trace"
    LINK = "link"  #: a claim whose subject and object are cubes
    ACTIVATION = "activation"  #: other memories as a model has read them: a KV cache
    ADAPTER = "adapter"  #: other memories as a model has learnt them


class Origin(str, Enum):
    """Who a memory comes from."""

    USER = "user"
    AGENT = "agent"
    TOOL = "tool"
    DOCUMENT = "document"
    IMPORT = "import"
    DERIVED = "derived"


class Trust(IntEnum):
    """How far a memory may steer an agent; written in JSON by its name."""

    THIRD_PARTY = 0
    DOCUMENT = 1
    TOOL = 2
    AGENT = 3
    USER = 4

    @classmethod
    def of(cls, origin: Origin) -> Trust:
        """The tier that a memory of this origin starts with; a derived one takes its premises' least."""
        return _TRUST_OF_ORIGIN[origin]


_TRUST_OF_ORIGIN = {
    Origin.USER: Trust.USER,
    Origin.AGENT: Trust.AGENT,
    Origin.TOOL: Trust.TOOL,
    Origin.DOCUMENT: Trust.DOCUMENT,
    Origin.IMPORT: Trust.THIRD_PARTY,
    Origin.DERIVED: Trust.THIRD_PARTY,
}


class State(str, Enum):
    """Where a cube is in its life, in the paper's words."""

    GENERATED = "generated"
    ACTIVATED = "activated"
    MERGED = "merged"
    ARCHIVED = "archived"
    EXPIRED = "expired"
    FROZEN = "frozen"


class Trigger(str, Enum):
    """What moves a cube through its life; ``operation/lifecycle.py`` says from where to where."""

    USE = "use"  #: it was recalled
    MERGE = "merge"  #: its content lives on in another cube
    FORGET = "forget"  #: somebody asked for it
    COOL = "cool"  #: it has not been needed for long; it still holds
    FALL = "fall"  #: nothing that it rests on holds any more
    SHAKE = "shake"  #: something that it rests on no longer holds
    RISE = "rise"  #: what it rests on holds again
    EXPIRE = "expire"  #: its time is over
    FREEZE = "freeze"  #: it must not change
    THAW = "thaw"  #: it may change again
    REVIVE = "revive"  #: somebody wants it back
    HOLD = "hold"  #: who wrote it may suggest and not write
    ACCEPT = "accept"  #: an editor took what was suggested
    REJECT = "reject"  #: an editor did not


#: States that take a cube out of ordinary recall.
REMOVED = frozenset({State.MERGED, State.ARCHIVED, State.EXPIRED})
#: States in which a cube is recalled without being asked for.
RECALLED = frozenset(State) - REMOVED


def _trust(value: Any) -> Any:
    return Trust[value.upper()] if isinstance(value, str) and value.upper() in Trust.__members__ else value


TrustField = Annotated[
    Trust, BeforeValidator(_trust), PlainSerializer(lambda trust: trust.name.lower(), return_type=str, when_used="json")
]


class Provenance(Frozen):
    """Where a memory comes from.

    Attributes
    ----------
    origin
        Who it comes from.
    actor
        Which user, agent or tool, by name.
    speaker
        Who said it, for a message.
    role
        The chat role under which it was said, e.g. ``"user"``.
    source_id
        Id of the message or document, as its own system names it.
    source_uri
        Where to find it there.
    session
        The conversation it belongs to.
    position
        Its place in that conversation or document, counted from 0.
    model
        Which model wrote it, if one did.
    derived_from
        Versions of cubes that it rests on: while one of them holds, it does.
    justifications
        If given, sets of these versions: while all of one set hold, it does. ``operation/truth.py`` goes by them.
    """

    origin: Origin = Origin.USER
    actor: str | None = None
    speaker: str | None = None
    role: str | None = None
    source_id: str | None = None
    source_uri: str | None = None
    session: str | None = None
    position: int | None = None
    model: str | None = None
    derived_from: tuple[str, ...] = ()
    justifications: tuple[tuple[str, ...], ...] = ()


class Governance(Frozen):
    """The rules a memory is kept under; they travel with it.

    Attributes
    ----------
    trust
        How far it may steer an agent.
    expires_at
        From then on it is not recalled.
    decay
        How fast it fades while it is not recalled: the exponent of ACT-R, between 0 and 1. Without one it does not.
    priority
        Higher is kept longer and loaded first.
    sensitivity
        Tags such as ``"email"`` or ``"health"``.
    licence, watermark
        As its author set them.
    """

    trust: TrustField = Trust.USER
    expires_at: AwareDatetime | None = None
    decay: float | None = Field(default=None, gt=0, lt=1)
    priority: int = 0
    sensitivity: tuple[str, ...] = ()
    licence: str | None = None
    watermark: str | None = None


class TimeMention(Frozen):
    """A time expression in the text, resolved against the time of the message.

    Attributes
    ----------
    text
        The words, e.g. ``"last Friday"``.
    offset
        Of their first character in the text.
    when
        What they mean.
    """

    text: str
    offset: int = Field(ge=0)
    when: Interval


class Content(Frozen):
    """What one put operation says about a cube: the header that its author sets, and the payload.

    Attributes
    ----------
    namespace
        Address, and unit of ownership and sharing.
    occurred
        Valid time: when it happened, or from when to when it held.
    times
        Time expressions in the text.
    entities
        Names of people, places and things in it.
    follows
        Id of the cube that came right before it in its conversation or document.
    claims
        What it says, in comparable form.
    """

    namespace: Namespace
    kind: Kind
    payload: Payload
    occurred: Interval | None = None
    times: tuple[TimeMention, ...] = ()
    entities: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    follows: str | None = None
    claims: tuple[Claim, ...] = ()
    metadata: dict[str, Any] = Field(default_factory=dict)
    # Made when needed: an instance here would build its model, and load pydantic's plugins, with every import.
    provenance: Provenance = Field(default_factory=Provenance)
    governance: Governance = Field(default_factory=Governance)

    @property
    def text(self) -> str:
        """The text of a plaintext payload; empty for the two others."""
        return self.payload.text if isinstance(self.payload, Plaintext) else ""

    def governed(self, **changes: Any) -> Self:
        """The same under other rules: some fields of its ``governance`` are changed."""
        return self.model_copy(update={"governance": self.governance.model_copy(update=changes)})

    @property
    def blob(self) -> BlobRef | None:
        """What the two payloads that are no text refer to; ``None`` for text."""
        return None if isinstance(self.payload, Plaintext) else self.payload.blob


class Usage(Frozen):
    """How often a cube was recalled, added up over the actors that did it."""

    count: int = 0
    last_access: AwareDatetime | None = None


class MemCube(Content):
    """The unit of memory: a content and the identity, state and history that its operations give it.

    Attributes
    ----------
    id
        UUIDv7, stable over all versions.
    version
        Id of the operation that set the content.
    parents
        Ids of the operations which that one had seen.
    conflicts
        Versions put concurrently with this one; ``memos.resolve`` settles them.
    moved_by
        The trigger that brought it into its state, as the operation names it; see :class:`Trigger`.
    created_at, updated_at
        Transaction time of the first put and of this version, in UTC.
    """

    id: str
    version: str
    parents: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    state: State = State.GENERATED
    moved_by: str | None = None
    created_at: AwareDatetime
    updated_at: AwareDatetime
    usage: Usage = Field(default_factory=Usage)

    @property
    def said_at(self) -> datetime:
        """When it was said or happened, and failing that when it was learnt."""
        return self.occurred.start if self.occurred else self.created_at

    @property
    def is_stale(self) -> bool:
        """Whether something that it rests on no longer holds, while something else still does."""
        return self.moved_by == Trigger.SHAKE

    @property
    def source_ids(self) -> tuple[str, ...]:
        """Ids of the messages or documents it rests on; its own id when it names none."""
        return (self.provenance.source_id or self.id,)

    def content(self) -> Content:
        """The part that a put operation sets, with unknown fields."""
        own = set(MemCube.model_fields) - set(Content.model_fields)
        return Content.model_validate(self.model_dump(exclude=own))
