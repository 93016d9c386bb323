from __future__ import annotations

from itertools import product

import pytest

from memos_core.cube.namespace import MAX_LABEL_LENGTH, MAX_LABELS, covers, namespace
from memos_core.errors import InvalidNamespace


@pytest.mark.parametrize(
    ("given", "labels"),
    [
        ("alice", ("alice",)),
        ("acme/alice", ("acme", "alice")),
        (("acme", "alice"), ("acme", "alice")),
        (["acme"], ("acme",)),
        (" a b ", (" a b ",)),
        ("%/_/*", ("%", "_", "*")),
        ("\u00e9\U0001f600", ("\u00e9\U0001f600",)),
        ("x" * MAX_LABEL_LENGTH, ("x" * MAX_LABEL_LENGTH,)),
        (["x"] * MAX_LABELS, ("x",) * MAX_LABELS),
    ],
)
def test_namespaces_are_read_from_text_and_from_labels(given: object, labels: tuple[str, ...]) -> None:
    assert namespace(given) == labels  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "given",
    [
        None, "", " ", "/", "a/", "/a", "a//b", (), [], [""], ["a", " "], ["a/b"], ["a\0"], "a\0", "\ud800", ["a", 1], 7,
        {"a"}, b"alice", {"a": 1}, "x" * (MAX_LABEL_LENGTH + 1), ["x"] * (MAX_LABELS + 1),
    ],
)  # fmt: skip
def test_what_is_no_namespace_is_refused(given: object) -> None:
    with pytest.raises(InvalidNamespace):
        namespace(given)  # type: ignore[arg-type]


def test_one_covers_another_by_whole_labels() -> None:
    labels = ["a", "ab", "b"]
    every = [tuple(chosen) for length in (1, 2, 3) for chosen in product(labels, repeat=length)]
    for outer, inner in product(every, repeat=2):
        below = len(inner) >= len(outer) and all(one == other for one, other in zip(outer, inner, strict=False))
        assert covers(outer, inner) == below
