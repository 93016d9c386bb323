"""Damage is found, and what is derived is mended by rebuilding."""

from __future__ import annotations

import random
from pathlib import Path

import apsw
import pytest

from memos_core.cube.memcube import Provenance, State
from memos_core.errors import MemOSError, VaultCorrupt
from memos_core.infrastructure.vault.connection import vector_extension
from memos_core.infrastructure.vault.sqlite import SQLiteVault
from memos_core.ports import Vault, Walk
from memos_core.testing.clock import ManualClock
from memos_core.testing.vault.desk import Desk, alice, day, days, mention, vector

PAGES = 100  # damaged one at a time
WORDS = "quick brown fox jumps over the lazy dog while grey whales sing low".split()

#: Damage to what is derived, that leaves every structure of SQLite sound.
DERIVED = {
    "other trust": "update put set trust = 0 where seq = 3",
    "other namespace": "update namespace set path = 'bob'",
    "other length": "update put set length = length + 1 where seq = 3",
    "other time": "update put set expires = 1 where seq = 3",
    "other metadata": "update put set metadata = '{}' where seq = 3",
    "other predecessor": "update put set follows = 1 where seq = 5",
    "taken out of recall": "update put set live = 0 where seq = 3",
    "brought into recall": "update put set live = 1 where live = 0",
    "other state": "update shown set state = 'frozen' where put = 3",
    "known later": "update shown set known_from = known_from + 1 where put = 3",
    "other conflicts": "update shown set conflicts = '[1]' where put = 3",
    "never shown": "delete from shown where put = 3",
    "other creation": "update cube set created = created + 1 where id = 2",
    "other edge": "update edge set relation = 'hates' where put = 3",
    "other end": "update edge set source_cube = 1 where put = 5",
    "lost edge": "delete from edge where put = 3",
    "stray edge": "insert into edge (put, source, relation, target) values (999, 'a', 'b', 'c')",
    "other moment": "update moment set starts = starts + 1",
    "lost moment": "delete from moment",
    "stray moment": "insert into moment (put, starts) values (999, 1)",
    "lost put": "delete from put where seq = 3",
    "lost text": "delete from text_index where rowid = 3",
    "foreign text": "insert into text_index (rowid, text) values (999, 'foreign')",
    "other words": "delete from text_index where rowid = 3; insert into text_index (rowid, text) values (3, 'other')",
    "lost part": "delete from part where put = 3",
    "stray part": "insert into part select 999, 999, embedding, 0, 0, 1, digest, checksum from part limit 1",
    "other checksum": "update part set checksum = checksum + 1 where put = 3",
    "lost vector": "delete from vector_1 where rowid = 3",
    "other vector": "update vector_1 set vector = '[0, 0, 0, 1]' where rowid = 3",
    "vector filed elsewhere": "update vector_1 set namespace = 999 where rowid = 3",
    "vector out of recall": "update vector_1 set live = 0 where rowid = 3",
    "stray vector": "insert into vector_1 (rowid, vector, namespace, live) values (999, '[0, 0, 0, 1]', 1, 1)",
    "waits for nothing": "insert into unembedded (embedding, put) values (1, 999)",
    "waits without need": "insert into unembedded (embedding, put) values (1, 3)",
}
TRUTH = {
    "other body": "update operation set body = replace(body, 'fox', 'box') where seq = 3",
    "other salt": "update operation set salt = zeroblob(16) where seq = 3",
    "lost salt": "update operation set salt = null where seq = 3",
    "other header": "update operation set header = replace(header, 'put', 'set') where seq = 3",
    "other id": "update operation set id = 'x' where seq = 3",
    "other cube": "update operation set cube = 'x' where seq = 3",
    "other kind": "update operation set kind = 'state' where seq = 3",
    "other clock": "update operation set hlc = hlc + 1 where seq = 3",
}


def furnish(path: Path, *, puts: int) -> None:
    """Store some of everything in a file."""
    vault = SQLiteVault(str(path), clock=ManualClock())
    desk = Desk(vault)
    chance = random.Random(3)
    last = None
    for number in range(puts):
        operation = desk.put(
            f"fox {number} " + " ".join(chance.choices(WORDS, k=8)),
            vectors=[vector(1, number, 1, 2)],
            entities=("Ana", f"Entity {number % 7}"),
            times=(mention(days(1 + number % 20, 25)),),
            follows=last,
            metadata={"number": number},
            provenance=Provenance(session="s", position=number, source_id=f"m{number}"),
        )
        last = operation.cube
        if number % 5 == 4:
            desk.put("fox anew", cube=last, parents=[operation.id], vectors=[vector(1, 0, number, 0)])
        if number % 7 == 5:
            desk.move(operation, State.ARCHIVED)
    vault.close()


def tamper(path: Path, statements: str) -> None:
    db = apsw.Connection(str(path))
    db.enable_load_extension(True)
    db.load_extension(vector_extension())
    for statement in statements.split(";"):
        assert db.execute(statement).fetchall() == []
    assert db.total_changes()
    db.close()


def opened(path: Path) -> SQLiteVault:
    return SQLiteVault(str(path), clock=ManualClock())


