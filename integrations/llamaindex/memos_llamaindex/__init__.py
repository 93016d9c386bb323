"""MemOS for LlamaIndex: a memory for chat engines and agents that lasts beyond the conversation."""

from memos_llamaindex.memory import MemOSMemory

__all__ = ["MemOSMemory"]
