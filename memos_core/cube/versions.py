"""Reading a cube's history: what each operation did, and what differs between two contents."""

from __future__ import annotations

from memos_core.cube.answer import Change, Contrast, Difference
from memos_core.cube.fold import content_of
from memos_core.cube.memcube import Content, MemCube
from memos_core.cube.operation import Operation, OperationKind


def change(operation: Operation) -> Change:
    """Make an operation readable."""
    body = operation.value()
    return Change(
        version=operation.id,
        cube_id=operation.cube,
        kind=operation.kind,
        at=operation.hlc.datetime(),
        actor=operation.actor,
        parents=operation.parents,
        content=content_of(operation) if body and operation.kind is OperationKind.PUT else None,
        state=body.get("state"),
        trigger=body.get("trigger"),
        reason=body.get("reason"),
    )


def contrast(cube_id: str, before: Content | None, after: Content | None, *, kept: str = "") -> Contrast:
    """Say how a memory differs between two moments."""
    found = [] if before is None or after is None else differences(_content(before), _content(after))
    if isinstance(before, MemCube) and isinstance(after, MemCube) and before.state is not after.state:
        found.append(Difference(field="state", before=before.state.value, after=after.state.value))
    return Contrast(cube_id=cube_id, before=before, after=after, differences=tuple(found), kept=kept)


def _content(given: Content) -> Content:
    return given.content() if isinstance(given, MemCube) else given


def differences(before: Content, after: Content) -> list[Difference]:
    """Fields that differ, by name."""
    old, new = before.model_dump(mode="json"), after.model_dump(mode="json")
    return [
        Difference(field=name, before=old.get(name), after=new.get(name))
        for name in sorted({*old, *new})
        if old.get(name) != new.get(name)
    ]
