from __future__ import annotations

from dataclasses import replace

import pytest

from memos_core.cube.clock import Timestamp
from memos_core.cube.fold import content_of, fold, heads, is_erased, move_of
from memos_core.cube.memcube import Content, Governance, MemCube, State, Trust
from memos_core.cube.operation import Operation, OperationKind
from memos_core.errors import InvalidOperation
from memos_core.infrastructure.vault.dict import DictVault
from memos_core.testing.clock import ManualClock
from memos_core.testing.vault.desk import Desk


@pytest.fixture
def desk() -> Desk:
    return Desk(DictVault(ManualClock()))


def folded(*operations: Operation) -> MemCube:
    cube = fold(operations)
    assert cube is not None
    return cube


def test_nothing_folds_to_nothing(desk: Desk) -> None:
    assert fold([]) is None
    assert heads([]) == ()
    assert fold([desk.author.move("c", State.FROZEN, parents=(), reason="")]) is None
    assert fold([desk.write_put("text").without_body()]) is None


def test_one_put_is_the_cube(desk: Desk) -> None:
    put = desk.write_put("text", metadata={"a": 1})
    cube = folded(put)
    assert cube.content() == content_of(put)
    assert (cube.id, cube.version, cube.parents, cube.conflicts) == (put.cube, put.id, (), ())
    assert (cube.state, cube.created_at, cube.updated_at) == (
        State.GENERATED, put.hlc.datetime(), put.hlc.datetime(),
    )  # fmt: skip


def test_put_replaces_its_parents_whatever_the_clocks_say(desk: Desk) -> None:
    late = desk.write_put("late")
    early = Operation.create(
        cube=late.cube,
        kind=OperationKind.PUT,
        hlc=Timestamp(1),
        actor="a",
        parents=[late.id],
        body=late.value() | {"tags": ["after"]},
    )
    cube = folded(late, early)
    assert (cube.version, cube.conflicts, cube.tags) == (early.id, (), ("after",))
    assert cube.created_at == Timestamp(1).datetime()


def test_trust_goes_before_time(desk: Desk) -> None:
    trusted = desk.write_put("trusted")
    later = desk.write_put("later", cube=trusted.cube, governance=Governance(trust=Trust.AGENT))
    cube = folded(trusted, later)
    assert (cube.text, cube.conflicts) == ("trusted", (later.id,))


def test_three_conflicts_are_listed_best_first(desk: Desk) -> None:
    puts = [desk.write_put(text, cube="c") for text in ("one", "two", "three")]
    cube = folded(*puts)
    assert (cube.text, cube.conflicts) == ("three", (puts[1].id, puts[0].id))
    assert heads(puts) == tuple(sorted(put.id for put in puts))


def test_state_is_that_of_the_latest_that_no_other_replaced(desk: Desk) -> None:
    put = desk.write_put("text")
    active = desk.author.move(put.cube, State.ACTIVATED, parents=[put.id], reason="")
    frozen = desk.author.move(put.cube, State.FROZEN, parents=[put.id, active.id], reason="")
    assert folded(put, active).state is State.ACTIVATED
    assert folded(put, frozen, active).state is State.FROZEN
    assert heads([put, active, frozen]) == tuple(sorted([put.id, frozen.id]))


def test_removal_holds_until_a_put_it_had_not_seen(desk: Desk) -> None:
    put = desk.write_put("text")
    removed = desk.author.move(put.cube, State.ARCHIVED, parents=[put.id], reason="")
    concurrent = desk.write_put("concurrent", cube=put.cube, parents=[put.id])
    after = desk.write_put("after", cube=put.cube, parents=[put.id, removed.id])
    assert folded(put, removed).state is State.ARCHIVED
    assert folded(put, removed, concurrent).state is State.GENERATED
    assert folded(put, removed, after).state is State.GENERATED


def test_freezing_holds_for_puts_it_had_not_seen(desk: Desk) -> None:
    put = desk.write_put("text")
    frozen = desk.author.move(put.cube, State.FROZEN, parents=[put.id], reason="")
    after = desk.write_put("after", cube=put.cube, parents=[put.id])
    assert folded(put, frozen, after).state is State.FROZEN


def test_state_change_replaces_no_content(desk: Desk) -> None:
    put = desk.write_put("text")
    moved = desk.author.move(put.cube, State.ACTIVATED, parents=[put.id], reason="")
    assert folded(put, moved).text == "text"


def test_erasure_absorbs_what_comes_after_it(desk: Desk) -> None:
    put = desk.write_put("text")
    erased = desk.write_erase(put)
    after = desk.write_put("after", cube=put.cube, parents=[put.id, erased.id])
    assert not is_erased([put])
    assert is_erased([put, erased, after])
    assert fold([put, erased, after]) is None


def test_operations_of_several_cubes_are_refused(desk: Desk) -> None:
    with pytest.raises(InvalidOperation):
        fold([desk.write_put("one"), desk.write_put("two")])
    with pytest.raises(InvalidOperation):
        heads([desk.write_put("one"), desk.write_put("two")])


@pytest.mark.parametrize("name", sorted(set(MemCube.model_fields) - set(Content.model_fields)))
def test_content_cannot_set_what_the_fold_sets(desk: Desk, name: str) -> None:
    put = desk.write_put("text")
    forged = Operation.create(
        cube=put.cube, kind=put.kind, hlc=put.hlc, actor=put.actor, body=put.value() | {name: "forged"}
    )
    with pytest.raises(InvalidOperation):
        content_of(forged)


def test_bodies_that_say_nothing_are_refused(desk: Desk) -> None:
    put = desk.write_put("text")
    for body in ({}, {"state": "lost"}, {"state": None}, {"state": "merged", "trigger": 3}):
        bad = Operation.create(cube=put.cube, kind=OperationKind.STATE, hlc=put.hlc, actor="a", body=body)
        with pytest.raises(InvalidOperation):
            move_of(bad)
        with pytest.raises(InvalidOperation):
            content_of(replace(bad, kind=OperationKind.PUT))
