"""Every port of MemOS: what the three layers ask of one another and of the world.

A new back end is one class with these methods and one subclass of the conformance suite in
``memos_core.testing``. Nothing is registered; objects are passed to ``MemOS.open``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memos_core.ports.adapters import AdapterTrainer, Course, Example, Keeping, Recipe, Trained, Watching, Weighted
from memos_core.ports.kv import Frame, KVBackend, KVCache, Placed, Step
from memos_core.ports.models import (
    ChatModel,
    Clock,
    Embedder,
    EmbeddingSpec,
    MemoryBackend,
    Reply,
    Span,
    StreamingChatModel,
    Turn,
)
from memos_core.ports.values import (
    DERIVED_FROM,
    FOLLOWS,
    MENTIONS,
    SAID_BY,
    Batch,
    BlobSource,
    Edge,
    Job,
    MissingBlob,
    Part,
    Passage,
    Scored,
    Topic,
    Walk,
)
from memos_core.ports.vault import Vault

if TYPE_CHECKING:
    from memos_core.ports.models import Vector as Vector

__all__ = [
    "DERIVED_FROM",
    "FOLLOWS",
    "MENTIONS",
    "SAID_BY",
    "AdapterTrainer",
    "Batch",
    "BlobSource",
    "ChatModel",
    "Clock",
    "Course",
    "Edge",
    "Embedder",
    "EmbeddingSpec",
    "Example",
    "Frame",
    "Job",
    "KVBackend",
    "KVCache",
    "Keeping",
    "MemoryBackend",
    "MissingBlob",
    "Part",
    "Passage",
    "Placed",
    "Recipe",
    "Reply",
    "Scored",
    "Span",
    "Step",
    "StreamingChatModel",
    "Topic",
    "Trained",
    "Turn",
    "Vault",
    "Walk",
    "Watching",
    "Weighted",
]
