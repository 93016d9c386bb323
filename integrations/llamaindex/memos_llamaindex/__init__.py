"""MemOS for LlamaIndex: memory for agents and engines, and a store for indexes, in one file."""

from memos_core.errors import ExtraMissing

try:
    from memos_llamaindex.block import MemOSMemoryBlock
    from memos_llamaindex.chat_store import MemOSAsyncChatStore, MemOSChatStore
    from memos_llamaindex.embedding import MemOSEmbedding
    from memos_llamaindex.graph_store import MemOSPropertyGraphStore
    from memos_llamaindex.memory import MemOSMemory
    from memos_llamaindex.retriever import MemOSRetriever
    from memos_llamaindex.tools import MemOSToolSpec
    from memos_llamaindex.vector_store import MemOSVectorStore
except ModuleNotFoundError as error:
    if (error.name or "").partition(".")[0] != "llama_index":
        raise
    raise ExtraMissing(what="memos_llamaindex", install="pip install 'memcubes[llamaindex]'") from error

__all__ = [
    "MemOSAsyncChatStore",
    "MemOSChatStore",
    "MemOSEmbedding",
    "MemOSMemory",
    "MemOSMemoryBlock",
    "MemOSPropertyGraphStore",
    "MemOSRetriever",
    "MemOSToolSpec",
    "MemOSVectorStore",
]
