from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from memos_core.cube.memcube import RECALLED, REMOVED, Content, Governance, Origin, Provenance, State, Trust
from memos_core.infrastructure.vault.dict import DictVault
from memos_core.testing.clock import ManualClock
from memos_core.testing.vault.desk import Desk, alice, content, day, days


@pytest.mark.parametrize("trust", Trust)
def test_trust_is_written_by_its_name_and_read_by_name_or_rank(trust: Trust) -> None:
    written = Governance(trust=trust).model_dump(mode="json")["trust"]
    assert written == trust.name.lower()
    for given in (written, trust.name, int(trust), trust):
        assert Governance.model_validate({"trust": given}).trust is trust


@pytest.mark.parametrize("trust", ["blind", 9, -1, None, 1.5])
def test_trust_that_is_none_is_refused(trust: Any) -> None:
    with pytest.raises(ValidationError):
        Governance(trust=trust)


def test_what_people_say_is_trusted_most_and_imports_least() -> None:
    tiers = {origin: Trust.of(origin) for origin in Origin}
    assert max(tiers.values()) is tiers[Origin.USER]
    assert min(tiers.values()) is tiers[Origin.IMPORT] is tiers[Origin.DERIVED]


def test_every_state_is_either_recalled_or_removed() -> None:
    assert set(State) == REMOVED | RECALLED
    assert not REMOVED & RECALLED


def test_content_is_written_as_json_and_read_back_with_unknown_fields() -> None:
    written = content("x", occurred=days(1, 2), metadata={"a": [1]}).model_dump(mode="json")
    written["newer"] = {"field": 1}
    written["governance"]["newer"] = 2
    assert Content.model_validate(written).model_dump(mode="json") == written


def test_naive_dates_are_refused() -> None:
    with pytest.raises(ValidationError):
        Governance(expires_at=day(1).replace(tzinfo=None))


def test_cube_is_dated_by_what_it_tells_and_failing_that_by_its_making() -> None:
    desk = Desk(DictVault(ManualClock()))
    desk.put("told", occurred=days(3, 4), provenance=Provenance(source_id="m1"))
    made = desk.put("made")
    newest, told = desk.vault.select(alice(), limit=9)
    assert (told.said_at, told.source_ids) == (day(3), ("m1",))
    assert (newest.said_at, newest.source_ids) == (made.hlc.datetime(), (made.cube,))


def test_content_of_a_cube_is_what_was_put() -> None:
    desk = Desk(DictVault(ManualClock()))
    desk.put("text", entities=("Ana",), metadata={"a": {"b": None}})
    (cube,) = desk.vault.select(alice(), limit=9)
    assert cube.content() == content("text", entities=("Ana",), metadata={"a": {"b": None}})
