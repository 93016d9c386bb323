"""Rules of truth maintenance, found where they are kept, and the memories that they mean."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from memos_core.cube.memcube import Kind, MemCube
from memos_core.cube.namespace import Namespace
from memos_core.cube.rule import Rule, rule_of
from memos_core.cube.selection import Selection, conditions
from memos_core.operation.lifecycle import may
from memos_core.ports import Vault

PAGE = 500  # cubes read at a time


class Meant(NamedTuple):
    """A memory, the rule that means it, and the predicate that has changed."""

    cube: MemCube
    rule: Rule
    predicate: str


def rules_on(predicates: Iterable[str], address: Namespace, vault: Vault, *, now: datetime) -> list[Rule]:
    """Rules about these predicates, of a namespace and of those above it."""
    found = []
    for predicate in sorted(predicates):
        for depth in range(1, len(address) + 1):
            where = conditions({"rule.when": predicate})
            above = Selection(
                namespace=address[:depth], exact=True, kinds=frozenset({Kind.PROCEDURE}), where=where, now=now
            )
            found += [rule for cube in _pages(above, vault) if (rule := rule_of(cube.metadata))]
    return found


def meant(rules: Sequence[Rule], address: Namespace, vault: Vault, *, now: datetime) -> list[Meant]:
    """Memories of a namespace that rules mean and that can be moved, each once, by the strictest rule."""
    if not rules:
        return []
    strictest = sorted(rules, key=lambda rule: rule.effect.value)  # "fallen" comes before "stale"
    return [
        Meant(cube, rule, rule.when)
        for cube in _pages(Selection(namespace=address, exact=True, now=now), vault)
        if (rule := next((rule for rule in strictest if rule.means(cube)), None)) and may(cube, rule.trigger)
    ]


def _pages(selection: Selection, vault: Vault) -> Iterator[MemCube]:
    offset = 0
    while page := vault.select(selection, limit=PAGE, offset=offset):
        yield from page
        offset += PAGE
