"""All memories of a place, page by page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from memos_core import MemCube, MemOS
from memos_langchain.identity import Namespace

PAGE = 200


def listed(memos: MemOS, namespace: Namespace, **filters: Any) -> Iterator[MemCube]:
    """All that ``MemOS.list`` gives for these filters, latest change first."""
    offset = 0
    while page := memos.list(namespace=namespace, limit=PAGE, offset=offset, **filters):
        yield from page
        offset += len(page)
