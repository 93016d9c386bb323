"""Every embedder, own and foreign, keeps what the port promises."""

from typing import Any

import numpy as np
import pytest
from langchain_core.embeddings import DeterministicFakeEmbedding
from llama_index.core.base.embeddings.base import BaseEmbedding

from memos_core.infrastructure.models.adapt import as_embedder
from memos_core.infrastructure.models.minilm import MiniLM
from memos_core.ports import Embedder
from memos_core.testing.embedders import EmbedderConformance, HashingEmbedder

MINILM = MiniLM()


class TestMiniLM(EmbedderConformance):
    def make_embedder(self) -> Embedder:
        return MINILM


class TestHashing(EmbedderConformance):
    def make_embedder(self) -> Embedder:
        return HashingEmbedder()


class TestLangChain(EmbedderConformance):
    def make_embedder(self) -> Embedder:
        return as_embedder(DeterministicFakeEmbedding(size=12))


class Hashed(BaseEmbedding):
    """A LlamaIndex embedding."""

    def _get_text_embedding(self, text: str) -> list[float]:
        return HashingEmbedder(dim=12).embed_query(text).tolist()

    _get_query_embedding = _get_text_embedding

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_text_embedding(query)


class TestLlamaIndex(EmbedderConformance):
    def make_embedder(self) -> Embedder:
        return as_embedder(Hashed(model_name="hashed"))


class Encoder:
    """Looks like a sentence-transformers model."""

    max_seq_length = 64

    class tokenizer:  # noqa: N801
        @staticmethod
        def tokenize(text: str) -> list[str]:
            return text.split()

    def encode(self, texts: list[str]) -> Any:
        return 7 * HashingEmbedder(dim=12).embed(texts)


class TestEncoder(EmbedderConformance):
    def make_embedder(self) -> Embedder:
        return as_embedder(Encoder())


def embed(texts: list[str]) -> list[list[float]]:
    return HashingEmbedder(dim=12).embed(texts).tolist()


class TestFunction(EmbedderConformance):
    def make_embedder(self) -> Embedder:
        return as_embedder(embed)


@pytest.mark.parametrize("given", [Hashed(model_name="hashed"), Encoder(), embed])
def test_foreign_vectors_are_the_same_but_for_their_length(given: Any) -> None:
    expected = HashingEmbedder(dim=12).embed(["a cat", "a dog"])
    assert np.allclose(as_embedder(given).embed(["a cat", "a dog"]), expected, atol=1e-5)
