"""Conformance: jobs, and what conversations have in mind."""

from __future__ import annotations

from datetime import timedelta

import pytest

from memos_core.ports import Job
from memos_core.testing.vault.desk import Desk, day
from memos_core.testing.vault.suite import VaultSuite

LEASE = timedelta(minutes=5)


def job(key: str, *, cubes: tuple[str, ...] = ()) -> Job:
    return Job(key, "cool", ("alice",), "s1", cubes, "because")


class Local(VaultSuite):
    def test_a_job_is_noted_once_and_kept_until_it_is_finished(self, desk: Desk) -> None:
        assert desk.vault.enqueue([job("a", cubes=("1", "2")), job("b")], at=day(1)) == 2
        assert desk.vault.enqueue([job("b"), job("c")], at=day(2)) == 1
        assert desk.vault.jobs() == [job("a", cubes=("1", "2")), job("b"), job("c")]
        desk.vault.finish("b")
        desk.vault.finish("nothing")
        assert [each.key for each in desk.vault.jobs()] == ["a", "c"]
        assert desk.vault.enqueue([job("b")], at=day(3)) == 1

    def test_jobs_noted_together_stay_in_their_order(self, desk: Desk) -> None:
        for start, keys in ((1, "zay"), (2, "bxa")):
            desk.vault.enqueue([job(key) for key in keys], at=day(start))
        assert "".join(each.key for each in desk.vault.jobs()) == "zaybx"
        assert "".join(each.key for each in desk.vault.claim(limit=4, at=day(3), lease=LEASE)) == "zayb"

    def test_a_leased_job_is_given_to_nobody_else_until_the_lease_is_over(self, desk: Desk) -> None:
        desk.vault.enqueue([job("a"), job("b"), job("c")], at=day(1))
        assert desk.vault.claim(limit=2, at=day(1), lease=LEASE) == [
            job("a")._replace(attempts=1),
            job("b")._replace(attempts=1),
        ]
        assert [each.key for each in desk.vault.claim(limit=2, at=day(1), lease=LEASE)] == ["c"]
        assert desk.vault.claim(limit=2, at=day(1) + LEASE / 2, lease=LEASE) == []
        assert desk.vault.claim(limit=1, at=day(1) + LEASE, lease=LEASE) == [job("a")._replace(attempts=2)]

    def test_a_lease_can_be_made_longer(self, desk: Desk) -> None:
        desk.vault.enqueue([job("a"), job("b")], at=day(1))
        desk.vault.claim(limit=1, at=day(1), lease=LEASE)
        for key in ("a", "b", "nothing"):  # the others are leased by nobody
            desk.vault.renew(key, by=LEASE)
        assert [each.key for each in desk.vault.claim(limit=2, at=day(1) + LEASE, lease=LEASE)] == ["b"]
        assert [each.key for each in desk.vault.claim(limit=2, at=day(1) + 2 * LEASE, lease=LEASE)] == ["a", "b"]

    def test_a_transaction_that_fails_leaves_the_job(self, desk: Desk) -> None:
        desk.vault.enqueue([job("a")], at=day(1))
        with pytest.raises(ZeroDivisionError), desk.vault.transaction():  # noqa: PT012
            desk.vault.finish("a")
            1 / 0  # noqa: B018
        assert [each.key for each in desk.vault.jobs()] == ["a"]

    def test_notes_are_kept_by_name(self, desk: Desk) -> None:
        assert desk.vault.noted("scrubbed") is None
        for text in ("first", "second"):
            desk.vault.note("scrubbed", text)
        assert desk.vault.noted("scrubbed") == "second"
        assert desk.vault.noted("actor") is None

    def test_every_conversation_has_a_working_memory_of_its_own(self, desk: Desk) -> None:
        desk.vault.keep_working(("alice",), "s1", ["b", "a"])
        desk.vault.keep_working(("alice",), "s2", ["c"])
        desk.vault.keep_working(("alice", "x"), "s1", ["d"])
        desk.vault.keep_working(("alice",), "s2", [])
        assert desk.vault.working(("alice",), "s1") == ["b", "a"]
        assert desk.vault.working(("alice",), "s2") == desk.vault.working(("bob",), "s1") == []
        assert desk.vault.working(("alice", "x"), "s1") == ["d"]

    def test_erasing_leaves_what_is_to_be_done_with_a_back_end(self, desk: Desk) -> None:
        put = desk.put("first")
        desk.vault.enqueue([Job("demote", "demote", (), "activation", (), "it is cold")], at=day(1))
        desk.erase(put)
        assert [each.key for each in desk.vault.jobs()] == ["demote"]
