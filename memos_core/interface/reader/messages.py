"""Messages become episodes, word for word."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from memos_core.cube.canonical import json_object
from memos_core.cube.interval import Interval
from memos_core.cube.memcube import Content, Governance, Kind, Origin, Provenance, Trust
from memos_core.cube.message import Message
from memos_core.cube.namespace import Namespace
from memos_core.cube.payload import Plaintext
from memos_core.interface.reader.text import checked
from memos_core.language.claims import find_claims
from memos_core.language.names import find_names
from memos_core.language.times import find_times

ORIGINS = {"user": Origin.USER, "tool": Origin.TOOL, "function": Origin.TOOL}


def read_messages(
    messages: Sequence[Message], *, namespace: Namespace, session: str | None, position: int, now: datetime
) -> list[Content]:
    """Read messages: one content each, in order, with the times, names and claims in it.

    Parameters
    ----------
    position
        Of the first message in its session.
    now
        The time of messages that have none.

    Raises
    ------
    InvalidText, TooLarge
        If one cannot be remembered.
    """
    speakers = sorted({message.name for message in messages if message.name})
    return [
        _episode(message, namespace, session, position + index, message.at or now, speakers)
        for index, message in enumerate(messages)
    ]


def _episode(
    message: Message, namespace: Namespace, session: str | None, position: int, at: datetime, speakers: Sequence[str]
) -> Content:
    text = checked(message.content, f"Message {message.id or position}")
    origin = ORIGINS.get(message.role, Origin.AGENT)
    names = find_names(text, speakers=speakers)
    times = tuple(find_times(text, said_at=at))
    return Content(
        namespace=namespace,
        kind=Kind.TOOL_TRACE if origin is Origin.TOOL else Kind.EPISODE,
        payload=Plaintext(text=text),
        occurred=Interval.instant(at),
        times=times,
        entities=names if message.name is None else tuple(dict.fromkeys((message.name, *names))),
        claims=find_claims(text, speaker=message.name or message.role, times=times) if _is_person(message) else (),
        metadata=json_object(message.metadata),
        provenance=Provenance(
            origin=origin,
            speaker=message.name,
            role=message.role,
            source_id=message.id,
            session=session,
            position=position,
        ),
        governance=Governance(trust=Trust.of(origin)),
    )


def _is_person(message: Message) -> bool:
    """Say whether somebody speaks of themselves: what an assistant without a name says of itself is no knowledge."""
    return message.role == "user" or (message.name is not None and message.role not in {"tool", "function", "system"})
