"""LlamaIndex's metadata filters: the memory tests what it can before ranking, and all of it is tested here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from llama_index.core.vector_stores.types import FilterCondition, FilterOperator, MetadataFilter, MetadataFilters
from llama_index.core.vector_stores.utils import build_metadata_filter_fn

_KEY = re.compile(r"[\w-]{1,100}")


def where(filters: MetadataFilters | None) -> dict[str, Any]:
    """What of a filter the memory can test: equality with one value, where all tests must pass."""
    if filters is None or filters.condition not in {None, FilterCondition.AND}:
        return {}
    leaves = [each for each in filters.filters if isinstance(each, MetadataFilter)]
    return {
        leaf.key: leaf.value
        for leaf in leaves
        if leaf.operator is FilterOperator.EQ and _KEY.fullmatch(leaf.key) and isinstance(leaf.value, (str, int, float))
    }


def holds(filters: MetadataFilters | None, metadata: Mapping[str, Any]) -> bool:
    """Say whether metadata pass. Values of types that cannot be compared do not."""
    if filters is None or not filters.filters:
        return True
    passed = (_passes(each, metadata) for each in filters.filters)
    if filters.condition is FilterCondition.OR:
        return any(passed)
    if filters.condition is FilterCondition.NOT:
        return not any(passed)
    return all(passed)


def _passes(test: MetadataFilter | MetadataFilters, metadata: Mapping[str, Any]) -> bool:
    if isinstance(test, MetadataFilters):
        return holds(test, metadata)
    try:
        return build_metadata_filter_fn(lambda _: metadata, MetadataFilters(filters=[test]))("")
    except TypeError:
        return False
