"""Notes become facts, preferences and the like, in their own words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from memos_core.cube.canonical import json_object
from memos_core.cube.claim import Claim
from memos_core.cube.interval import Interval
from memos_core.cube.memcube import Content, Governance, Kind, Origin, Provenance, TimeMention, Trust
from memos_core.cube.message import Note
from memos_core.cube.namespace import Namespace
from memos_core.cube.payload import Plaintext
from memos_core.interface.reader.text import checked
from memos_core.language.claims import find_claims
from memos_core.language.names import find_names
from memos_core.language.times import find_times


def read_note(note: Note, *, namespace: Namespace, now: datetime) -> Content:
    """Read a note: what its author said of it counts, and the rest is found in its text.

    It is trusted as an agent's: another system has chosen the words. A passage of a document is trusted as one, and
    whoever says "I" in it claims nothing.

    Parameters
    ----------
    now
        The time that "yesterday" in a note without a time is counted from.

    Raises
    ------
    InvalidText, TooLarge
        If it cannot be remembered.
    """
    text = checked(note.text, f"Note {note.id or ''}".rstrip())
    speakers = [note.speaker] if note.speaker else []
    times = tuple(find_times(text, said_at=note.at or now))
    is_passage = note.kind is Kind.DOCUMENT
    origin = Origin.DOCUMENT if is_passage else Origin.IMPORT
    return Content(
        namespace=namespace,
        kind=note.kind,
        payload=Plaintext(text=text),
        occurred=None if note.at is None else Interval(start=note.at, end=note.until),
        times=times,
        entities=tuple(dict.fromkeys((*note.entities, *find_names(text, speakers=speakers)))),
        tags=note.tags,
        claims=_claims(note, text, times),
        metadata=json_object(note.metadata),
        provenance=Provenance(
            origin=origin,
            speaker=note.speaker,
            source_id=note.id,
            source_uri=note.uri,
            derived_from=note.derived_from,
            justifications=(note.derived_from,) if note.derived_from else (),
        ),
        governance=Governance(trust=Trust.DOCUMENT if is_passage else Trust.AGENT),
    )


def _claims(note: Note, text: str, times: Sequence[TimeMention]) -> Sequence[Claim]:
    if note.claims is not None:
        return note.claims
    return () if note.kind is Kind.DOCUMENT else find_claims(text, speaker=note.speaker or "user", times=times)
