"""Distrust: how much of a result may come from one source that nobody vouches for. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence

from memos_core.cube.answer import Hit
from memos_core.cube.memcube import MemCube, Trust
from memos_core.cube.namespace import Namespace, covers
from memos_core.operation.recall.fusion import Ranked

MOST = 1  # hits of one source of the lowest trust that stand before hits of others


def limited(
    ranked: Sequence[Ranked],
    limit: int,
    hydrate: Callable[[Sequence[Ranked]], Mapping[str, MemCube]],
    *,
    packages: Collection[Namespace] = (),
) -> tuple[list[Ranked], dict[str, MemCube]]:
    """Take the best, but of one unknown source the best alone; its others come after everything else.

    Whoever can plant memories can plant any number of them, each made to fit a question. Provenance decides here, and
    not the text, which can be made to look like anything.

    Parameters
    ----------
    ranked
        Best first.
    hydrate
        Gives the cubes of some of them, by id; what it does not give is left out.
    packages
        Where packages lie that were installed: of each of these half of the hits may stand before others.

    Returns
    -------
    tuple[list[Ranked], dict[str, MemCube]]
        At most ``limit``, and their cubes. Only as many are hydrated as that takes.
    """
    cubes: dict[str, MemCube] = {}
    first: list[Ranked] = []
    later: list[Ranked] = []
    seen: Counter[Namespace | str] = Counter()
    for start in range(0, len(ranked), limit):
        page = ranked[start : start + limit]
        cubes |= hydrate(page)
        for found in page:
            cube = cubes.get(found.cube)
            if cube is not None and cube.governance.trust is Trust.THIRD_PARTY:
                place = next((place for place in packages if covers(place, cube.namespace)), None)
                most = MOST if place is None else max(MOST, limit // 2)
                seen[source := place or _source(cube)] += 1
                (first if seen[source] <= most else later).append(found)
            elif cube is not None:
                first.append(found)
        if len(first) >= limit:
            break
    return (first + later)[:limit], cubes


def spread(hits: Sequence[Hit], limit: int, *, packages: Collection[Namespace] = ()) -> list[Hit]:
    """Do the same to hits that something else has put in order, such as a chat model."""
    by_id = {hit.cube.id: hit for hit in hits}
    cubes = {name: hit.cube for name, hit in by_id.items()}
    ranked = [Ranked(hit.cube.id, hit.score, hit.why) for hit in hits]
    taken, _ = limited(ranked, limit, lambda _: cubes, packages=packages)
    return [by_id[found.cube] for found in taken]


def _source(cube: MemCube) -> str:
    """Who is behind a memory, as far as is known: who brought it here, and not what it says of itself."""
    provenance = cube.provenance
    return provenance.actor or provenance.source_uri or provenance.session or "unknown"
