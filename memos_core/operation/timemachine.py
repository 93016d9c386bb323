"""The Time Machine: what must change so that memories are as they were, or as if a source had said nothing. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from memos_core.cube.answer import Contrast
from memos_core.cube.fold import content_of
from memos_core.cube.memcube import Content, MemCube, Origin, Provenance, State, Trigger
from memos_core.cube.operation import Operation, OperationKind
from memos_core.cube.versions import contrast
from memos_core.operation.lifecycle import FIXED

Test = Callable[[Provenance], bool]


def returning(past: Mapping[str, MemCube], present: Iterable[MemCube]) -> list[Contrast]:
    """What brings memories back to what they were.

    Parameters
    ----------
    past
        The same memories as they were then, by id. What is not among them was not there, and is archived.
    """
    aims = ((cube, past.get(cube.id) or withdrawn(cube)) for cube in present)
    return [_aim(cube, aim) for cube, aim in aims if not is_same(cube, aim)]


def without(test: Test, cube: MemCube, history: Sequence[Operation]) -> Contrast | None:
    """What undoes all that a source has said in a memory; ``None`` if nothing in it is from there today.

    It goes back to its latest content from elsewhere. If it never had any, it is archived.
    """
    puts = [op for op in history if op.kind is OperationKind.PUT and op.body is not None]
    if not test(cube.provenance) or not puts:
        return None
    others = [content for content in map(content_of, puts) if not test(content.provenance)]
    aim = cube.model_copy(update=dict(others[-1])) if others else withdrawn(cube)
    return None if is_same(cube, aim) else _aim(cube, aim)


def source(*, source_id: str | None, session: str | None, actor: str | None, origin: Origin | None) -> Test:
    """A test of where a content comes from: it must agree in all that is given."""
    wanted = {"source_id": source_id, "session": session, "actor": actor, "origin": origin}
    given = {field: value for field, value in wanted.items() if value is not None}
    return lambda provenance: all(getattr(provenance, field) == value for field, value in given.items())


def withdrawn(cube: MemCube) -> MemCube:
    """A memory out of recall by request: what had only fallen out of it must not rise again."""
    if cube.state is State.EXPIRED:
        return cube
    return cube.model_copy(update={"state": State.ARCHIVED, "moved_by": Trigger.FORGET.value})


def is_same(one: MemCube, other: MemCube) -> bool:
    """Whether two say the same and are in the same state, for the same cause."""
    return (one.content(), one.state, one.moved_by) == (other.content(), other.state, other.moved_by)


def contents(contrasts: Iterable[Contrast]) -> list[tuple[MemCube, Content]]:
    """The memories to which another content is to be given, and this content."""
    pairs = ((each.before, each.after) for each in contrasts if not each.kept)
    return [
        (before, after.content())
        for before, after in pairs
        if isinstance(before, MemCube) and isinstance(after, MemCube) and before.content() != after.content()
    ]


def _aim(cube: MemCube, aim: MemCube) -> Contrast:
    return contrast(cube.id, cube, aim, kept=f"it is {cube.state.value}" if cube.state in FIXED else "")
