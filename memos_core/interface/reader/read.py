"""MemReader's front door: whatever a caller hands in becomes contents, in order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Union

from memos_core.cube.memcube import Content, Kind, MemCube
from memos_core.cube.message import Document, Message, Note, messages
from memos_core.cube.namespace import Namespace
from memos_core.cube.payload import Plaintext
from memos_core.errors import InvalidInput
from memos_core.interface.reader.documents import read_document
from memos_core.interface.reader.messages import read_messages
from memos_core.interface.reader.notes import read_note

UNCLAIMED = frozenset({Kind.DOCUMENT, Kind.SUMMARY})  # what is not read for claims
Addable = Union[str, Message, Document, Note, Sequence[Message], Sequence[Note], Sequence[Mapping[str, Any]]]


def read(
    what: Addable,
    *,
    namespace: Namespace,
    session: str | None,
    previous: MemCube | None,
    actor: str | None,
    now: datetime,
) -> list[Content]:
    """Read a text, messages, a document or notes.

    Parameters
    ----------
    previous
        The last message of the session so far.
    actor
        Who hands it in, for the provenance.
    now
        The time of what has no time of its own.

    Raises
    ------
    InvalidInput
        If anything in it cannot be accepted.
    """
    if isinstance(what, Document):
        contents = read_document(what, namespace=namespace, now=now)
    elif notes := _notes(what):
        contents = [read_note(note, namespace=namespace, now=now) for note in notes]
    else:
        position = 0 if previous is None else (previous.provenance.position or 0) + 1
        contents = read_messages(messages(what), namespace=namespace, session=session, position=position, now=now)
    return contents if actor is None else [_by(actor, content) for content in contents]


def reread(content: Content, text: str, *, now: datetime) -> Content:
    """Give a content another text: times, names and claims are found anew, everything else stays.

    Raises
    ------
    InvalidInput
        If the text cannot be accepted.
    """
    said = Message(
        content=text,
        name=content.provenance.speaker,
        role=content.provenance.role or "user",
        at=content.occurred.start if content.occurred else None,
    )
    [fresh] = read_messages([said], namespace=content.namespace, session=None, position=0, now=now)
    found: dict[str, object] = {name: getattr(fresh, name) for name in ("payload", "times", "entities", "claims")}
    if isinstance(content.payload, Plaintext):
        found["payload"] = content.payload.model_copy(update={"text": text})
    if content.kind in UNCLAIMED:
        found["claims"] = ()
    return content.model_copy(update=found)


def _notes(what: Addable) -> list[Note]:
    """What was handed in, if it is notes."""
    if isinstance(what, Note):
        return [what]
    if isinstance(what, str) or not isinstance(what, Sequence):
        return []
    notes = [each for each in what if isinstance(each, Note)]
    if notes and len(notes) < len(what):
        raise InvalidInput(detail="Notes and messages cannot be added together; add them one after the other.")
    return notes


def _by(actor: str, content: Content) -> Content:
    return content.model_copy(update={"provenance": content.provenance.model_copy(update={"actor": actor})})
