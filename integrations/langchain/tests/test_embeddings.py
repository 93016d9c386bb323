"""The memory's embedder as LangChain's: its own tests."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.embeddings import Embeddings
from langchain_tests.integration_tests import EmbeddingsIntegrationTests

from memos_core import MemOS
from memos_langchain import MemOSEmbeddings


class TestEmbeddings(EmbeddingsIntegrationTests):
    @pytest.fixture(autouse=True)
    def _open(self, memos: MemOS) -> None:
        self.memos = memos

    @property
    def embeddings_class(self) -> type[Embeddings]:
        return MemOSEmbeddings

    @property
    def embedding_model_params(self) -> dict[str, Any]:
        return {"memos": self.memos}


def test_a_text_found_by_its_own_vector_is_the_nearest(memos: MemOS) -> None:
    memos.add("Basil needs sun", namespace="a")
    [hit] = memos.nearest(MemOSEmbeddings(memos).embed_documents(["Basil needs sun"])[0], namespace="a")
    assert hit.score == pytest.approx(1, abs=1e-5)
