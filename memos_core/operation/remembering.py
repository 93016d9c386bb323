"""From contents read to operations planned: what is new, what replaces what, what is there already. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from memos_core.cube.interval import Interval
from memos_core.cube.memcube import Content, Kind, MemCube, Trigger
from memos_core.cube.operation import Operation
from memos_core.operation.author import Author
from memos_core.operation.lifecycle import check_open_to, may, moved

#: What makes two contents of one namespace the same memory: the source's own id, and the place in it.
Source = tuple[str, "int | None"]


@dataclass
class Plan:
    """Operations to commit, with what a caller wants to know about them."""

    operations: list[Operation] = field(default_factory=list)
    puts: dict[str, Content] = field(default_factory=dict)
    written: list[str] = field(default_factory=list)
    unchanged: list[MemCube] = field(default_factory=list)
    superseded: list[str] = field(default_factory=list)


def source_of(content: Content) -> Source | None:
    """The identity that its own system gave a content; ``None`` if it gave none."""
    provenance = content.provenance
    if provenance.source_id is None:
        return None
    return provenance.source_id, provenance.position if content.kind is Kind.DOCUMENT else None


def plan_writes(
    contents: Sequence[Content],
    *,
    known: Mapping[Source, MemCube],
    previous: MemCube | None,
    author: Author,
    parents: Callable[[str], Iterable[str]],
    now: datetime,
) -> Plan:
    """Plan how contents, in order, enter a vault.

    Parameters
    ----------
    known
        Cubes of the same namespace, by source.
    previous
        The cube that the first content follows.
    parents
        Gives the heads of a known cube.
    now
        The time that undated contents were given; it does not make them differ from what is held.

    Raises
    ------
    InvalidTransition
        If a content would change a cube that is frozen.
    """
    plan = Plan()
    before = previous.id if previous else None
    for content in _last_of_each_source(contents):
        source = source_of(content)
        old = known.get(source) if source else None
        is_next = content.provenance.position is not None  # notes stand alone
        follows = before if is_next else content.follows
        new = content.model_copy(update={"follows": follows}) if old is None else _in_place_of(old, content, now)
        before = author.new_id() if old is None else old.id
        if old is not None and old.content() == new:
            plan.unchanged.append(old)
            continue
        if old is not None:
            check_open_to(old, "changed")
        put = author.put(before, new, parents=parents(before) if old else ())
        plan.operations.append(put)
        plan.puts[put.id] = new
        plan.written.append(before)
        if old is not None:
            plan.superseded.append(old.version)
    return plan


def plan_withdrawals(
    contents: Iterable[Content],
    known: Mapping[Source, MemCube],
    *,
    author: Author,
    parents: Callable[[str], Iterable[str]],
) -> list[Operation]:
    """Archive the passages that a new edition of their document no longer has."""
    present = {source_of(content) for content in contents}
    return [
        author.move(
            cube.id,
            moved(cube, Trigger.FORGET),
            parents=parents(cube.id),
            reason="no longer in the document",
            trigger=Trigger.FORGET,
        )
        for source, cube in known.items()
        if cube.kind is Kind.DOCUMENT and source not in present and may(cube, Trigger.FORGET)
    ]


def _last_of_each_source(contents: Sequence[Content]) -> list[Content]:
    """Where one call names a source twice, its last word counts, at its first place."""
    unique: dict[object, Content] = {}
    for index, content in enumerate(contents):
        unique[source_of(content) or index] = content
    return list(unique.values())


def _in_place_of(old: MemCube, new: Content, now: datetime) -> Content:
    """Give a content that is added again the place, and if it is undated the date, that it has already."""
    provenance = new.provenance.model_copy(update={"position": old.provenance.position})
    kept: dict[str, object] = {"follows": old.follows, "provenance": provenance}
    if new.occurred == Interval.instant(now) and new.payload == old.payload:
        kept |= {"occurred": old.occurred, "times": old.times, "claims": old.claims}
    return new.model_copy(update=kept)
