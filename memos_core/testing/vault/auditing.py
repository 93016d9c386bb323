"""Conformance: the audit log."""

from __future__ import annotations

from datetime import timedelta

import pytest

from memos_core.cube.audit import AuditEntry, AuditQuery, chained
from memos_core.testing.vault.desk import Desk, day
from memos_core.testing.vault.suite import VaultSuite


def entry(number: int, **fields: object) -> AuditEntry:
    values: dict[str, object] = {
        "at": day(number),
        "principal": "owner",
        "action": "read",
        "namespace": ("acme", "ana"),
    }
    return AuditEntry.model_validate(values | fields)


LOG = (
    entry(1, action="add", cubes=("a", "b")),
    entry(2, principal="agent:bot", cubes=("b",)),
    entry(3, namespace=("acmex",), detail="ünïcode"),
    entry(4, namespace=("acme",), cubes=("a",)),
)


class Auditing(VaultSuite):
    def test_entries_come_back_chained_the_latest_first(self, desk: Desk) -> None:
        desk.vault.record(LOG[:3])
        desk.vault.record([])
        desk.vault.record(LOG[3:])
        assert desk.vault.audited(AuditQuery(), limit=10) == list(chained(LOG))[::-1]
        assert [found.number for found in desk.vault.audited(AuditQuery(), limit=2)] == [4, 3]
        assert list(desk.vault.verify()) == []

    @pytest.mark.parametrize(
        ("query", "numbers"),
        [
            ({"namespace": ("acme",)}, [4, 2, 1]),
            ({"namespace": ("acme", "ana")}, [2, 1]),
            ({"namespace": ("a*",)}, []),
            ({"principal": "agent:bot"}, [2]),
            ({"action": "add"}, [1]),
            ({"cube": "a"}, [4, 1]),
            ({"since": day(2)}, [4, 3, 2]),
            ({"until": day(2)}, [1]),
            ({"since": day(2), "until": day(4), "namespace": ("acme",)}, [2]),
        ],
    )
    def test_entries_are_found_by_what_they_say(self, desk: Desk, query: dict[str, object], numbers: list[int]) -> None:
        desk.vault.record(LOG)
        wanted = AuditQuery.model_validate(query)
        assert [found.number for found in desk.vault.audited(wanted, limit=10)] == numbers
        assert [each.number for each in reversed(list(chained(LOG))) if wanted.admits(each)] == numbers

    def test_an_entry_goes_with_the_transaction_that_fails(self, desk: Desk) -> None:
        desk.vault.record(LOG[:1])
        with pytest.raises(ZeroDivisionError), desk.vault.transaction():  # noqa: PT012
            desk.vault.record(LOG[1:])
            1 / 0  # noqa: B018
        desk.vault.record(LOG[1:])
        assert [found.number for found in desk.vault.audited(AuditQuery(), limit=10)] == [4, 3, 2, 1]

    def test_the_log_outlives_what_it_tells_of(self, desk: Desk) -> None:
        put = desk.put("I moved to Paris")
        desk.vault.record([entry(1, action="add", cubes=(put.cube,))])
        desk.erase(put)
        [found] = desk.vault.audited(AuditQuery(cube=put.cube), limit=10)
        assert found.at == day(1)
        assert found.at.utcoffset() == timedelta(0)
