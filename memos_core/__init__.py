"""MemOS: a memory operating system for AI agents.

>>> from memos_core import MemOS
>>> with MemOS.open(":memory:") as memos:
...     added = memos.add("I moved to Paris", namespace="alice")
...     memos.search("where does Alice live?", namespace="alice")[0].cube.text
'I moved to Paris'
"""

from memos_core.cube.answer import (
    Added,
    Belief,
    Change,
    Context,
    Contrast,
    Damage,
    Difference,
    Hit,
    Impact,
    Receipt,
    Snapshot,
    VaultStats,
    Why,
)
from memos_core.cube.audit import AuditEntry
from memos_core.cube.claim import Claim
from memos_core.cube.generated import Generated
from memos_core.cube.grant import Grant, Role
from memos_core.cube.interval import Granularity, Interval
from memos_core.cube.memcube import Kind, MemCube, Origin, State, Trust
from memos_core.cube.message import Document, Message, Note
from memos_core.cube.package import About, Manifest, Merged, Rendered
from memos_core.cube.policy import Policy
from memos_core.cube.rule import Effect
from memos_core.cube.selection import Filters
from memos_core.errors import MemOSError, MemOSWarning
from memos_core.operation.scheduler.decisions import Action, Decision, Done, Limits
from memos_core.ports import ChatModel, Clock, Embedder, EmbeddingSpec, KVBackend, MemoryBackend, Vault
from memos_core.system import MemOS

__all__ = [
    "About",
    "Action",
    "Added",
    "AuditEntry",
    "Belief",
    "Change",
    "ChatModel",
    "Claim",
    "Clock",
    "Context",
    "Contrast",
    "Damage",
    "Decision",
    "Difference",
    "Document",
    "Done",
    "Effect",
    "Embedder",
    "EmbeddingSpec",
    "Filters",
    "Generated",
    "Grant",
    "Granularity",
    "Hit",
    "Impact",
    "Interval",
    "KVBackend",
    "Kind",
    "Limits",
    "Manifest",
    "MemCube",
    "MemOS",
    "MemOSError",
    "MemOSWarning",
    "MemoryBackend",
    "Merged",
    "Message",
    "Note",
    "Origin",
    "Policy",
    "Receipt",
    "Rendered",
    "Role",
    "Snapshot",
    "State",
    "Trust",
    "Vault",
    "VaultStats",
    "Why",
]
