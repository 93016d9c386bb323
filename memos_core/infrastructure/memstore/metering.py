"""Metering: what is recalled under a licence is counted before it is given out, in the audit log."""

from __future__ import annotations

import hashlib
import warnings
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from memos_core.cube.answer import Hit
from memos_core.cube.audit import START, AuditEntry, AuditQuery
from memos_core.cube.canonical import canonical
from memos_core.cube.listing import Installed, Licence, Report
from memos_core.cube.memcube import MemCube
from memos_core.cube.namespace import Namespace, covers
from memos_core.errors import InvalidInput, LicenceError, MemOSWarning, VaultBusy, VaultFull
from memos_core.infrastructure.memstore.ledger import Ledger
from memos_core.infrastructure.memstore.places import Places
from memos_core.infrastructure.memstore.statements import REPORT, read, signed
from memos_core.ports import Vault

RECALL = "recall"  # the action of audit entries
SLACK = timedelta(minutes=5)  # that a clock may be put right by
MOST_USES = 1_000_000  # of one report


class Meter:
    """Counts what is recalled of licensed packages."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._places = Places(vault)
        self._ledger = Ledger(vault)

    def warn(self, within: Namespace, *, now: datetime) -> None:
        """Say what is not recalled in a namespace, and why."""
        seen = self._places.seen()
        if seen is not None and now < seen - SLACK and any(each.licence for each in self._places.all().values()):
            detail = (
                f"The clock stands at {now:%Y-%m-%d %H:%M} UTC, and licences were checked at {seen:%Y-%m-%d %H:%M}."
            )
            warnings.warn(
                MemOSWarning(f"{detail} They end by the later of the two; put the clock right."), stacklevel=4
            )
        for place, installed in self._places.all().items():
            why = installed.why_not(max(now, seen or now))
            if why is not None and covers(within, place):
                told = f"{installed.name} is not recalled: {why}. Install it with a new licence, or uninstall it."
                warnings.warn(MemOSWarning(told), stacklevel=4)

    def counted(self, hits: Sequence[Hit], *, now: datetime, principal: str) -> list[Hit]:
        """The hits that may be given out: those under licences once they are counted."""
        try:
            self.count([hit.cube for hit in hits], now=now, principal=principal)
        except (VaultBusy, VaultFull) as error:
            told = f"What is licensed cannot be counted now, and is not recalled: {error}"
            warnings.warn(MemOSWarning(told), stacklevel=4)
            return [hit for hit in hits if self._licensed(hit.cube) is None]
        return list(hits)

    def count(self, cubes: Iterable[MemCube], *, now: datetime, principal: str) -> None:
        """Count a recall of each licensed package among these, before it is given out.

        Raises
        ------
        VaultBusy, VaultFull
            If it cannot be counted. Nothing was, and nothing of it may be given out.
        """
        found: dict[Namespace, list[str]] = defaultdict(list)
        for cube in cubes:
            if (installed := self._licensed(cube)) is not None:
                found[installed.namespace].append(cube.id)
        if found:
            with self._vault.transaction():
                for place, named in found.items():
                    self._count(self._places.all()[place], named, now, principal)
                self._ledger.see(max(now, self._places.seen() or now))

    def _licensed(self, cube: MemCube) -> Installed | None:
        """The package under a licence that a cube belongs to."""
        installed = self._places.holding(cube.namespace)
        return None if installed is None or installed.licence is None else installed

    def report(self, installed: Installed) -> bytes:
        """How often memories of a package were recalled under its licence, signed by a key of this vault.

        Raises
        ------
        LicenceError
            If it has none.
        """
        licence = installed.licence
        if licence is None:
            raise LicenceError(package=installed.name, detail="it needs none, so nothing is counted.")
        wanted = AuditQuery(namespace=installed.namespace, action=RECALL)
        entries = reversed(self._vault.audited(wanted, limit=MOST_USES))
        uses = tuple((entry.at, len(entry.cubes)) for entry in entries if entry.detail == licence.id)
        report = Report(licence=licence.id, package=installed.name, uses=uses, head=_head(uses))
        return signed(REPORT, licence.id, report.model_dump(mode="json"), self._ledger.reporting_key())

    def _count(self, installed: Installed, cubes: Sequence[str], now: datetime, principal: str) -> None:
        licence: Licence | None = installed.licence
        if licence is None:
            return
        entry = AuditEntry(
            at=now,
            principal=principal,
            action=RECALL,
            namespace=installed.namespace,
            cubes=tuple(cubes),
            detail=licence.id,
        )
        self._vault.record([entry])
        if self._ledger.count_use(licence.id) == licence.uses:
            over = f"its licence was for {licence.uses:,} recalls, and all were made"
            self._ledger.keep(installed.model_copy(update={"ended": over}))


def checked_report(data: bytes, *, earlier: bytes | None = None) -> Report:
    """Read a report, and see that it goes on from an earlier one of the same vault.

    Raises
    ------
    InvalidInput
        If it is none, or does not go on from it: uses were taken out, or it comes from another copy of the vault.
    """
    key, report = _read(data)
    if earlier is not None:
        earlier_key, before = _read(earlier)
        goes_on = (key, report.licence) == (earlier_key, before.licence)
        if not goes_on or report.uses[: len(before.uses)] != before.uses:
            raise InvalidInput(detail="The report does not go on from the earlier one.")
    return report


def _read(data: bytes) -> tuple[str, Report]:
    key, subject, said = read(data, REPORT)
    try:
        report = Report.model_validate(said)
    except ValueError as error:
        raise InvalidInput(detail=f"The envelope holds no report: {error}") from error
    if report.licence != subject or report.head != _head(report.uses):
        raise InvalidInput(detail="The report is not whole: its uses are not those that its digest stands for.")
    return key, report


def _head(uses: Iterable[tuple[datetime, int]]) -> str:
    digest = START
    for at, count in uses:
        time = at.isoformat().replace("+00:00", "Z")  # as the report has it
        digest = hashlib.sha256(bytes.fromhex(digest) + canonical({"at": time, "memories": count})).hexdigest()
    return digest
