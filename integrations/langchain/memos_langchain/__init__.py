"""MemOS for LangChain and LangGraph: a memory that agents, chains and graphs share."""

from memos_core.errors import ExtraMissing

try:
    from memos_langchain.embeddings import MemOSEmbeddings
    from memos_langchain.history import MemOSChatMessageHistory
    from memos_langchain.middleware import MemOSMiddleware
    from memos_langchain.retriever import MemOSRetriever
    from memos_langchain.store import MemOSStore
    from memos_langchain.tools import memory_tools
    from memos_langchain.vectorstore import MemOSVectorStore
except ModuleNotFoundError as error:
    if (error.name or "").partition(".")[0] not in {"langchain", "langchain_core", "langgraph"}:
        raise
    raise ExtraMissing(what="memos_langchain", install="pip install 'memcubes[langchain]'") from error

__all__ = [
    "MemOSChatMessageHistory",
    "MemOSEmbeddings",
    "MemOSMiddleware",
    "MemOSRetriever",
    "MemOSStore",
    "MemOSVectorStore",
    "memory_tools",
]
