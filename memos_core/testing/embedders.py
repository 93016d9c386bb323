"""An embedder for tests, and the suite that every embedder passes."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TYPE_CHECKING

from memos_core.infrastructure.models.splitting import split
from memos_core.ports import Embedder, EmbeddingSpec, Span

if TYPE_CHECKING:
    from memos_core.ports import Vector

WINDOW = 500  # characters


class HashingEmbedder:
    """For tests only: vectors from hashes of the words. Shared words make texts near; meaning plays no part."""

    def __init__(self, dim: int = 64) -> None:
        self.spec = EmbeddingSpec(model="hashing-for-tests-only", dim=dim)

    def embed(self, texts: Sequence[str]) -> Vector:
        """Embed passages."""
        import numpy as np

        if not texts:
            return np.zeros((0, self.spec.dim), np.float32)
        return np.stack([self.embed_query(text) for text in texts])

    def embed_query(self, text: str) -> Vector:
        """Embed a question."""
        import numpy as np

        vector = np.full(self.spec.dim, 1e-3, np.float32)  # so that a text without words has a direction too
        for word in re.findall(r"\w+", text.casefold()):
            digest = hashlib.sha256(word.encode("utf-8", "surrogatepass")).digest()
            vector[int.from_bytes(digest[:4], "big") % self.spec.dim] += 1 if digest[4] & 1 else -1
        normalised: Vector = vector / np.linalg.norm(vector)
        return normalised

    def spans(self, text: str) -> list[Span]:
        """Cut a text into spans of at most 500 characters."""
        return split(text, limit=WINDOW, measure=len)

    def count_tokens(self, text: str) -> int:
        """Count words and punctuation marks."""
        return len(re.findall(r"\w+|[^\w\s]", text))


class EmbedderConformance:
    """What every embedder keeps. Subclass it and say how to make yours.

    Examples
    --------
    >>> class TestMine(EmbedderConformance):
    ...     def make_embedder(self):
    ...         return HashingEmbedder()
    """

    texts = ("The cat sleeps on the mat.", "Caf\u00e9 \u6f22\u5b57 \U0001f600", "a", "A cat is asleep on a mat.")

    def make_embedder(self) -> Embedder:
        """Make the embedder under test."""
        raise NotImplementedError

    def test_rows_are_finite_and_of_length_one(self) -> None:
        import numpy as np

        vectors = self.make_embedder().embed(self.texts)
        assert vectors.dtype == np.float32
        assert vectors.shape == (len(self.texts), self.make_embedder().spec.dim)
        assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-4)

    def test_nothing_in_gives_nothing_of_the_right_width(self) -> None:
        embedder = self.make_embedder()
        assert embedder.embed([]).shape == (0, embedder.spec.dim)

    def test_the_same_text_gives_the_same_vector_alone_and_in_company(self) -> None:
        import numpy as np

        embedder = self.make_embedder()
        together = embedder.embed(self.texts)
        alone = np.concatenate([embedder.embed([text]) for text in self.texts])
        assert np.allclose(together, alone, atol=1e-3)

    def test_a_question_is_one_vector_of_length_one(self) -> None:
        import numpy as np

        embedder = self.make_embedder()
        vector = embedder.embed_query(self.texts[0])
        assert vector.shape == (embedder.spec.dim,)
        assert np.isclose(np.linalg.norm(vector), 1, atol=1e-4)

    def test_spans_cover_the_text_in_order(self) -> None:
        embedder = self.make_embedder()
        for text in ("short", "A sentence here. " * 400, "word " * 3000, "x" * 9000, "line\n\n" * 900):
            spans = embedder.spans(text)
            assert spans[0].start == 0
            assert spans[-1].end == len(text)
            assert all(one.end == next_.start for one, next_ in pairwise(spans))
            assert len(embedder.embed([text[span.start : span.end] for span in spans])) == len(spans)

    def test_longer_texts_have_more_tokens(self) -> None:
        embedder = self.make_embedder()
        assert 0 < embedder.count_tokens("one word") < embedder.count_tokens("one word " * 50)

    def test_several_threads_get_the_same_vectors(self) -> None:
        import numpy as np

        embedder = self.make_embedder()
        with ThreadPoolExecutor(4) as pool:
            results = list(pool.map(lambda _: embedder.embed(self.texts), range(8)))
        assert all(np.allclose(result, results[0], atol=1e-4) for result in results)
