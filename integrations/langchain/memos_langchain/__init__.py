"""MemOS for LangChain and LangGraph: a retriever, a store, and a middleware that remembers by itself."""

from memos_langchain.middleware import MemOSMiddleware
from memos_langchain.retriever import MemOSRetriever
from memos_langchain.store import MemOSStore

__all__ = ["MemOSMiddleware", "MemOSRetriever", "MemOSStore"]
