"""The timeline is the fold at every moment."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from memos_core.cube.clock import Timestamp
from memos_core.cube.fold import content_of, fold, is_erased, move_of
from memos_core.cube.memcube import Content, Governance, Kind, State, Trust
from memos_core.cube.operation import Operation, OperationKind
from memos_core.cube.payload import Plaintext
from memos_core.infrastructure.vault.timeline import FOREVER, Step, timeline

CUBE = "the-cube"


@st.composite
def operations(draw: st.DrawFn) -> list[Operation]:
    """Operations of one cube: with forks, equal times, parents that come later or never, and lost bodies."""
    made: list[Operation] = []
    for number in range(draw(st.integers(1, 8))):
        kind = draw(st.sampled_from([OperationKind.PUT, OperationKind.PUT, OperationKind.STATE]))
        if kind is OperationKind.PUT:
            trust = draw(st.sampled_from(list(Trust)))
            content = Content(
                namespace=("a",),
                kind=Kind.FACT,
                payload=Plaintext(text=f"text {number}"),
                governance=Governance(trust=trust),
            )
            body = content.model_dump(mode="json")
        else:
            trigger = draw(st.sampled_from(["use", "shake", None]))
            body = {"state": draw(st.sampled_from(list(State))).value, "trigger": trigger}
        operation = Operation.create(
            cube=CUBE,
            kind=kind,
            hlc=Timestamp(draw(st.integers(0, 5))),
            actor=draw(st.sampled_from(["ann", "bob"])),
            parents=draw(st.lists(st.sampled_from([op.id for op in made] or ["0" * 64]), max_size=3)),
            body=body,
        )
        made.append(operation.without_body() if draw(st.integers(0, 5)) == 0 else operation)
    return draw(st.permutations(made))


def step(seq: int, op: Operation) -> Step:
    is_put, is_move = (op.kind is kind and op.body is not None for kind in (OperationKind.PUT, OperationKind.STATE))
    return Step(
        seq=seq,
        id=op.id,
        kind=op.kind,
        hlc=op.hlc.pack(),
        actor=op.actor,
        parents=op.parents,
        trust=int(content_of(op).governance.trust) if is_put else None,
        state=move_of(op).state if is_move else None,
        trigger=move_of(op).trigger if is_move else None,
    )


@settings(max_examples=300, deadline=None)
@given(operations(), st.booleans())
def test_timeline_is_the_fold_at_every_moment(ops: list[Operation], is_later_erased: bool) -> None:
    if is_later_erased:
        ops = [*ops, Operation.create(cube=CUBE, kind=OperationKind.ERASE, hlc=Timestamp(9), actor="a", body={})]
    shown = timeline(step(seq, op) for seq, op in enumerate(ops))
    for moment in [Timestamp(wall, counter) for wall in range(7) for counter in (0, 1)]:
        known = [op for op in ops if op.hlc <= moment]
        cube = None if is_erased(ops) else fold(known)
        now = [row for row in shown if row.known_from <= moment.pack() <= row.known_to]
        if cube is None:
            assert now == []
        else:
            (row,) = now
            assert (ops[row.put].id, *row[3:]) == (cube.version, cube.state, cube.moved_by, cube.conflicts)


def test_last_moment_of_a_timeline_never_ends() -> None:
    assert timeline([Step(1, "a", OperationKind.PUT, 5, "ann", (), trust=4)])[-1].known_to == FOREVER
