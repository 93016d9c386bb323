"""Vectors and places of texts that are held in memory: the answers of sqlite-vec, never of yesterday."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Optional

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memos_core.cube.memcube import Governance, State
from memos_core.cube.operation import Operation
from memos_core.cube.selection import Selection, conditions
from memos_core.errors import InvalidOperation
from memos_core.infrastructure.vault.dict import DictVault
from memos_core.infrastructure.vault.resident import MANY, Resident
from memos_core.infrastructure.vault.sqlite import SQLiteVault
from memos_core.ports import Batch, Scored
from memos_core.testing.clock import ManualClock
from memos_core.testing.vault.desk import OTHER_SPEC, SPEC, Desk, alice, parts_of, vector

EAST, NORTH = vector(1, 0, 0, 0), vector(0, 1, 0, 0)
NOW = datetime(2023, 5, 1, tzinfo=timezone.utc)

WRITE_ELSEWHERE = """
import sys
from memos_core.infrastructure.vault.sqlite import SQLiteVault
from memos_core.testing.clock import ManualClock
from memos_core.testing.vault.desk import Desk, vector
vault = SQLiteVault(sys.argv[1], clock=ManualClock())
desk = Desk(vault, number=2)
old = vault.log()[0][1]
desk.clock.advance(__import__("datetime").timedelta(days=1))
desk.put("new", cube="new", vectors=[vector(1, 1, 0, 0)])
desk.erase(old)
vault.close()
"""


def opened(path: Path) -> SQLiteVault:
    return SQLiteVault(str(path / "vault.db"), clock=ManualClock())


@pytest.fixture
def vault(tmp_path: Path) -> SQLiteVault:
    return opened(tmp_path)


@pytest.fixture
def desk(vault: SQLiteVault) -> Desk:
    """A desk at a vault with two cubes, whose vectors it holds."""
    desk = Desk(vault)
    desk.put("east", vectors=[EAST])
    desk.put("north", vectors=[NORTH])
    warm(vault)
    return desk


def warm(vault: SQLiteVault) -> None:
    """Ask twice: vectors are read at the second search after any were erased."""
    assert vault.spec is not None
    for _ in range(2):
        vault.nearest(alice(), np.eye(vault.spec.dim, dtype=np.float32)[0], limit=1)
    assert is_warm(vault)


def is_warm(vault: SQLiteVault) -> bool:
    return vault._resident._vectors is not None


def cold(vault: SQLiteVault) -> list[Scored]:
    """What sqlite-vec says."""
    vault._resident.drop()
    return vault.nearest(alice(), EAST, limit=9)


def near(vault: SQLiteVault, selection: Selection | None = None) -> dict[str, float]:
    found = vault.nearest(selection or alice(), EAST, limit=9)
    cubes = vault.get([scored.cube for scored in found])
    return {cube.text: round(scored.score, 3) for cube, scored in zip(cubes, found, strict=True)}


def held_rows(vault: SQLiteVault) -> np.ndarray:
    held = vault._resident._vectors
    assert held is not None
    return held.matrix[: held.size]


def held_parts(vault: SQLiteVault) -> np.ndarray:
    held = vault._resident._vectors
    assert held is not None
    return held.parts[: held.size]


def held_key(vault: SQLiteVault) -> tuple[int, int]:
    held = vault._resident._vectors
    assert held is not None
    return held.key


# -- one ranking ----------------------------------------------------------------------------------

numbers = st.tuples(*[st.integers(-2, 2)] * 4).filter(any)
written = st.lists(
    st.tuples(
        st.lists(numbers, min_size=0, max_size=3),
        st.sampled_from(["alice", "alice/work", "alicia", "bob"]),
        st.sampled_from([None, State.ARCHIVED, State.ACTIVATED]),
        st.sampled_from([None, -1, 1]),
        st.sampled_from(["keep", "revise", "erase"]),
    ),
    min_size=1,
    max_size=12,
)
Row = tuple[list[tuple[int, ...]], str, Optional[State], Optional[int], str]

SELECTIONS = (
    alice(now=NOW),
    alice(),
    alice(exact=True, now=NOW),
    alice(states=frozenset(State)),
    alice(known_at=ManualClock().now() + timedelta(seconds=8)),
    alice(where=conditions({"number": {"$lt": 4}})),
    Selection(namespace=("nobody",)),
)


def write(desk: Desk, number: int, row: Row) -> None:
    directions, namespace, state, expires, then = row
    fields: dict[str, Any] = {
        "namespace": namespace,
        "metadata": {"number": number},
        "governance": Governance(expires_at=None if expires is None else NOW + timedelta(days=expires)),
    }
    parts = [vector(*each) for each in directions]
    put = desk.put(f"fox {number}", vectors=parts, **fields)
    if state is not None:
        desk.move(put, state)
    if then == "revise":
        desk.put(f"red fox {number}", cube=put.cube, parents=[put.id], vectors=parts[::-1], **fields)
    elif then == "erase":
        desk.erase(put)


@settings(max_examples=60, deadline=None)
@given(rows=written, wanted=numbers, limit=st.integers(1, 6), before=st.integers(0, 12))
def test_both_ways_and_the_reference_rank_alike(
    rows: list[Row], wanted: tuple[int, ...], limit: int, before: int
) -> None:
    """Troubleshooting: ties must be ties in all three, and what is read later must come to what was read before."""
    vault = SQLiteVault(":memory:", clock=ManualClock())
    distant = SQLiteVault(":memory:", clock=ManualClock())
    distant._resident = Resident(most_bytes=0)
    desks = [Desk(vault), Desk(distant), Desk(DictVault(ManualClock()))]
    for number, row in enumerate(rows):
        for desk in desks:
            write(desk, number, row)
        if number >= before and vault.spec is not None:
            vault.nearest(alice(), vector(*wanted), limit=limit)
    if vault.spec is None:
        return
    for selection in SELECTIONS * 2:
        answers = [desk.vault.nearest(selection, vector(*wanted), limit=limit) for desk in desks]
        assert answers[0] == answers[1]
        assert [found.cube for found in answers[0]] == [found.cube for found in answers[2]]
        assert [found.score for found in answers[0]] == pytest.approx([found.score for found in answers[2]], abs=2e-6)
        texts = [dict(desk.vault.match(selection, ["fox", "red"], limit=99)) for desk in desks]
        assert texts[0] == texts[1]
        assert set(texts[0]) == set(texts[2])
    assert is_warm(vault)
    assert not is_warm(distant) or not held_rows(distant).size
    vault.close()
    distant.close()


def test_equal_vectors_tie_wherever_they_stand(vault: SQLiteVault) -> None:
    """Troubleshooting: a product of a whole matrix rounds equal rows unequally."""
    spec = replace(SPEC, dim=48)
    chance = np.random.default_rng(3)
    same, *others = (row / np.linalg.norm(row) for row in chance.normal(size=(40, 48)))
    desk = Desk(vault)
    names = []
    for number, other in enumerate(others):
        for row in (same, other):
            put = desk.write_put(f"text {number}")
            parts = {put.id: parts_of(put, [row.astype(np.float32)])}
            vault.commit(Batch([put], parts, spec))
            names += [put.cube] if row is same else []
    wanted = (others[0] + same).astype(np.float32)
    vault.nearest(alice(), wanted, limit=99)
    found = vault.nearest(alice(), wanted, limit=99)
    assert is_warm(vault)
    alike = [scored for scored in found if scored.cube in names]
    assert [scored.cube for scored in alike] == sorted(names)
    assert len({scored.score for scored in alike}) == 1
    assert [scored.cube for scored in vault.nearest(alice(), wanted, limit=9)] == [one.cube for one in found[:9]]


# -- never stale ----------------------------------------------------------------------------------


def test_what_is_added_is_found_at_once_and_read_alone(desk: Desk, vault: SQLiteVault) -> None:
    key = held_key(vault)
    desk.put("between", vectors=[vector(1, 1, 0, 0)])
    assert near(vault) == {"east": 1.0, "between": 0.707, "north": 0.0}
    assert held_key(vault) == key
    assert len(held_rows(vault)) == 3


def test_first_search_is_answered_without_reading_all_vectors(vault: SQLiteVault) -> None:
    Desk(vault).put("east", vectors=[EAST])
    assert near(vault) == {"east": 1.0}
    assert not is_warm(vault)


def test_another_vault_of_the_same_file_sees_every_write(desk: Desk, tmp_path: Path) -> None:
    reader = opened(tmp_path)
    warm(reader)
    first = desk.vault.log()[0][1]
    newer = desk.put("north too", cube=first.cube, parents=[first.id], vectors=[NORTH])
    assert near(reader) == {"north": 0.0, "north too": 0.0}
    desk.move(newer, State.ARCHIVED)
    assert near(reader) == {"north": 0.0}
    assert {found.cube for found in reader.match(alice(), ["north"], limit=9)} == {desk.vault.log()[1][1].cube}
    reader.close()


def test_another_process_may_add_and_erase(desk: Desk, vault: SQLiteVault, tmp_path: Path) -> None:
    command = [sys.executable, "-W", "error", "-c", WRITE_ELSEWHERE, str(tmp_path / "vault.db")]
    subprocess.run(command, check=True, timeout=60)
    assert near(vault) == {"new": 0.707, "north": 0.0}
    assert not is_warm(vault)
    warm(vault)
    assert not (held_rows(vault) == EAST).all(axis=1).any()


def test_erased_vector_leaves_memory_at_once(desk: Desk, vault: SQLiteVault) -> None:
    matrix = held_rows(vault)
    assert (matrix == EAST).all(axis=1).any()
    desk.erase(vault.log()[0][1])
    assert not is_warm(vault)
    assert near(vault) == near(vault) == {"north": 0.0}
    assert is_warm(vault)
    assert held_rows(vault).tolist() == [NORTH.tolist()]


def test_id_of_an_erased_vector_may_be_given_again(desk: Desk, vault: SQLiteVault, tmp_path: Path) -> None:
    """Troubleshooting: the greatest id tells what was added only while nothing has gone."""
    reader = opened(tmp_path)
    warm(reader)
    desk.erase(vault.log()[1][1])
    desk.put("between", vectors=[vector(1, 1, 0, 0)])
    assert near(reader) == {"east": 1.0, "between": 0.707}
    reader.close()


def test_refused_batch_leaves_no_trace(desk: Desk, vault: SQLiteVault) -> None:
    good, bad = desk.write_put("good"), replace(desk.write_put("bad"), id="0" * 64)
    with pytest.raises(InvalidOperation):
        desk.commit(good, bad, vectors=[EAST])
    assert near(vault) == {"east": 1.0, "north": 0.0}
    assert len(held_rows(vault)) == 2


def test_write_that_fails_midway_leaves_no_trace(desk: Desk, vault: SQLiteVault) -> None:
    """Troubleshooting: what SQLite takes back must never have been read into memory."""
    with vault._pool.bare() as db:
        db.execute("create trigger refused before insert on part begin select raise(abort, 'no'); end")
    with pytest.raises(Exception, match="no"):
        desk.put("never", vectors=[EAST])
    with vault._pool.bare() as db:
        db.execute("drop trigger refused")
    desk.put("between", vectors=[vector(1, 1, 0, 0)])
    assert near(vault) == {"east": 1.0, "between": 0.707, "north": 0.0}


def test_body_that_arrives_late_is_found(desk: Desk, vault: SQLiteVault) -> None:
    """Troubleshooting: its put has a smaller number than others that are held already."""
    put = desk.write_put("late")
    desk.commit(put.without_body())
    desk.put("after", vectors=[vector(1, 2, 0, 0)])
    near(vault)
    desk.commit(put, vectors=[vector(1, 1, 0, 0)])
    assert near(vault) == {"east": 1.0, "late": 0.707, "after": 0.447, "north": 0.0}
    assert len(vault.match(alice(), ["late"], limit=9)) == 1


def reembed(vault: SQLiteVault) -> None:
    """Turn every vector about."""
    operations = {operation.id: operation for _, operation in vault.log()}
    rows = np.eye(OTHER_SPEC.dim, dtype=np.float32)
    waiting = vault.unembedded(OTHER_SPEC, limit=9)
    turned = {"east": rows[1], "north": rows[0]}
    half = [{name: parts_of(operations[name], [turned[each.text]])} for name, each in waiting]
    for parts in half:
        vault.reembed(OTHER_SPEC, parts)


def test_vectors_of_another_embedder_replace_all(desk: Desk, vault: SQLiteVault, tmp_path: Path) -> None:
    reader = opened(tmp_path)
    warm(reader)
    reembed(vault)
    wanted = np.eye(OTHER_SPEC.dim, dtype=np.float32)[0]
    for each in (vault, reader, vault, reader):
        found = each.nearest(alice(), wanted, limit=9)
        assert [cube.text for cube in each.get([one.cube for one in found])] == ["north", "east"]
    assert held_rows(reader).shape == (2, OTHER_SPEC.dim)
    reader.close()


def test_rebuilding_numbers_anew_and_is_seen(desk: Desk, vault: SQLiteVault, tmp_path: Path) -> None:
    """Troubleshooting: namespaces get other numbers."""
    desk.put("theirs", namespace="bob", vectors=[EAST])
    first: Operation = vault.log()[0][1]
    desk.put("moved", cube=first.cube, parents=[first.id], namespace="carol", vectors=[EAST])
    reader = opened(tmp_path)
    warm(reader)
    vault.rebuild()
    for each in (vault, reader, vault, reader):
        assert near(each) == {"north": 0.0}
        assert near(each, Selection(namespace=("carol",))) == {"moved": 1.0}
        assert near(each, Selection(namespace=("bob",))) == {"theirs": 1.0}
    reader.close()


def test_reader_of_an_older_state_gets_what_was_there(desk: Desk, vault: SQLiteVault) -> None:
    """Troubleshooting: another thread may have read more than this transaction sees."""
    with vault._pool.read() as db:
        spec, embedding = SPEC, db.execute("select id from embedding").get
        with ThreadPoolExecutor(1) as other:
            other.submit(desk.put, "between", vectors=[vector(1, 1, 0, 0)]).result()
            assert len(other.submit(near, vault).result()) == 3
        held = vault._resident.vectors(db, spec, embedding)
        assert held is not None
        assert held.size == 2
        assert len(vault._resident.texts(db, [1], now=0).puts) == 2


def test_threads_add_and_find_their_own(vault: SQLiteVault) -> None:
    def work(number: int) -> list[bool]:
        desk, found = Desk(vault, number=number), []
        for at in range(15):
            put = desk.put(f"text {at}", vectors=[vector(number, at, 1, 0)])
            best = vault.nearest(alice(), vector(number, at, 1, 0), limit=4)
            found.append(put.cube in {scored.cube for scored in best})
            if at % 5 == 4:
                desk.erase(put)
        return found

    with ThreadPoolExecutor(4) as pool:
        assert all(all(found) for found in pool.map(work, range(1, 5)))
    warm_answer = vault.nearest(alice(), EAST, limit=9)
    assert warm_answer == cold(vault)


def test_many_vectors_are_read_as_each_would_be(desk: Desk, vault: SQLiteVault) -> None:
    """Troubleshooting: many are read by whole chunks, whose empty places hold what was erased from them."""
    puts = [desk.put(f"text {number}", vectors=[vector(1, number, 1, 0)]) for number in range(MANY + 9)]
    for put in puts[3:50:7]:
        desk.erase(put)
    expected = cold(vault)
    warm(vault)
    assert vault.nearest(alice(), EAST, limit=9) == expected
    held, exact = held_rows(vault), {}
    with vault._pool.read() as db:
        for part in held_parts(vault).tolist():
            exact[part] = np.frombuffer(db.execute("select vector from vector_1 where rowid = ?", (part,)).get, "<f4")
    assert np.allclose(held, np.array(list(exact.values())), atol=1e-6)


def test_expired_cube_leaves_and_comes_back(desk: Desk, vault: SQLiteVault) -> None:
    """Troubleshooting: it comes back under the number that it had."""
    put = desk.put("between", vectors=[vector(1, 1, 0, 0)])
    expired = desk.move(put, State.EXPIRED)
    assert near(vault) == near(vault) == {"east": 1.0, "north": 0.0}
    assert len(held_rows(vault)) == 2
    desk.move(put, State.ACTIVATED, parents=[expired.id])
    assert len(vault.match(alice(), ["between"], limit=9)) == 1


# -- bounds ---------------------------------------------------------------------------------------


def test_beyond_the_bound_sqlite_vec_answers(desk: Desk, vault: SQLiteVault) -> None:
    vault._resident = Resident(most_bytes=3 * SPEC.dim * 4)
    warm(vault)
    desk.put("third", vectors=[vector(1, 1, 0, 0)])
    near(vault)
    assert is_warm(vault)
    desk.put("fourth", vectors=[vector(1, 2, 0, 0)])
    for _ in range(3):
        assert list(near(vault)) == ["east", "third", "fourth", "north"]
        assert not is_warm(vault)


@pytest.mark.parametrize("leave", [SQLiteVault.close, SQLiteVault.rebuild])
def test_nothing_is_held_after(desk: Desk, vault: SQLiteVault, leave: Callable[[SQLiteVault], None]) -> None:
    leave(vault)
    assert not is_warm(vault)
