"""Conformance: several calls in one transaction."""

from __future__ import annotations

import threading

import pytest

from memos_core.cube.memcube import State
from memos_core.errors import InvalidInput
from memos_core.ports import Batch, Part, Span
from memos_core.testing.vault.answers import answers
from memos_core.testing.vault.desk import SPEC, Desk, alice, vector
from memos_core.testing.vault.suite import VaultSuite


class Broken(Exception):
    """Raised inside a transaction by these tests."""


class Transacting(VaultSuite):
    def test_what_is_written_inside_is_read_inside_and_kept(self, desk: Desk) -> None:
        with desk.vault.transaction():
            put = desk.put("fox", vectors=[vector(1, 0, 0, 0)])
            assert [found.cube for found in desk.vault.match(alice(), ["fox"], limit=9)] == [put.cube]
            assert [found.cube for found in desk.vault.nearest(alice(), vector(1, 0, 0, 0), limit=9)] == [put.cube]
            desk.put("whale", vectors=[vector(0, 1, 0, 0)])
        assert desk.texts(alice()) == ["whale", "fox"]
        assert list(desk.vault.verify()) == []

    def test_an_error_undoes_all_of_it(self, desk: Desk) -> None:
        """Troubleshooting: what was read inside must not stay in memory either, for numbers of rows are used again."""
        old = desk.put("fox", vectors=[vector(1, 0, 0, 0)])
        desk.vault.nearest(alice(), vector(1, 0, 0, 0), limit=9)
        before = answers(desk.vault)
        with pytest.raises(Broken), desk.vault.transaction():  # noqa: PT012 - it is the end that raises
            desk.put("whale", vectors=[vector(0, 1, 0, 0)])
            desk.move(old, State.ARCHIVED)
            for _ in range(3):
                desk.vault.nearest(alice(), vector(0, 1, 0, 0), limit=9)
                desk.vault.match(alice(), ["whale"], limit=9)
            raise Broken
        assert answers(desk.vault) == before
        other = desk.put("owl", vectors=[vector(0, 0, 1, 0)])
        for _ in range(3):
            found = desk.vault.nearest(alice(), vector(0, 0, 1, 0), limit=9)
            assert [scored.cube for scored in found] == [other.cube, old.cube]
            assert [scored.score for scored in found] == [1.0, 0.0]
        assert list(desk.vault.verify()) == []

    def test_an_erasure_that_is_undone_leaves_the_cube(self, desk: Desk) -> None:
        put = desk.put("fox", vectors=[vector(1, 0, 0, 0)])
        with pytest.raises(Broken), desk.vault.transaction():  # noqa: PT012
            desk.erase(put)
            assert desk.vault.get([put.cube]) == []
            raise Broken
        assert [found.cube for found in desk.vault.match(alice(), ["fox"], limit=9)] == [put.cube]
        with desk.vault.transaction():
            desk.erase(put)
        assert desk.vault.get([put.cube]) == []

    def test_a_call_that_fails_inside_has_changed_nothing_and_the_rest_goes_on(self, desk: Desk) -> None:
        with desk.vault.transaction():
            desk.put("fox")
            bad = desk.write_put("bad")
            part = Part(Span(0, 3), "bad", vector(1, 0, 0, 0) * float("nan"))
            with pytest.raises(InvalidInput):
                desk.vault.commit(Batch([bad], {bad.id: [part]}, SPEC))
            desk.put("whale")
        assert desk.texts(alice()) == ["whale", "fox"]

    def test_one_inside_another_is_part_of_it(self, desk: Desk) -> None:
        with pytest.raises(Broken), desk.vault.transaction():  # noqa: PT012
            with desk.vault.transaction():
                desk.put("fox")
            raise Broken
        assert desk.texts(alice()) == []

    def test_other_threads_see_nothing_of_it_before_its_end(self, desk: Desk) -> None:
        seen: list[int] = []
        inside, looked = threading.Event(), threading.Event()

        def look() -> None:
            inside.wait(10)
            looked.set()
            seen.append(desk.vault.count(alice()))

        thread = threading.Thread(target=look)
        thread.start()
        with pytest.raises(Broken), desk.vault.transaction():  # noqa: PT012
            desk.put("fox")
            inside.set()
            looked.wait(10)
            raise Broken
        thread.join(10)
        assert seen == [0]
