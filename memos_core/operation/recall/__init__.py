"""Recall: from a question to the memories that answer it, with reasons."""

from memos_core.operation.recall.recall import nearby, recall

__all__ = ["nearby", "recall"]
