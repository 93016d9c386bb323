"""Recall: from a question to the memories that answer it, with reasons."""

from memos_core.operation.recall.recall import recall

__all__ = ["recall"]
