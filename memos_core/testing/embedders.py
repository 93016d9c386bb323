"""An embedder for tests, and the suite that every embedder passes."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from memos_core.infrastructure.models.splitting import split
from memos_core.ports import EmbeddingSpec, Span

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
