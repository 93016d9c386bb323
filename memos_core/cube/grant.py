"""Grants: who may do what with which memories. Pure; everything that is not granted is denied."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import Enum
from types import MappingProxyType
from typing import Any

from pydantic import AwareDatetime, ValidationError

from memos_core.cube.frozen import Frozen, problems
from memos_core.cube.memcube import Kind, Trust, TrustField
from memos_core.cube.message import aware, name
from memos_core.cube.namespace import Namespace, NamespaceLike, covers
from memos_core.cube.namespace import namespace as parse_namespace
from memos_core.cube.selection import Condition, View, conditions
from memos_core.errors import InvalidGrant

#: What a principal can be, and how far at most what it writes is trusted.
PRINCIPALS = {"user": Trust.USER, "agent": Trust.AGENT, "app": Trust.TOOL}


class Right(str, Enum):
    """What can be done with the memories of a namespace."""

    READ = "read"  #: find, list, look at, and see the history of
    SUGGEST = "suggest"  #: add memories, which wait until an editor accepts them
    WRITE = "write"  #: add, change, forget, freeze
    ERASE = "erase"  #: destroy for ever
    GOVERN = "govern"  #: grant, set policies, read the audit log
    KEEP = "keep"  #: look after the whole vault; only its owner may


class Role(str, Enum):
    """A set of rights; each role has those of the roles before it."""

    READER = "reader"
    CONTRIBUTOR = "contributor"
    EDITOR = "editor"
    OWNER = "owner"

    @property
    def rights(self) -> frozenset[Right]:
        """What it allows."""
        return _RIGHTS[self]


_READER = frozenset({Right.READ})
_RIGHTS = {
    Role.READER: _READER,
    Role.CONTRIBUTOR: _READER | {Right.SUGGEST},
    Role.EDITOR: _READER | {Right.SUGGEST, Right.WRITE},
    Role.OWNER: _READER | {Right.SUGGEST, Right.WRITE, Right.ERASE, Right.GOVERN},
}


class Grant(Frozen):
    """One principal's role in a namespace and those below it.

    Attributes
    ----------
    principal
        ``user:NAME``, ``agent:NAME`` or ``app:NAME``.
    kinds, where
        Only memories of these kinds, and with these metadata, are meant; all without.
    max_trust
        What is written under this grant is trusted no further; by default no further than its kind of principal is.
    expires_at
        From then on the grant is void.
    """

    principal: str
    namespace: Namespace
    role: Role
    kinds: frozenset[Kind] | None = None
    where: tuple[Condition, ...] = ()
    max_trust: TrustField | None = None
    expires_at: AwareDatetime | None = None

    @property
    def view(self) -> View:
        """Which memories of its namespace are meant."""
        return View(kinds=self.kinds, where=self.where)

    def allows(
        self,
        right: Right,
        namespace: Namespace,
        *,
        now: datetime,
        kind: Kind | None = None,
        metadata: Mapping[str, Any] = MappingProxyType({}),
    ) -> bool:
        """Say whether it allows something in a namespace; with a kind, to a memory of this kind with these metadata."""
        return (
            right in self.role.rights
            and covers(self.namespace, namespace)
            and (self.expires_at is None or now < self.expires_at)
            and (kind is None or self.view.shows(kind, metadata))
        )

    def includes(self, other: Grant) -> bool:
        """Say whether its holder may pass so much on."""
        lasts = self.expires_at is None or (other.expires_at is not None and other.expires_at <= self.expires_at)
        return (
            Right.GOVERN in self.role.rights
            and covers(self.namespace, other.namespace)
            and (self.kinds is None or (other.kinds is not None and other.kinds <= self.kinds))
            and all(condition in other.where for condition in self.where)
            and (self.max_trust is None or other.trust <= self.trust)
            and lasts
        )

    def is_in_place_of(self, other: Grant) -> bool:
        """Say whether both are about one principal in one namespace, where there is only one grant."""
        return (self.principal, self.namespace) == (other.principal, other.namespace)

    def __str__(self) -> str:
        parts = [f"{self.principal} {self.role.value}"]
        if self.kinds is not None:
            parts.append(f"kinds {', '.join(sorted(kind.value for kind in self.kinds))}")
        if self.where:
            parts.append(f"where {', '.join(map(str, self.where))}")
        if self.max_trust is not None:
            parts.append(f"trust {self.max_trust.name.lower()}")
        if self.expires_at is not None:
            parts.append(f"until {self.expires_at.isoformat()}")
        return "; ".join(parts)

    @property
    def trust(self) -> Trust:
        """How far what is written under it is trusted at most."""
        most = PRINCIPALS[self.principal.partition(":")[0]]
        return most if self.max_trust is None else min(most, self.max_trust)


def principal(value: str) -> str:
    """Read the name of a principal.

    Raises
    ------
    InvalidGrant
        If it says not what it is, as ``user:``, ``agent:`` or ``app:`` does.
    """
    kind, _, rest = (name(value, "principal") or "").partition(":")
    if kind not in PRINCIPALS or not rest.strip():
        raise InvalidGrant(detail=f"{value!r} is no principal; write user:NAME, agent:NAME or app:NAME.")
    return f"{kind}:{rest}"


def grant(
    to: str,
    *,
    namespace: NamespaceLike,
    role: Role | str,
    kinds: Iterable[Kind | str] | None = None,
    where: Mapping[str, Any] | None = None,
    max_trust: Trust | str | None = None,
    expires_at: datetime | None = None,
) -> Grant:
    """Read a grant.

    Raises
    ------
    InvalidGrant, InvalidFilter
        If anything in it is not understood.
    """
    given: dict[str, Any] = {
        "principal": principal(to),
        "namespace": parse_namespace(namespace),
        "role": role,
        "kinds": kinds if kinds is None or isinstance(kinds, str) else list(kinds),
        "where": conditions(where),
        "max_trust": max_trust,
        "expires_at": aware(expires_at, "expires_at"),
    }
    try:
        return Grant.model_validate(given)
    except ValidationError as error:
        raise InvalidGrant(detail=f"This is no grant: {problems(error)}") from error
