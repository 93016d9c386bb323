"""The audit log is a chain: whatever is taken out of it, changed or moved is found."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memos_core.cube.audit import AuditEntry, chained
from memos_core.infrastructure.vault.sqlite import SQLiteVault
from memos_core.testing.clock import ManualClock
from memos_core.testing.vault.desk import day

LOG = [
    AuditEntry(at=day(number), principal="agent:bot", action="read", namespace=("acme",), cubes=(f"cube {number}",))
    for number in range(1, 8)
]
DAMAGE = {
    "other time": "update audit set at = at + 1 where number = 3",
    "other principal": "update audit set principal = 'user:ana' where number = 3",
    "other action": "update audit set action = 'erase' where number = 3",
    "other namespace": "update audit set namespace = 'acme/ana' where number = 3",
    "other cubes": "update audit set cubes = '[]' where number = 3",
    "other detail": "update audit set detail = 'x' where number = 3",
    "other digest": "update audit set digest = upper(digest) where number = 3",
    "the first is gone": "delete from audit where number = 1",
    "one is gone": "delete from audit where number = 3",
    "one is gone and the rest moved up": "delete from audit where number = 3;"
    "update audit set number = number - 1 where number > 3",
    "the last is gone": "delete from audit where number = 7",
    "all are gone": "delete from audit",
    "all are gone, and the seal": "delete from audit where number > 1; delete from meta where key = 'audit'",
    "two have changed places": "update audit set number = 0 where number = 3; update audit set number = 3"
    " where number = 4; update audit set number = 4 where number = 0",
    "one was added": "insert into audit select 8, at, principal, action, namespace, cubes, detail, digest from audit"
    " where number = 7",
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    vault = SQLiteVault(str(tmp_path / "vault.db"), clock=ManualClock())
    vault.record(LOG)
    assert list(vault.verify()) == []
    vault.close()
    return tmp_path / "vault.db"


@pytest.mark.parametrize("statement", DAMAGE.values(), ids=DAMAGE)
def test_a_log_that_was_tampered_with_does_not_verify(path: Path, statement: str) -> None:
    with apsw.Connection(str(path)) as db:
        for step in statement.split(";"):
            db.execute(step)
    db.close()
    vault = SQLiteVault(str(path), clock=ManualClock())
    assert any(damage.where.startswith("audit") for damage in vault.verify())
    vault.close()


@given(st.lists(st.sampled_from(LOG), unique_by=lambda entry: entry.at, min_size=1))
def test_a_digest_stands_for_all_entries_up_to_it(entries: list[AuditEntry]) -> None:
    whole = list(chained(entries))
    assert len({entry.digest for entry in whole}) == len(whole)
    for cut in range(len(entries)):
        without = [*entries[:cut], *entries[cut + 1 :]]
        assert [entry.digest for entry in chained(without)][-1:] != [whole[-1].digest]


def test_a_chain_goes_on_where_it_ended() -> None:
    whole = list(chained(LOG))
    assert list(chained(LOG[3:], number=3, digest=whole[2].digest)) == whole[3:]
