"""MemOS: a memory operating system for AI agents.

>>> from memos_core import MemOS
>>> with MemOS.open(":memory:") as memos:
...     added = memos.add("I moved to Paris", namespace="alice")
...     memos.search("where does Alice live?", namespace="alice")[0].cube.text
'I moved to Paris'
"""

from memos_core.cube.answer import Added, Change, Context, Difference, Hit, Receipt
from memos_core.cube.claim import Claim
from memos_core.cube.interval import Granularity, Interval
from memos_core.cube.memcube import Kind, MemCube, Origin, State, Trust
from memos_core.cube.message import Document, Message
from memos_core.errors import MemOSError, MemOSWarning
from memos_core.ports import ChatModel, Clock, Embedder, EmbeddingSpec, Vault
from memos_core.system import MemOS

__all__ = [
    "Added",
    "Change",
    "ChatModel",
    "Claim",
    "Clock",
    "Context",
    "Difference",
    "Document",
    "Embedder",
    "EmbeddingSpec",
    "Granularity",
    "Hit",
    "Interval",
    "Kind",
    "MemCube",
    "MemOS",
    "MemOSError",
    "MemOSWarning",
    "Message",
    "Origin",
    "Receipt",
    "State",
    "Trust",
    "Vault",
]
