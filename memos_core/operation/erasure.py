"""Erasure: what goes with what is erased, what is made anew of the rest, and marks that keep it from coming back."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime

from memos_core.cube.canonical import canonical
from memos_core.cube.fold import content_of, is_erased
from memos_core.cube.memcube import RECALLED, Content, MemCube, Origin, Provenance, State
from memos_core.cube.operation import OperationKind
from memos_core.cube.selection import Selection
from memos_core.language.words import terms
from memos_core.operation.remembering import source_of
from memos_core.operation.scheduler.decisions import as_job
from memos_core.operation.scheduler.planning import MERGEABLE, SUMMARY_OF, statement, summing_up
from memos_core.operation.truth import Standing, falls_with
from memos_core.ports import Job, Vault

TWINS = 100  # memories looked at, of those that share words with an erased one


def going_with(named: Iterable[MemCube], vault: Vault, *, at: datetime) -> list[MemCube]:
    """Memories that are erased with these, for their words may stand in them or nothing else carries them.

    These are conclusions that fall, summaries of which one premise is erased, now or in an earlier version, and what
    was merged into a memory because it said the same.
    """
    gone = {cube.id: cube for cube in named}
    first, frontier = set(gone), list(gone.values())
    while frontier:
        falls = falls_with(set(gone), vault, at=at)
        fallen = {name for name, standing in falls.items() if standing is Standing.FALLEN}
        more = (fallen | made_of(set(gone), vault) | twins(frontier, vault)) - gone.keys()
        frontier = vault.get(sorted(more))
        gone |= {cube.id: cube for cube in frontier}
    return [cube for name, cube in gone.items() if name not in first]


def made_of(gone: Collection[str], vault: Vault) -> set[str]:
    """Ids of cubes of which a version was made of these: of a conclusion only the last counts, for its words stay."""
    found = set()
    for name in vault.resting_on(gone, ever=True):
        history = [op for op in vault.history(name) if op.kind is OperationKind.PUT and op.body is not None]
        sources = [content_of(put).provenance for put in history]
        premises = vault.operations({version for source in sources for version in source.derived_from})
        lost = {version for version, premise in premises.items() if premise.cube in gone}
        if any(_rests_on(source, lost) for source in sources if not source.justifications or source is sources[-1]):
            found.add(name)
    return found


def _rests_on(source: Provenance, lost: set[str]) -> bool:
    if source.justifications:
        return not any(lost.isdisjoint(versions) for versions in source.justifications)
    return not lost.isdisjoint(source.derived_from)


def twins(cubes: Iterable[MemCube], vault: Vault) -> set[str]:
    """Ids of cubes that were merged because one of these says the same: hidden, they would say it still."""
    found = set()
    for cube in cubes:
        if cube.kind not in MERGEABLE or not cube.text:
            continue
        merged = Selection(
            namespace=cube.namespace, exact=True, kinds=frozenset({cube.kind}), states=frozenset({State.MERGED})
        )
        alike = vault.match(merged, terms(cube.text), limit=TWINS)
        others = vault.get([scored.cube for scored in alike if scored.cube != cube.id])
        found |= {other.id for other in others if statement(other) == statement(cube)}
    return found


def summaries_again(erased: Iterable[MemCube], vault: Vault) -> Iterator[Job]:
    """Jobs that sum up conversations again, of which a summary went with one of their messages."""
    for cube in erased:
        conversation = cube.metadata.get(SUMMARY_OF)
        if isinstance(conversation, str) and cube.state in RECALLED:
            premises = vault.operations(cube.provenance.derived_from).values()
            left = [each for each in vault.get([premise.cube for premise in premises]) if each.state in RECALLED]
            if left:
                reason = f"a message of conversation {conversation!r} was erased, and the summary with it"
                yield as_job(summing_up(cube.namespace, conversation, left, reason))


def mark_of(content: Content) -> str | None:
    """The id of the mark that a source is erased; ``None`` for what names no source, or was worked out.

    A mark is the erasure of a cube that never was: it tells nothing of the source, and travels as erasures do.

    Notes
    -----
    A UUIDv8 (RFC 9562) of the SHA-256 of namespace, source id and place in the document.
    """
    source = source_of(content)
    if source is None or content.provenance.origin is Origin.DERIVED:
        return None
    digest = hashlib.sha256(canonical({"erased": [list(content.namespace), *source]})).digest()
    value = int.from_bytes(digest[:16], "big") & ~(0xF << 76 | 0b11 << 62)
    return str(uuid.UUID(int=value | 0x8 << 76 | 0b10 << 62))


def is_marked(content: Content, vault: Vault) -> bool:
    """Say whether a memory from this source was erased here."""
    mark = mark_of(content)
    return mark is not None and is_erased(vault.history(mark))
