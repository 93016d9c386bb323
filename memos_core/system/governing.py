"""Governing: who may do what, what waits to be accepted, and who did what."""

from __future__ import annotations

import builtins
import copy
import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from typing_extensions import Self

from memos_core.cube.audit import OWNER, AuditEntry, AuditQuery
from memos_core.cube.grant import Grant, Right, Role, principal
from memos_core.cube.grant import grant as parse_grant
from memos_core.cube.memcube import Kind, MemCube, State, Trigger, Trust
from memos_core.cube.message import aware, name
from memos_core.cube.namespace import NamespaceLike, covers
from memos_core.cube.namespace import namespace as parse_namespace
from memos_core.cube.policy import Policy, in_force
from memos_core.cube.policy import policy as parse_policy
from memos_core.cube.selection import Selection
from memos_core.errors import InvalidGrant, InvalidTransition, NotPermitted
from memos_core.infrastructure.governance import GRANTS
from memos_core.system.living import Living
from memos_core.system.opened import POLICIES

PAGE = 500  # cubes read at a time


class Governing(Living):
    """The part of :class:`memos_core.MemOS` that lets people share a vault; ``docs/GOVERNANCE.md`` shows it."""

    def as_principal(self, name: str) -> Self:
        """A handle on this vault that can do only what a principal may do; closing it leaves the vault open.

        Parameters
        ----------
        name
            ``user:NAME``, ``agent:NAME`` or ``app:NAME``.

        Raises
        ------
        InvalidGrant
            If that is no principal.
        NotPermitted
            If this is the handle of another principal: a handle cannot be widened.
        """
        who = principal(name)
        if self._principal not in {None, who}:
            raise NotPermitted(principal=self._principal or OWNER, right=f"act as {who}", namespace="any namespace")
        handle = copy.copy(self)
        handle._act_as(who)  # noqa: SLF001 - of the same class
        return handle

    def grant(
        self,
        principal: str,
        *,
        namespace: NamespaceLike,
        role: Role | str,
        kinds: Iterable[Kind | str] | None = None,
        where: Mapping[str, Any] | None = None,
        max_trust: Trust | str | None = None,
        expires_at: datetime | None = None,
    ) -> Grant:
        """Give a principal a role in a namespace and those below it, instead of what it had there.

        Parameters
        ----------
        principal
            ``user:NAME``, ``agent:NAME`` or ``app:NAME``.
        role
            ``reader``; ``contributor``, whose memories wait to be accepted; ``editor``; or ``owner``.
        kinds, where
            Only memories of these kinds, and with these metadata, are meant, as in :meth:`search`.
        max_trust
            What the principal writes is trusted no further.
        expires_at
            From then on the grant is void.

        Raises
        ------
        InvalidGrant
            If anything in it is not understood.
        NotPermitted
            If whoever grants does not own that much there.
        """
        given = parse_grant(
            principal,
            namespace=namespace,
            role=role,
            kinds=kinds,
            where=where,
            max_trust=max_trust,
            expires_at=expires_at,
        )
        self._vault.authorise(Right.GOVERN, given.namespace)
        if self._principal is not None and not any(own.includes(given) for own in self._vault.own_grants()):
            raise NotPermitted(principal=self._principal, right="grant that much", namespace="/".join(given.namespace))
        with self.transaction():
            kept = [each for each in self._vault.grants() if not given.is_in_place_of(each)]
            self._keep([*kept, given])
            self._vault.audit("grant", given.namespace, detail=str(given))
        return given

    def revoke(self, principal: str, *, namespace: NamespaceLike) -> Grant:
        """Take back what a principal was granted in a namespace; it ends at once.

        Raises
        ------
        InvalidGrant
            If nothing was granted to it there.
        NotPermitted
            If whoever revokes does not own the namespace.
        """
        where = parse_namespace(namespace)
        self._vault.authorise(Right.GOVERN, where)
        with self.transaction():
            grants = self._vault.grants()
            gone = [each for each in grants if (each.principal, each.namespace) == (principal, where)]
            if not gone:
                raise InvalidGrant(detail=f"{principal!r} has no grant in {'/'.join(where)!r}.")
            self._keep(each for each in grants if each not in gone)
            self._vault.audit("revoke", where, detail=str(gone[0]))
        return gone[0]

    def grants(self, *, namespace: NamespaceLike | None = None) -> builtins.list[Grant]:
        """Who may do what in a namespace and those below it. A principal sees its own grants, and those where it rules.

        Parameters
        ----------
        namespace
            All by default.
        """
        inside = () if namespace is None else parse_namespace(namespace)
        return [
            each
            for each in self._vault.grants()
            if covers(inside, each.namespace)
            and (each.principal == self._principal or self._vault.permits(Right.GOVERN, each.namespace))
        ]

    def pending(self, *, namespace: NamespaceLike) -> builtins.list[MemCube]:
        """Memories that contributors suggested and nobody has accepted or rejected yet, the latest first."""
        archived = Selection(namespace=parse_namespace(namespace), states=frozenset({State.ARCHIVED}))
        count = self._vault.count(archived)
        pages = (self._vault.select(archived, limit=PAGE, offset=offset) for offset in range(0, count, PAGE))
        return [cube for page in pages for cube in page if cube.moved_by == Trigger.HOLD]

    def accept(self, cube_id: str, *, reason: str = "accepted") -> MemCube:
        """Let a suggested memory be recalled."""
        return self._judged(cube_id, Trigger.ACCEPT, reason)

    def reject(self, cube_id: str, *, reason: str = "rejected") -> MemCube:
        """Leave a suggested memory out of recall for good; it stays archived."""
        return self._judged(cube_id, Trigger.REJECT, reason)

    def set_rights(self, cube_id: str, *, licence: str | None = None, watermark: str | None = None) -> MemCube:
        """Say under which licence a memory may be used, and mark whose it is; what is not given stays, ``""`` removes.

        Both travel with the memory, and stand in every version of it from now on.

        Raises
        ------
        InvalidInput
            If one of them is no text.
        """
        given = {"licence": name(licence, "licence"), "watermark": name(watermark, "watermark")}
        with self._lock:
            cube = self.get(cube_id)
            changes = {field: value or None for field, value in given.items() if value is not None}
            governance = cube.governance.model_copy(update=changes)
            return self._put(cube, cube.content().model_copy(update={"governance": governance}))

    def set_policy(self, policy: Policy | str, *, namespace: NamespaceLike) -> Policy:
        """Say what becomes of sensitive content that is written from now on, in a namespace and those below it.

        A policy of a namespace below it takes the place of this one there. What is stored already stays as it is.

        Parameters
        ----------
        policy
            E.g. ``"card, key: refuse; email: redact; default: tag"``: ``keep``, ``tag``, ``redact`` or ``refuse`` what
            holds an ``email``, ``phone``, ``card``, ``iban`` or ``key``.

        Raises
        ------
        InvalidPolicy
            If it is not understood.
        NotPermitted
            If the namespace is not owned.
        """
        where, wanted = parse_namespace(namespace), policy if isinstance(policy, Policy) else parse_policy(policy)
        self._vault.authorise(Right.GOVERN, where)
        with self.transaction():
            kept = {**self._policies(), where: wanted}
            self._whole.note(POLICIES, json.dumps({"/".join(place): str(each) for place, each in kept.items()}))
            self._vault.audit("policy", where, detail=str(wanted))
        return wanted

    def policy(self, *, namespace: NamespaceLike) -> Policy:
        """What becomes of sensitive content that is written to a namespace now."""
        where = parse_namespace(namespace)
        self._vault.authorise(Right.READ, where)
        return in_force(self._policies(), where)

    def audit(
        self,
        *,
        namespace: NamespaceLike | None = None,
        principal: str | None = None,
        cube: str | None = None,
        action: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 100,
    ) -> builtins.list[AuditEntry]:
        """Who did what, the latest first; never what a memory says.

        Parameters
        ----------
        namespace
            And those below it; by default the whole vault, which only its owner may ask for.
        cube
            Id.
        action
            As :class:`memos_core.AuditEntry` lists them.
        since, until
            From this moment on; before this moment.
        limit
            At most so many.

        Raises
        ------
        NotPermitted
            If the namespace is not owned.
        """
        wanted = AuditQuery(
            namespace=() if namespace is None else parse_namespace(namespace),
            principal=name(principal, "principal"),
            cube=name(cube, "cube"),
            action=name(action, "action"),
            since=aware(since, "since"),
            until=aware(until, "until"),
        )
        return self._vault.audited(wanted, limit=limit)

    def _judged(self, cube_id: str, trigger: Trigger, reason: str) -> MemCube:
        with self.transaction():
            cube = self.get(cube_id)
            if cube.moved_by != Trigger.HOLD:
                way_out = "Only what memos.pending(namespace=...) lists can be."
                change = f"{trigger.value}ed"
                raise InvalidTransition(cube_id=cube_id, state=cube.state.value, change=change, way_out=way_out)
            return self._move(cube, trigger, reason)

    def _keep(self, grants: Iterable[Grant]) -> None:
        self._whole.note(GRANTS, json.dumps([each.model_dump(mode="json") for each in grants]))
