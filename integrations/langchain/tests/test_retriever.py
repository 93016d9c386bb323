from typing import Any

import pytest
from langchain_core.retrievers import BaseRetriever
from langchain_tests.integration_tests import RetrieversIntegrationTests

from memos_core import MemOS, Message
from memos_langchain import MemOSRetriever


class TestRetriever(RetrieversIntegrationTests):
    @pytest.fixture(autouse=True)
    def _remember(self, memos: MemOS) -> None:
        memos.add([Message(content=f"Note {n} about tea") for n in range(10)], namespace="alice")
        self.memos = memos

    @property
    def retriever_constructor(self) -> type[BaseRetriever]:
        return MemOSRetriever

    @property
    def retriever_constructor_params(self) -> dict[str, Any]:
        return {"memos": self.memos, "namespace": "alice"}

    @property
    def retriever_query_example(self) -> str:
        return "tea"


def test_documents_say_where_they_come_from(memos: MemOS) -> None:
    said = Message(
        content="Tea at five", name="Ana", id="D1:1", at="2024-05-01T17:00:00+02:00", metadata={"room": "blue"}
    )
    memos.add([said], namespace="alice/home", session="s")
    [document] = MemOSRetriever(memos=memos, namespace="alice").invoke("tea")
    assert document.page_content == "Tea at five"
    assert document.metadata | {"score": 0} == {
        "room": "blue", "namespace": "alice/home", "kind": "episode", "speaker": "Ana",
        "said_at": "2024-05-01T17:00:00+02:00", "source_ids": ["D1:1"], "trust": "user", "score": 0,
    }  # fmt: skip


def test_filters_are_handed_on(memos: MemOS) -> None:
    memos.add([Message(content="Tea at five", role="tool")], namespace="alice")
    assert MemOSRetriever(memos=memos, namespace="alice", filters={"min_trust": "user"}).invoke("tea") == []
