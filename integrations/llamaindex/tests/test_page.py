"""The page about this adapter is true: its code runs, in order, and so do the docstrings' examples."""

import doctest
import importlib
import re
from pathlib import Path

import pytest
from llama_index.core import Document, VectorStoreIndex
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.graph_stores import SimplePropertyGraphStore
from llama_index.core.graph_stores.types import Relation
from llama_index.core.memory import ChatMemoryBuffer, Memory

from memos_core import MemOS
from memos_llamaindex import (
    MemOSAsyncChatStore,
    MemOSEmbedding,
    MemOSMemory,
    MemOSPropertyGraphStore,
    MemOSVectorStore,
)

MODULES = ["memory", "block", "chat_store", "embedding", "graph_store", "retriever", "tools", "vector_store"]
PAGE = Path(__file__).parents[3] / "docs" / "LLAMAINDEX.md"


@pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecationWarning")  # LlamaIndex's agents cause them
def test_the_code_of_the_page_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for block in re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL):
        exec(compile(block, PAGE.name, "exec"), names)
    names["memos"].close()  # type: ignore[attr-defined]
    assert "Lisbon" in capsys.readouterr().out


def test_another_memory_moves_here_as_the_page_says(memos: MemOS) -> None:
    buffer = ChatMemoryBuffer.from_defaults()
    buffer.put_messages([ChatMessage("I live in Rome"), ChatMessage("Noted", role="assistant")])
    memory = MemOSMemory.from_defaults(memos, namespace="ana")
    memory.set(buffer.get_all())
    assert {cube.text for cube in memos.list(namespace="ana")} == {"I live in Rome", "Noted"}

    queue = MemOSAsyncChatStore(memos=memos, namespace="ben")
    kept = Memory.from_defaults(session_id="monday", chat_store=queue)
    kept.set(buffer.get_all())
    assert kept.get_all() == buffer.get_all()

    old = SimplePropertyGraphStore()
    old.upsert_relations([Relation(label="LIVES_IN", source_id="Ana", target_id="Rome", properties={"since": 2020})])
    new = MemOSPropertyGraphStore(memos)
    new.upsert_nodes(old.get())
    new.upsert_relations([triplet[1] for triplet in old.graph.get_triplets()])
    assert new.get_triplets(entity_names=["Ana"]) == old.get_triplets(entity_names=["Ana"])

    index = VectorStoreIndex.from_documents([Document(text="Basil needs sun")], embed_model=MemOSEmbedding(memos))
    store = MemOSVectorStore(memos=memos)
    store.add([*index.docstore.docs.values()])
    assert [node.get_content() for node in store.get_nodes()] == ["Basil needs sun"]


@pytest.mark.parametrize("module", MODULES)
def test_the_examples_of_the_docstrings_run(module: str) -> None:
    assert doctest.testmod(importlib.import_module(f"memos_llamaindex.{module}")).failed == 0
