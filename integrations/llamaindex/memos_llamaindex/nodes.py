"""Nodes of LlamaIndex as memories, and memories as nodes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from llama_index.core.schema import BaseNode, MetadataMode, NodeWithScore, TextNode
from llama_index.core.vector_stores.utils import metadata_dict_to_node, node_to_metadata_dict

from memos_core import Hit, Kind, MemCube, MemOS, Note

#: Metadata by which LlamaIndex makes a node again. The first tells a memory that was a node from all others.
CONTENT = "_node_content"
RESERVED = frozenset({CONTENT, "_node_type", "document_id", "doc_id", "ref_doc_id"})
#: What a memory says of itself and no model needs to read.
UNREAD = ("memory_id", "namespace", "kind", "source_ids")
PAGE = 500


def note(node: BaseNode) -> Note:
    """A node as a memory: its text, and all else as metadata."""
    return Note(
        text=node.get_content(metadata_mode=MetadataMode.NONE),
        kind=Kind.DOCUMENT,
        id=node.node_id,
        metadata=node_to_metadata_dict(node, remove_text=True),
    )


def node(cube: MemCube) -> BaseNode:
    """A memory as a node: the one it was made of, with what has changed since, or else one of its own."""
    if CONTENT not in cube.metadata:
        return _own(cube)
    made = metadata_dict_to_node(cube.metadata, text=cube.text)
    made.metadata = {key: value for key, value in cube.metadata.items() if key not in RESERVED}
    return made


def scored(hit: Hit) -> NodeWithScore:
    """A hit as LlamaIndex has it."""
    return NodeWithScore(node=node(hit.cube), score=hit.score)


def _own(cube: MemCube) -> TextNode:
    about: dict[str, Any] = {
        "memory_id": cube.id,
        "namespace": "/".join(cube.namespace),
        "kind": cube.kind.value,
        "said_at": cube.said_at.isoformat(),
        "speaker": cube.provenance.speaker or cube.provenance.role,
        "trust": cube.governance.trust.name.lower(),
        "source_ids": list(cube.source_ids),
    }
    known = {key: value for key, value in about.items() if value is not None}
    unread = [*UNREAD, *cube.metadata]
    return TextNode(
        id_=cube.id,
        text=cube.text,
        metadata={**cube.metadata, **known},
        excluded_llm_metadata_keys=unread,
        excluded_embed_metadata_keys=[*unread, "trust"],
    )


def listed(memos: MemOS, namespace: str | tuple[str, ...], **filters: Any) -> Iterator[MemCube]:
    """All memories of a namespace, and none below it, that the filters admit."""
    offset = 0
    while page := memos.list(namespace=namespace, exact=True, limit=PAGE, offset=offset, **filters):
        yield from page
        offset += len(page)


def place(cube: MemCube) -> tuple[int, str]:
    """Where in its conversation a message stands."""
    return cube.provenance.position or 0, cube.id
