"""Evidence recall: MemOS beside released memory systems, on conversations whose evidence is known.

The protocol is ``docs/BENCH.md``. A peer is imported when it is named, and not before.
"""

from memos_bench.report import Report, compare

__all__ = ["Report", "compare"]
