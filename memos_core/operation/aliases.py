"""Aliases: names that stand for one person or thing, and what tells so.

"Everyone calls me Dee", "my sister Edith" and a merge of two entities by hand are claims like others, and the memory
graph has them as edges. Forgetting or erasing such a claim splits the names again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from memos_core.cube.claim import Claim
from memos_core.cube.memcube import Content, Governance, Kind, Provenance
from memos_core.cube.namespace import Namespace
from memos_core.cube.payload import Plaintext
from memos_core.cube.selection import Selection
from memos_core.language.names import entity_key
from memos_core.language.people import SAME_AS, one_and_the_same
from memos_core.ports import Vault, Walk

#: Two steps: from a name to a person, and to the other names of that person.
NEARBY = Walk(hops=2, fanout=1000, limit=2000, only=(SAME_AS,))
_ENTITY = "entity:"


def alias(name: str, other: str, *, namespace: Namespace) -> Content:
    """A content that says that two names stand for one."""
    return Content(
        namespace=namespace,
        kind=Kind.FACT,
        payload=Plaintext(text=f"{name} is the same as {other}."),
        entities=(name, other),
        claims=(Claim(subject=name, predicate=SAME_AS, object=other),),
        provenance=Provenance(),
        governance=Governance(),
    )


def joins(content: Content, name: str, other: str) -> bool:
    """Say whether a content says that these two names, in either order, stand for one."""
    return any({*map(entity_key, pair)} == {entity_key(name), entity_key(other)} for pair in pairs([content]))


def pairs(contents: Iterable[Content]) -> list[tuple[str, str]]:
    """Names that claims make one, two and two."""
    return [pair for content in contents for claim in content.claims if (pair := one_and_the_same(claim))]


def known_as(names: Iterable[str], selection: Selection, vault: Vault) -> dict[str, frozenset[str]]:
    """All names, as keys, that stand for the same as each of these; each has at least itself."""
    keys = dict.fromkeys(map(entity_key, names))
    edges = vault.neighbourhood(selection, [_ENTITY + key for key in keys], NEARBY) if keys else ()
    groups = grouped((edge.source.removeprefix(_ENTITY), edge.target.removeprefix(_ENTITY)) for edge in edges)
    return {key: groups.get(key, frozenset({key})) for key in keys}


def grouped(alike: Iterable[tuple[str, str]]) -> dict[str, frozenset[str]]:
    """Names by key, each with all that stand for the same. Pure."""
    groups: dict[str, frozenset[str]] = {}
    for pair in alike:
        ends = [entity_key(name) for name in pair]
        together = frozenset(ends).union(*(groups.get(end, ()) for end in ends))
        groups.update(dict.fromkeys(together, together))
    return groups


def canonical(groups: Mapping[str, Collection[str]]) -> dict[str, str]:
    """One name for all that stand for the same."""
    return {key: min(group) for group in groups.values() for key in group}
