"""All systems get one set of vectors."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from memos_bench.vectors import SharedVectors
from memos_core.errors import EmbedderMismatch, InvalidInput
from memos_core.testing.embedders import HashingEmbedder


class Counting(HashingEmbedder):
    """Says which texts the model saw."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.seen.extend(texts)
        return super().embed(texts)


def test_a_text_is_embedded_once() -> None:
    model = Counting()
    vectors = SharedVectors(model)
    first = vectors.embed(["a b", "c", "a b"])
    assert np.array_equal(vectors.embed(["c", "a b"]), first[[1, 0]])
    assert model.seen == ["a b", "c"]


def test_texts_other_than_those_given_are_counted() -> None:
    vectors = SharedVectors(HashingEmbedder())
    vectors.embed(["a", '{"text": "a"}'])
    assert vectors.others(["a"]) == 1


def test_kept_vectors_are_taken_again_and_another_models_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "vectors.npz"
    vectors, model = SharedVectors(HashingEmbedder()), Counting()
    expected = vectors.embed(["a b"])
    vectors.save(path)
    again = SharedVectors(model)
    again.load(path)
    assert np.array_equal(again.embed(["a b"]), expected)
    assert model.seen == []
    with pytest.raises(EmbedderMismatch):
        SharedVectors(HashingEmbedder(dim=32)).load(path)
    path.write_bytes(b"PK")
    with pytest.raises(InvalidInput, match="damaged"):
        again.load(path)
