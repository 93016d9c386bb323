"""Audit: who did what, when, with which memories; without what they say, and chained so that no entry can be lost."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from datetime import datetime, timezone

from pydantic import AwareDatetime

from memos_core.cube.canonical import canonical
from memos_core.cube.frozen import Frozen
from memos_core.cube.namespace import Namespace, covers

OWNER = "owner"  # the principal of whoever opened the vault
START = "0" * 64  # what the first entry follows


class AuditEntry(Frozen):
    """One access: who did what, and with which memories. What these say is never here, so the log can outlive them.

    Attributes
    ----------
    principal
        ``"owner"`` for whoever opened the vault.
    action
        ``read``, ``add``, ``update``, ``erase``, ``grant``, ``revoke``, ``policy``, ``refused``, or what moved a memory
        through its life, such as ``forget``.
    cubes
        Ids.
    detail
        Of a refusal, the right that was missing; of a grant, to whom and which.
    number
        Its place, counted from 1 without a gap; 0 until it is recorded.
    digest
        SHA-256 of the digest before it and of the rest of the entry in canonical JSON.
    """

    at: AwareDatetime
    principal: str
    action: str
    namespace: Namespace = ()
    cubes: tuple[str, ...] = ()
    detail: str = ""
    number: int = 0
    digest: str = ""


class AuditQuery(Frozen):
    """Which entries are meant: those that pass every test.

    Attributes
    ----------
    namespace
        Covers those below it; empty, it covers all.
    since, until
        From this moment on; before this moment.
    """

    namespace: Namespace = ()
    principal: str | None = None
    cube: str | None = None
    action: str | None = None
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None

    def admits(self, entry: AuditEntry) -> bool:
        """Say whether an entry passes."""
        return (
            covers(self.namespace, entry.namespace)
            and self.principal in {None, entry.principal}
            and self.action in {None, entry.action}
            and (self.cube is None or self.cube in entry.cubes)
            and _within(entry.at, self.since, self.until)
        )


def _within(at: datetime, since: datetime | None, until: datetime | None) -> bool:
    return (since is None or since <= at) and (until is None or at < until)


def chained(entries: Iterable[AuditEntry], *, number: int = 0, digest: str = START) -> Iterator[AuditEntry]:
    """Put entries behind the last one of a chain, whose number and digest are given."""
    for entry in entries:
        number += 1
        placed = entry.model_copy(update={"at": entry.at.astimezone(timezone.utc), "number": number, "digest": ""})
        whole = canonical(placed.model_dump(mode="json", exclude={"digest"}))
        digest = hashlib.sha256(bytes.fromhex(digest) + whole).hexdigest()
        yield placed.model_copy(update={"digest": digest})