def answers(vault: Vault) -> list[object]:
    """What a vault says, by every way of asking."""
    everything = alice(states=frozenset(State))
    cubes = vault.select(everything, limit=1000)
    ids = [cube.id for cube in cubes]
    return [
        vault.log(limit=10_000),
        cubes,
        vault.get(ids, known_at=day(1, hour=1)),
        vault.match(alice(), WORDS, limit=1000),
        vault.match(everything, ["fox"], limit=1000),
        vault.nearest(alice(), vector(1, 2, 3, 4), limit=1000),
        vault.nearest(everything, vector(4, 3, 2, 1), limit=1000),
        vault.during(everything, days(3, 9), limit=1000),
        vault.neighbourhood(everything, ["entity:ana"], Walk(hops=2, fanout=1000, limit=10_000)),
        vault.passages(everything, ids),
        vault.select(alice(source_ids=frozenset({"m3", "m9"})), limit=9),
        vault.select(alice(session="s"), limit=1000),
        vault.namespaces(),
    ]


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sound") / "vault.db"
    furnish(path, puts=12)
    return path


@pytest.fixture
def damaged(sound: Path, tmp_path: Path) -> Path:
    path = tmp_path / "vault.db"
    path.write_bytes(sound.read_bytes())
    return path


@pytest.mark.parametrize("damage", DERIVED)
def test_derived_damage_is_found_and_mended(damaged: Path, damage: str) -> None:
    vault = opened(damaged)
    before = answers(vault)
    assert list(vault.verify()) == []
    vault.close()
    tamper(damaged, DERIVED[damage])
    vault = opened(damaged)
    assert list(vault.verify()) != []
    vault.rebuild()
    left = vault.unembedded(vault.spec, limit=9)  # a vector that is damaged is given up, and made anew
    if left:
        return
    assert list(vault.verify()) == []
    assert answers(vault) == before
    vault.close()


@pytest.mark.parametrize("damage", ["lost part", "other checksum", "lost vector", "other vector"])
def test_damaged_vector_is_given_up_and_waits_to_be_made_anew(damaged: Path, damage: str) -> None:
    tamper(damaged, DERIVED[damage])
    vault = opened(damaged)
    vault.rebuild()
    assert [found.text for _, found in vault.unembedded(vault.spec, limit=9)] == [
        vault.history(third(vault))[0].value()["payload"]["text"]
    ]
    assert list(vault.verify()) == []


def third(vault: Vault) -> str:
    return vault.log(after=2, limit=1)[0][1].cube


@pytest.mark.parametrize("number", ["0000c07f", "0000807f", "00000000"])
def test_vector_that_is_no_direction_is_told_and_not_passed_over(damaged: Path, number: str) -> None:
    """Troubleshooting: sqlite-vec gives NaN, infinity and zero no distance, and they push true neighbours out."""
    tamper(damaged, f"update vector_1 set vector = x'{number * 4}' where rowid = 1")
    vault = opened(damaged)
    for selection in (alice(), alice(states=frozenset(State))):
        with pytest.raises(VaultCorrupt):
            vault.nearest(selection, vector(1, 2, 3, 4), limit=3)
    vault.rebuild()
    assert vault.nearest(alice(), vector(1, 2, 3, 4), limit=3)
    assert len(vault.unembedded(vault.spec, limit=9)) == 1


@pytest.mark.parametrize("damage", TRUTH)
def test_damaged_operation_is_found_and_no_rebuilding_hides_it(damaged: Path, damage: str) -> None:
    tamper(damaged, TRUTH[damage])
    vault = opened(damaged)
    assert any(found.where.startswith("operation") for found in vault.verify())


def test_body_that_is_lost_with_its_salt_is_missed_where_it_was(damaged: Path) -> None:
    """An operation without a body is sound by itself, but what was derived of it tells that it was there."""
    tamper(damaged, "update operation set body = null, salt = null where seq = 3")
    assert list(opened(damaged).verify()) != []


@pytest.mark.slow
def test_damaged_pages_never_change_an_answer_unseen(tmp_path: Path) -> None:
    """Troubleshooting: SQLite's own checks miss more than half of such damage."""
    sound = tmp_path / "sound.db"
    furnish(sound, puts=60)
    vault = opened(sound)
    expected = answers(vault)
    vault.close()
    data = sound.read_bytes()
    chance = random.Random(11)
    unseen, changed = [], 0
    for number in range(PAGES):
        start = chance.randrange(100, len(data) - 64)
        length = chance.choice([1, 4, 64])
        path = tmp_path / f"{number}.db"
        path.write_bytes(data[:start] + chance.randbytes(length) + data[start + length :])
        outcome = asked(path, expected)
        changed += outcome is not None
        if outcome is False:
            unseen.append(start)
        path.unlink()
    assert unseen == []
    assert changed > PAGES // 10


def asked(path: Path, expected: list[object]) -> bool | None:
    """``None`` if a damaged file answers as before; otherwise whether the damage is told."""
    try:
        vault = opened(path)
    except MemOSError:
        return True
    try:
        if answers(vault) == expected:
            return None
        return list(vault.verify()) != []
    except MemOSError:
        return True
    finally:
        vault.close()
