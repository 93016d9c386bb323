"""MemScheduler: what should happen to memories, and why. Planning is pure; running is durable."""

from memos_core.operation.scheduler.decisions import Action, Decision, Limits, Snapshot
from memos_core.operation.scheduler.planning import plan

__all__ = ["Action", "Decision", "Limits", "Snapshot", "plan"]
