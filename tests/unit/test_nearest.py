"""Memories found by a vector alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from memos_core import Document, MemOS
from memos_core.errors import EmbedderMismatch, InvalidInput, InvalidVector
from memos_core.testing.embedders import HashingEmbedder


@pytest.fixture
def memos() -> Iterator[MemOS]:
    with MemOS.open(":memory:", embedder=HashingEmbedder()) as opened:
        yield opened


def test_the_nearest_come_first_with_their_cosine(memos: MemOS) -> None:
    memos.add("the quick brown fox", namespace="a")
    memos.add("an owl at night", namespace="a")
    first, second = memos.nearest(memos.embedder.embed_query("the quick brown fox"), namespace="a")
    assert (first.cube.text, second.cube.text) == ("the quick brown fox", "an owl at night")
    assert first.score == pytest.approx(1.0)
    assert first.why == {"vector": first.score}
    assert second.score < 0.5


def letters(texts: list[str]) -> list[list[float]]:
    """Vectors that count letters."""
    return [[float(text.count(letter)) for letter in "abcdefgh"] for text in texts]


def test_what_stands_on_two_pages_of_a_text_is_near_by_either(tmp_path: Path) -> None:
    with MemOS.open(tmp_path / "m.db", embedder=letters) as memos:
        memos.add("aaaa\fbbbb\f \f", namespace="a")
        memos.add("aaab", namespace="a")
        for query in ("aaaaaaa", "bbbbbbb"):
            hits = memos.nearest(memos.embedder.embed_query(query), namespace="a")
            assert hits[0].cube.text == "aaaa\fbbbb\f \f"
            assert hits[0].score == pytest.approx(1.0)
            assert len(hits) == 2  # each once, by its best page
        assert memos.verify() == []

    def reversed_letters(texts: list[str]) -> list[list[float]]:
        return [row[::-1] for row in letters(texts)]

    with MemOS.open(tmp_path / "m.db", embedder=reversed_letters) as memos:
        memos.reembed()
        hits = memos.nearest(memos.embedder.embed_query("bbbbbbb"), namespace="a")
        assert hits[0].score == pytest.approx(1.0)


def test_empty_pages_are_none(memos: MemOS) -> None:
    memos.add("\f\ffox\f \f", namespace="a")
    [hit] = memos.nearest(memos.embedder.embed_query("fox"), namespace="a")
    assert hit.score == pytest.approx(1.0)


def test_a_plain_list_of_numbers_is_a_vector(memos: MemOS) -> None:
    memos.add("fox", namespace="a")
    vector = memos.embedder.embed_query("fox").tolist()
    assert [hit.cube.text for hit in memos.nearest(vector, namespace="a")] == ["fox"]


def test_only_what_the_filters_admit_is_near(memos: MemOS) -> None:
    memos.add("fox", namespace="a")
    memos.add("fox", namespace="b")
    memos.add(Document(text="fox"), namespace="a")
    hits = memos.nearest(memos.embedder.embed_query("fox"), namespace="a", kinds=["document"])
    assert [(hit.cube.namespace, hit.cube.kind.value) for hit in hits] == [(("a",), "document")]


def test_what_is_near_counts_as_recalled(memos: MemOS) -> None:
    [cube] = memos.add("fox", namespace="a").written
    memos.nearest(memos.embedder.embed_query("fox"), namespace="a")
    memos._usage.flush()
    assert memos.get(cube.id).usage.count == 1


@pytest.mark.parametrize("vector", [[1.0, 2.0], [[1.0]], ["fox"], [float("nan")] * 256, None])
def test_what_is_no_vector_of_the_vault_is_refused(memos: MemOS, vector: list[float]) -> None:
    memos.add("fox", namespace="a")
    with pytest.raises(InvalidVector):
        memos.nearest(vector, namespace="a")


def test_a_limit_out_of_range_is_refused(memos: MemOS) -> None:
    with pytest.raises(InvalidInput, match="limit"):
        memos.nearest(memos.embedder.embed_query("fox"), namespace="a", limit=0)


def test_a_vector_means_nothing_in_a_vault_of_another_embedder(tmp_path: Path) -> None:
    with MemOS.open(tmp_path / "m.db", embedder=HashingEmbedder()) as memos:
        memos.add("fox", namespace="a")
    with MemOS.open(tmp_path / "m.db", embedder=HashingEmbedder(dim=32)) as other:
        vector = other.embedder.embed_query("fox")
        with pytest.raises(EmbedderMismatch):
            other.nearest(vector, namespace="a")
