"""Copies: what a stranger's package shows, as memories of one's own that can change nothing else."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from memos_core.cube.memcube import RECALLED, Content, Kind, MemCube, Origin, Trust
from memos_core.cube.namespace import Namespace, covers
from memos_core.cube.selection import Selection
from memos_core.ports import Vault

PAGE = 500  # cubes at a time


def copies(
    vault: Vault, *, label: str, below: Namespace, trust: Trust, root: Namespace = ()
) -> Iterator[list[Content]]:
    """Contents of what a vault shows, in sequences: messages of a conversation, passages of a document.

    A copy names its original as its source, so that a later copy of the same is a new version of it. It rests on
    nothing: whoever made the original saw to that. Links stay behind, for they name ids of originals.

    Parameters
    ----------
    label
        Of the package, the same for all its versions.
    below
        Namespace under which they go; empty for their own.
    root
        Beginning of their own namespaces that is left away.
    trust
        They are trusted no further.
    """
    shown = Selection(namespace=(), states=RECALLED)
    sequences: dict[tuple[object, ...], list[MemCube]] = defaultdict(list)
    for offset in range(0, vault.count(shown), PAGE):
        for cube in vault.select(shown, limit=PAGE, offset=offset):
            provenance = cube.provenance
            if cube.kind is Kind.LINK:
                continue
            is_alone = provenance.position is None
            talk = provenance.session or provenance.source_id
            sequences[(cube.id,) if is_alone else (cube.namespace, cube.kind, talk)].append(cube)
    for key in sorted(sequences, key=str):
        cubes = sorted(sequences[key], key=lambda cube: (cube.provenance.position or 0, cube.id))
        yield [_copy(cube, label, trust, _moved(cube.namespace, below, root)) for cube in cubes]


def _moved(namespace: Namespace, below: Namespace, root: Namespace) -> Namespace:
    own = namespace[len(root) :] if covers(root, namespace) else namespace
    return (*below, *own)


def _copy(cube: MemCube, label: str, trust: Trust, namespace: Namespace) -> Content:
    content = cube.content()
    provenance, governance = content.provenance, content.governance
    original = {} if provenance.source_id is None else {"source_id": provenance.source_id}
    changes = {
        "namespace": namespace,
        "follows": None,
        "metadata": {**content.metadata, **original},
        "provenance": provenance.model_copy(
            update={
                "origin": Origin.IMPORT,
                "source_id": f"{label}#{cube.id}",
                "derived_from": (),
                "justifications": (),
            }
        ),
        "governance": governance.model_copy(update={"trust": min(governance.trust, trust)}),
    }
    return content.model_copy(update=changes)
