"""Indexes of LlamaIndex over one memory file: documents, and a graph. Run it: python examples/llamaindex_index.py.

It needs no key: the memory's own local model embeds, and what a model would extract for the graph is written down here.
"""

import tempfile
from pathlib import Path
from typing import Any

from llama_index.core import Document, PropertyGraphIndex, StorageContext, VectorStoreIndex
from llama_index.core.graph_stores.types import KG_NODES_KEY, KG_RELATIONS_KEY, EntityNode, Relation
from llama_index.core.indices.property_graph import VectorContextRetriever
from llama_index.core.llms import MockLLM
from llama_index.core.schema import BaseNode, TransformComponent

from memos_core import MemOS
from memos_llamaindex import MemOSEmbedding, MemOSPropertyGraphStore, MemOSVectorStore

NOTES = [
    "Basil wants six hours of sun a day and water in the morning.",
    "Moss grows where nothing else does: in shade, on stones, without soil.",
    "Ferns came to the garden in 2019, a gift of Clara's.",
]
SAID = {0: [("Basil", "NEEDS", "Sun")], 1: [("Moss", "GROWS_IN", "Shade")], 2: [("Clara", "GAVE", "Ferns")]}


class Written(TransformComponent):
    """Stands for a model that extracts relations."""

    def __call__(self, nodes: list[BaseNode], **_: Any) -> list[BaseNode]:
        for node in nodes:
            said = SAID[NOTES.index(node.get_content())]
            node.metadata[KG_NODES_KEY] = [EntityNode(name=name) for one, _, other in said for name in (one, other)]
            node.metadata[KG_RELATIONS_KEY] = [
                Relation(label=label, source_id=one, target_id=other) for one, label, other in said
            ]
        return nodes


def main(path: Path) -> None:
    documents = [Document(text=text, id_=f"note-{number}") for number, text in enumerate(NOTES)]
    with MemOS.open(path) as memos:
        embedding = MemOSEmbedding(memos)
        context = StorageContext.from_defaults(vector_store=MemOSVectorStore(memos=memos, namespace="garden"))
        VectorStoreIndex.from_documents(documents, storage_context=context, embed_model=embedding)
        PropertyGraphIndex.from_documents(
            documents,
            property_graph_store=MemOSPropertyGraphStore(memos, namespace="garden-graph"),
            kg_extractors=[Written()],
            embed_model=embedding,
        )
    with MemOS.open(path) as memos:  # another day, another process
        embedding = MemOSEmbedding(memos)
        index = VectorStoreIndex.from_vector_store(MemOSVectorStore(memos=memos, namespace="garden"), embedding)
        question = "Which plant can live on stones, in the shade?"
        answer = index.as_query_engine(llm=MockLLM(), similarity_top_k=1).query(question)
        print(f"{question} {answer.source_nodes[0].text}")
        graph = MemOSPropertyGraphStore(memos, namespace="garden-graph")
        found = VectorContextRetriever(graph, embed_model=embedding, similarity_top_k=1).retrieve("Clara")
        print("The graph around Clara:", next(line for line in found[0].text.splitlines() if "->" in line))
        print("The memory knows it too:", memos.search("Who gave ferns?", namespace="garden-graph")[0].cube.text)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        main(Path(folder) / "memory.db")
