"""The laws of merging, as plain functions: each takes a fold and a history, and fails by an assertion.

They are run on the real fold over many histories, and on broken copies of it, each of which must break a law.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import chain, permutations
from random import Random

from memos_core.cube.fold import content_of, move_of
from memos_core.cube.memcube import REMOVED, MemCube, State
from memos_core.cube.operation import Operation, OperationKind
from memos_core.testing.history import CUBES, History, deliver_everything

Fold = Callable[[Iterable[Operation]], "MemCube | None"]
Law = Callable[[Fold, History], None]


def merging_commutes_and_associates(fold: Fold, history: History) -> None:
    """Whichever way the operations of several replicas come together, the cube is the same."""
    for cube in CUBES:
        shares = [replica.of(cube) for replica in history.replicas]
        whole = fold(chain(*shares))
        for order in permutations(shares):
            assert fold(chain(*order)) == whole


def merging_is_idempotent(fold: Fold, history: History) -> None:
    """What comes again, in another order, with or without its body, makes no difference."""
    for view in history.views():
        cube = fold(view)
        assert fold([*view, *reversed(view)]) == cube
        assert fold(sorted(view, key=lambda op: op.id)) == cube
        assert fold([*view, *(op.without_body() for op in view)]) == cube
        assert fold([*(op.without_body() for op in view), *view]) == cube


def replicas_converge(fold: Fold, history: History) -> None:
    """Replicas that were told everything agree, whatever the detours, and with whoever wrote it all down."""
    everybody = deliver_everything(history, Random(len(history.written)))  # noqa: S311  # not a secret
    for cube in CUBES:
        expected = fold(history.all_of(cube))
        for replica in everybody:
            assert fold(replica.of(cube)) == expected


def no_unsuperseded_put_is_lost(fold: Fold, history: History) -> None:
    """Every put that no other put names as its parent is the value or a conflict; nothing else is."""
    for view in history.views():
        cube = fold(view)
        assert (cube is None) == (not _heads(view) or _erased(view))
        if cube is not None:
            assert sorted([cube.version, *cube.conflicts]) == sorted(op.id for op in _heads(view))


def put_replaces_what_its_author_saw(fold: Fold, history: History) -> None:
    """Once all has arrived, no version is left that the author of another version had seen."""
    for name in CUBES:
        operations = history.all_of(name)
        cube = fold(operations)
        if cube is None:
            continue
        left = {cube.version, *cube.conflicts}
        for put in (op for op in operations if op.kind is OperationKind.PUT):
            assert left.isdisjoint(history.seen[put.id])


def trust_then_time_then_name_decides(fold: Fold, history: History) -> None:
    """Of concurrent versions the most trusted is shown, then the latest, then the one of the greatest name."""
    for view in history.views():
        cube = fold(view)
        if cube is None:
            continue
        by_id = {op.id: op for op in _heads(view)}
        ranks = {name: (content_of(op).governance.trust, op.hlc, op.actor, op.id) for name, op in by_id.items()}
        assert [cube.version, *cube.conflicts] == sorted(ranks, key=lambda name: ranks[name], reverse=True)


def erasure_absorbs(fold: Fold, history: History) -> None:
    """An erased cube is gone, whatever else there is or comes."""
    for cube in CUBES:
        everything = history.all_of(cube)
        erasures = [op for op in everything if op.kind is OperationKind.ERASE]
        for view in history.views():
            if view[0].cube == cube and erasures:
                assert fold([*view, erasures[0]]) is None
                assert fold([erasures[0], *view, *everything]) is None


def removal_holds_for_what_it_had_seen(fold: Fold, history: History) -> None:
    """A removal takes out a cube whose versions it had all seen, and never one of which it had not."""
    for view in history.views():
        cube = fold(view)
        if cube is None:
            continue
        shown = {cube.version, *cube.conflicts}
        holding = [op for op in _moves(view) if _lasts(op) or shown <= set(op.parents)]
        latest = max(holding, key=lambda op: (op.hlc, op.actor, op.id), default=None)
        assert (cube.state, cube.moved_by) == ((State.GENERATED, None) if latest is None else move_of(latest))


def put_brings_back_what_was_removed_unseen(fold: Fold, history: History) -> None:
    """Where the last word of one author is a put and the other's a removal that had not seen it, the put wins."""
    for name in CUBES:
        operations = history.all_of(name)
        cube = fold(operations)
        if cube is None or cube.state not in REMOVED:
            continue
        removals = [op for op in operations if op.kind is OperationKind.STATE and move_of(op).state is cube.state]
        assert any({cube.version, *cube.conflicts} <= history.seen[op.id] for op in removals)


def unknown_fields_survive(fold: Fold, history: History) -> None:
    """What a newer release wrote is handed on by one that does not understand it."""
    for view in history.views():
        cube = fold(view)
        if cube is None:
            continue
        shown = next(op for op in view if op.id == cube.version and op.body is not None)
        assert _holds(cube.content().model_dump(mode="json"), shown.value())


def dates_are_those_of_the_operations(fold: Fold, history: History) -> None:
    """A cube is as old as its first put and as new as the version shown."""
    for view in history.views():
        cube = fold(view)
        if cube is None:
            continue
        puts = {op.id: op for op in view if op.kind is OperationKind.PUT}
        assert cube.created_at == min(op.hlc for op in puts.values()).datetime()
        assert cube.updated_at == puts[cube.version].hlc.datetime()
        assert cube.parents == puts[cube.version].parents


LAWS: tuple[Law, ...] = (
    merging_commutes_and_associates,
    merging_is_idempotent,
    no_unsuperseded_put_is_lost,
    trust_then_time_then_name_decides,
    erasure_absorbs,
    removal_holds_for_what_it_had_seen,
    unknown_fields_survive,
    dates_are_those_of_the_operations,
    put_replaces_what_its_author_saw,
    put_brings_back_what_was_removed_unseen,
    replicas_converge,
)


def _holds(outer: object, inner: object) -> bool:
    """Say whether a JSON value has all that another has."""
    if isinstance(inner, dict) and isinstance(outer, dict):
        return all(key in outer and _holds(outer[key], value) for key, value in inner.items())
    return outer == inner


def _unreplaced(view: Sequence[Operation], kind: OperationKind) -> list[Operation]:
    """Operations of a kind, with bodies, that no other of that kind names as its parent."""
    named = {parent for op in view if op.kind is kind for parent in op.parents}
    return [op for op in view if op.kind is kind and op.id not in named and op.body is not None]


def _heads(view: Sequence[Operation]) -> list[Operation]:
    return _unreplaced(view, OperationKind.PUT)


def _moves(view: Sequence[Operation]) -> list[Operation]:
    return _unreplaced(view, OperationKind.STATE)


def _erased(view: Sequence[Operation]) -> bool:
    return any(op.kind is OperationKind.ERASE for op in view)


def _lasts(op: Operation) -> bool:
    state, trigger = move_of(op)
    return state not in REMOVED and trigger != "shake"
