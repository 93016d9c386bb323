"""Everything that a vault answers, as one value that can be compared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from memos_core.cube.memcube import State
from memos_core.cube.selection import Selection
from memos_core.ports import Scored, Vault, Walk
from memos_core.testing.vault.desk import ALICE, days, vector

TERMS = ("fox", "hare", "owl", "whale")
SEEDS = ("entity:ana", "entity:bob")
EVERYTHING = Selection(namespace=ALICE, states=frozenset(State))


def answers(vault: Vault, selection: Selection = EVERYTHING) -> dict[str, Any]:
    """Ask a vault everything there is to ask about a selection."""
    cubes = vault.select(selection, limit=1000)
    names = [cube.id for cube in cubes]
    dim = 4 if vault.spec is None else vault.spec.dim
    numbers = [vector(*(axis == at for at in range(dim))) for axis in range(dim)]
    return {
        "cubes": cubes,
        "count": vault.count(selection),
        "match": [_rounded(vault.match(selection, [term], limit=1000)) for term in TERMS],
        "nearest": [_rounded(vault.nearest(selection, each, limit=1000)) for each in numbers],
        "during": _rounded(vault.during(selection, days(1, 31), limit=1000)),
        "edges": sorted(vault.neighbourhood(selection, SEEDS, Walk(hops=3, fanout=1000, limit=1000))),
        "passages": vault.passages(selection, names),
        "namespaces": vault.namespaces(),
        "histories": [vault.history(name) for name in names],
        "log": [operation for _, operation in vault.log()],
        "counts": {name: value for name, value in vars(vault.stats()).items() if name != "size"},
    }


def _rounded(found: Sequence[Scored]) -> list[tuple[str, float]]:
    return [(scored.cube, round(scored.score, 5)) for scored in found]
