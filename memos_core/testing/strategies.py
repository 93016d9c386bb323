"""Hypothesis strategies: contents of every kind and payload, what a newer release might add, histories of replicas."""

from __future__ import annotations

from datetime import timedelta, timezone
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from memos_core.cube.claim import Claim
from memos_core.cube.interval import Granularity, Interval
from memos_core.cube.memcube import Content, Governance, Kind, Origin, Provenance, TimeMention, Trust
from memos_core.cube.payload import Activation, BlobRef, Parametric, Plaintext
from memos_core.testing.history import History, random_history

MAX_INTEGER = 2**53 - 1

#: Valid Unicode without NUL: what the write gate lets through.
characters = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
words = st.text(characters, min_size=1, max_size=12)
texts = st.text(characters, min_size=1, max_size=60).filter(lambda text: bool(text.strip()))
names = st.none() | words
labels = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0/"), min_size=1, max_size=12).filter(
    lambda label: bool(label.strip())
)
namespaces = st.lists(labels, min_size=1, max_size=4).map(tuple)

json_scalars = (
    st.none()
    | st.booleans()
    | st.integers(-MAX_INTEGER, MAX_INTEGER)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(characters, max_size=12)
)
json_values: SearchStrategy[Any] = st.recursive(
    json_scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=6,
)
json_objects = st.dictionaries(words, json_values, max_size=4)

_offsets = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
moments = st.datetimes(timezones=_offsets)


@st.composite
def intervals(draw: st.DrawFn) -> Interval:
    """Intervals of any length, instants and those without an end included."""
    first, second = draw(moments), draw(moments)
    start, end = sorted((first, second))
    end_or_none = draw(st.sampled_from([end, start, None]))
    return Interval(start=start, end=end_or_none, granularity=draw(st.sampled_from(Granularity)))


blobs = st.builds(
    BlobRef, sha256=st.text("0123456789abcdef", min_size=64, max_size=64), size=st.integers(0, MAX_INTEGER)
)
payloads = (
    st.builds(Plaintext, text=texts, media_type=words)
    | st.builds(
        Activation,
        blob=blobs,
        model=words,
        tokens=st.integers(1, 10**6),
        dtype=words,
        shape=st.lists(st.integers(0, 10**6), max_size=5).map(tuple),
    )
    | st.builds(Parametric, blob=blobs, base_model=words, method=words, rank=st.integers(1, 512))
)
claims = st.builds(
    Claim, subject=words, predicate=words, object=words, single_valued=st.booleans(), negated=st.booleans()
)
provenances = st.builds(
    Provenance,
    origin=st.sampled_from(Origin),
    actor=names,
    speaker=names,
    role=names,
    source_id=names,
    source_uri=names,
    session=names,
    position=st.none() | st.integers(0, 10**6),
    model=names,
    derived_from=st.lists(words, max_size=2).map(tuple),
)
governances = st.builds(
    Governance,
    trust=st.sampled_from(Trust),
    expires_at=st.none() | moments,
    priority=st.integers(-100, 100),
    sensitivity=st.lists(words, max_size=2).map(tuple),
    licence=names,
    watermark=names,
)
mentions = st.builds(TimeMention, text=words, offset=st.integers(0, 1000), when=intervals())


def contents() -> SearchStrategy[Content]:
    """Contents of every kind and payload."""
    return st.builds(
        Content,
        namespace=namespaces,
        kind=st.sampled_from(Kind),
        payload=payloads,
        occurred=st.none() | intervals(),
        times=st.lists(mentions, max_size=2).map(tuple),
        entities=st.lists(words, max_size=3).map(tuple),
        tags=st.lists(words, max_size=2).map(tuple),
        follows=names,
        claims=st.lists(claims, max_size=2).map(tuple),
        metadata=json_objects,
        provenance=provenances,
        governance=governances,
    )


@st.composite
def newer_bodies(draw: st.DrawFn) -> dict[str, Any]:
    """Bodies of put operations as a newer release might write them: with unknown fields at every level."""
    body: dict[str, Any] = draw(contents()).model_dump(mode="json")
    levels: list[Any] = [body]
    while levels:
        level = levels.pop()
        if isinstance(level, dict):
            levels += [value for key, value in level.items() if key != "metadata"]
            level["newer_" + draw(words)] = draw(json_values)
        elif isinstance(level, list):
            levels += level
    return body


def histories() -> SearchStrategy[History]:
    """Histories of two to four replicas."""
    return st.randoms(use_true_random=False).map(random_history)
