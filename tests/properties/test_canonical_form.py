"""The quick test of the canonical form says what the full one says."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from memos_core.cube.canonical import canonical, is_canonical, parse_object
from memos_core.errors import InvalidInput

numbers = st.one_of(
    st.integers(-(2**54), 2**54),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([-0.0, 1e16, 1e21, 1e-7, 5e-324, 10**20]),
)
texts = st.one_of(
    st.text(max_size=6), st.sampled_from(["\x00", "\x7f", "\b\f\n\r\t\x1b", "\u2028", '"\\/', "\U0001f98a"])
)
values = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, texts),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=8,
)
WAYS = {
    "canonical": canonical,
    "as Python does": lambda value: json.dumps(
        value, ensure_ascii=False, sort_keys=True, separators=(",", ":")
    ).encode(),
    "in ASCII": lambda value: json.dumps(value, sort_keys=True, separators=(",", ":")).encode(),
    "unsorted": lambda value: json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(),
    "spaced": lambda value: json.dumps(value, ensure_ascii=False, sort_keys=True).encode(),
}


@settings(max_examples=400, deadline=None)
@given(st.dictionaries(texts, values, max_size=4), st.sampled_from(list(WAYS)))
def test_quick_test_says_what_the_full_one_says(value: dict[str, Any], way: str) -> None:
    try:
        data = WAYS[way](value)
        read = parse_object(data)
        wanted = canonical(read) == data
    except InvalidInput:
        return
    assert is_canonical(data, read) == wanted
    assert wanted or way != "canonical"
