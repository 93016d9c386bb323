"""Conclusions: what was made of other memories, and names them as what it rests on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from memos_core.cube.canonical import json_object, sha256
from memos_core.cube.memcube import Content, Governance, Kind, MemCube, Origin, Provenance
from memos_core.cube.namespace import Namespace
from memos_core.cube.payload import Plaintext
from memos_core.interface.reader.text import checked
from memos_core.language.claims import find_claims
from memos_core.language.names import find_names
from memos_core.language.times import find_times


def conclude(
    text: str,
    premises: Sequence[MemCube],
    *,
    namespace: Namespace,
    kind: Kind,
    tags: tuple[str, ...],
    metadata: Mapping[str, Any],
    now: datetime,
) -> Content:
    """Read a conclusion from premises that carry it together.

    It is trusted no further than the least trusted of them, and lasts no longer than the first of them to expire.

    Raises
    ------
    InvalidInput
        If the text or the metadata cannot be accepted.
    """
    words = checked(text, "The conclusion")
    times = find_times(words, said_at=now)
    versions = tuple(dict.fromkeys(premise.version for premise in premises))
    ends = [premise.governance.expires_at for premise in premises if premise.governance.expires_at]
    sensitivity = dict.fromkeys(tag for premise in premises for tag in premise.governance.sensitivity)
    return Content(
        namespace=namespace,
        kind=kind,
        payload=Plaintext(text=words),
        times=times,
        entities=find_names(words),
        tags=tags,
        claims=find_claims(words, speaker="user", times=times),
        metadata=json_object(metadata),
        provenance=Provenance(
            origin=Origin.DERIVED,
            source_id=f"conclusion:{sha256(words.encode())[:32]}",
            derived_from=versions,
            justifications=(versions,),
        ),
        governance=Governance(
            trust=min(premise.governance.trust for premise in premises),
            expires_at=min(ends, default=None),
            sensitivity=tuple(sensitivity),
        ),
    )


def also_from(known: MemCube, other: Content) -> Content:
    """Give a conclusion that was drawn before the further grounds of another: either carries it.

    It is trusted as far as the better of its grounds, and lasts as long as the longer.
    """
    mine, theirs = known.provenance, other.provenance
    sets = tuple(dict.fromkeys((*mine.justifications, *theirs.justifications)))
    provenance = mine.model_copy(
        update={
            "derived_from": tuple(dict.fromkeys(version for versions in sets for version in versions)),
            "justifications": sets,
        }
    )
    ends = (known.governance.expires_at, other.governance.expires_at)
    governance = known.governance.model_copy(
        update={
            "trust": max(known.governance.trust, other.governance.trust),
            "expires_at": None if None in ends else max(end for end in ends if end is not None),
            "sensitivity": tuple(dict.fromkeys((*known.governance.sensitivity, *other.governance.sensitivity))),
        }
    )
    return known.content().model_copy(update={"provenance": provenance, "governance": governance})
