"""The statements: all named once, all used, and each by way of an index."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

import memos_core.infrastructure.vault.statements as module
from memos_core.cube.memcube import State
from memos_core.cube.selection import Selection, conditions
from memos_core.infrastructure.vault.predicates import admitted, driving, scope
from memos_core.infrastructure.vault.sqlite import SQLiteVault
from memos_core.infrastructure.vault.statements import load
from memos_core.testing.clock import ManualClock
from memos_core.testing.vault.desk import Desk, alice, day, vector

FOLDER = Path(module.__file__).parent
FILES = sorted(path.stem for path in (FOLDER / "sql").glob("*.sql"))
RUN_WHOLE = {"schema_1", "schema_2", "schema_3", "derived", "dangling"}  # every statement of them is run, in a loop
SCANNED = {"put", "edge", "shown", "cube", "namespace", "operation", "part", "moment", "usage", "unembedded"}

SELECTIONS = {
    "plain": alice(now=day(1)),
    "exact": alice(exact=True, now=day(1)),
    "filtered": alice(where=conditions({"a.b": {"$gt": 1}}), as_of=day(2)),
    "archived": alice(states=frozenset({State.ARCHIVED})),
    "as it was": alice(known_at=day(1, hour=1)),
}
VALUES = {
    "limit": 9,
    "offset": 0,
    "fanout": 9,
    "starts": 0,
    "ends": 1,
    "until": 1,
    "vector": bytes(16),
    "k": 9,
    "embedding": 1,
    "puts": "[1]",
    "cubes": "[1]",
    "nodes": '["entity:ana"]',
    "only": '["same as"]',
    "about": '[["entity:ana", "lives in", null]]',
    "path": "alice",
    "at": 1,
}
FRAGMENTS = {"end_admitted", "occurrences", "relation_walked"}


@pytest.fixture(scope="module")
def db() -> Iterator[apsw.Connection]:
    vault = SQLiteVault(":memory:", clock=ManualClock())
    desk = Desk(vault)
    for number in range(40):
        desk.put(f"text {number}", vectors=[vector(1, number, 0, 0)], namespace=f"alice/{number % 3}")
    with vault._pool.read() as connection:
        yield connection
    vault.close()


def plan(db: apsw.Connection, file: str, name: str, selection: Selection, relations: str = "1") -> list[str]:
    """What SQLite does to run a statement, step by step."""
    within = scope(db, selection)
    predicate, values = admitted(selection, within)
    fragments = {f"{put}_admitted": admitted(selection, within, put=put)[0] for put in ("earlier", "later", "there")}
    end = load("find")["end_admitted"]
    for side in ("source", "target"):
        fragments[f"{side}_admitted"] = end.format(end=side, there_admitted=fragments["there_admitted"])
    text = load(file)[name].format(
        admitted=predicate, driving=driving(selection, within), table="vector_1", relations=relations, **fragments
    )
    return [row[3] for row in db.execute("explain query plan " + text, VALUES | values)]


@pytest.mark.parametrize("selection", SELECTIONS)
@pytest.mark.parametrize("name", [*(name for name in load("find") if name not in FRAGMENTS)])
def test_every_search_uses_indexes(db: apsw.Connection, name: str, selection: str) -> None:
    """Troubleshooting: a walk written as a join once took 270 ms where it takes 0.2."""
    steps = plan(db, "find", name, SELECTIONS[selection], relations=load("find")["relation_walked"])
    assert [step for step in steps if step.removeprefix("SCAN ").split()[0] in SCANNED and "SCAN" in step] == []


@pytest.mark.parametrize(
    ("selection", "index"),
    [
        (alice(now=day(1)), "put_by_namespace"),
        (alice(session="s"), "put_by_session"),
        (alice(source_ids=frozenset({"m1"})), "put_by_source"),
    ],
)
def test_listing_uses_the_narrowest_index(db: apsw.Connection, selection: Selection, index: str) -> None:
    assert any(f"USING INDEX {index}" in step for step in plan(db, "read", "select", selection))


def test_lengths_are_read_from_an_index_alone(db: apsw.Connection) -> None:
    assert any("COVERING INDEX put_with_text" in step for step in plan(db, "find", "lengths", alice(now=day(1))))


def test_followers_are_found_by_what_they_follow(db: apsw.Connection) -> None:
    assert any("put_following" in step for step in plan(db, "find", "followers", alice(now=day(1))))


@pytest.mark.parametrize("name", ["edges_from", "edges_to"])
def test_walk_stops_at_the_fanout(db: apsw.Connection, name: str) -> None:
    """Troubleshooting: sorting all edges of a node that 50,000 cubes mention takes 100 ms."""
    assert [step for step in plan(db, "find", name, alice(now=day(1))) if "TEMP B-TREE" in step] == []


@pytest.mark.parametrize("file", FILES)
def test_every_statement_is_used(file: str) -> None:
    code = "".join(path.read_text(encoding="utf-8") for path in FOLDER.glob("*.py"))
    unused = [name for name in load(file) if not re.search(rf'"{name}"', code)]
    assert file in RUN_WHOLE or unused == []


def test_no_name_is_given_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sql").mkdir()
    (tmp_path / "sql" / "double.sql").write_text("-- name: one\nselect 1;\n\n-- name: one\nselect 2;\n")
    monkeypatch.setattr(module, "files", lambda _: tmp_path)
    with pytest.raises(ValueError, match="twice"):
        load("double")


@pytest.mark.parametrize("name", ["edges_from", "edges_to"])
def test_walk_along_few_relations_reads_these_alone(db: apsw.Connection, name: str) -> None:
    """Troubleshooting: reading all claims of a busy speaker to find other names takes 10 ms of a search."""
    steps = plan(db, "find", name, alice(now=day(1)), relations=load("find")["relation_walked"])
    assert any("AND relation=?" in step for step in steps), steps
