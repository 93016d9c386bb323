"""The facade, and the only place where the three layers meet."""

from memos_core.system.memos import MemOS

__all__ = ["MemOS"]
