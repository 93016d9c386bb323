"""Conformance: how far long work has come is kept, never travels, and goes with what it is made of."""

from __future__ import annotations

from contextlib import suppress

import pytest

from memos_core.cube.memcube import State
from memos_core.errors import InvalidInput
from memos_core.testing.vault.blobs import ONE, OTHER, bring, write
from memos_core.testing.vault.desk import Desk
from memos_core.testing.vault.suite import VaultSuite

NAME = "training of alice"


def kept(desk: Desk) -> bytes | None:
    """What is kept of the work of this test."""
    found = desk.vault.unfinished(NAME)
    return None if found is None else bytes(found)


class Begun(VaultSuite):
    def test_work_is_kept_and_replaced_until_it_is_dropped(self, desk: Desk) -> None:
        put = desk.put("first")
        for data in (ONE, OTHER, OTHER):
            desk.vault.keep_unfinished(NAME, data, cubes=[put.cube])
            assert kept(desk) == data
            assert list(desk.vault.verify()) == []
        assert desk.vault.unfinished("other work") is None
        for _ in range(2):
            desk.vault.drop_unfinished(NAME)
            assert kept(desk) is None
        assert list(desk.vault.verify()) == []
        assert desk.vault.stats().blobs == 0

    def test_it_goes_with_the_first_that_is_erased(self, desk: Desk) -> None:
        first, second, other = (desk.put(text) for text in ("first", "second", "other"))
        desk.vault.keep_unfinished(NAME, ONE, cubes=[first.cube, second.cube])
        desk.erase(other)
        desk.move(first, State.ARCHIVED)
        assert kept(desk) == ONE
        desk.erase(second)
        assert kept(desk) is None
        assert desk.vault.stats().blobs == 0
        assert not desk.vault.has_traces

    def test_of_what_is_not_there_nothing_is_kept(self, desk: Desk) -> None:
        here, gone = desk.put("first"), desk.put("second")
        desk.vault.keep_unfinished(NAME, ONE, cubes=[here.cube])
        desk.erase(gone)
        for cube in (gone.cube, "nothing"):
            with pytest.raises(InvalidInput, match="nothing that is made of it is kept"):
                desk.vault.keep_unfinished(NAME, OTHER, cubes=[here.cube, cube])
        assert kept(desk) == ONE

    def test_a_transaction_that_fails_leaves_it_as_it_was(self, desk: Desk) -> None:
        put = desk.put("first")
        desk.vault.keep_unfinished(NAME, ONE, cubes=[put.cube])
        with suppress(ZeroDivisionError), desk.vault.transaction():
            desk.vault.keep_unfinished(NAME, OTHER, cubes=[put.cube])
            desk.vault.drop_unfinished(NAME)
            1 / 0  # noqa: B018
        assert kept(desk) == ONE

    def test_it_is_no_operation_and_no_cube(self, desk: Desk) -> None:
        put = desk.put("first")
        before = desk.vault.log(), desk.vault.stats().cubes
        desk.vault.keep_unfinished(NAME, ONE, cubes=[put.cube])
        assert (desk.vault.log(), desk.vault.stats().cubes) == before
        assert desk.vault.missing_blobs() == []

    def test_a_memory_with_the_same_blob_keeps_it(self, desk: Desk) -> None:
        put, blob = desk.put("first"), write(desk, ONE)
        desk.vault.keep_unfinished(NAME, ONE, cubes=[put.cube])
        bring(desk.vault, blob, ONE)
        desk.vault.drop_unfinished(NAME)
        assert bytes(desk.vault.blob(blob.cube)) == ONE
