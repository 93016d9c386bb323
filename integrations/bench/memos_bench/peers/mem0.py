"""mem0, the open-source edition: every message stored as it is (``infer=False``), BM25 and spaCy on.

Its BM25 asks a model hub for a list of stop words; it is given spaCy's, which mem0 takes out of every text anyway. Its
spaCy model is the one it names, or another package of the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import spacy
from fastembed import SparseTextEmbedding
from mem0 import Memory
from mem0.utils import spacy_models
from mem0.utils.spacy_models import get_nlp_full, get_nlp_lemma
from spacy.lang.en.stop_words import STOP_WORDS

from memos_bench.conversations import said
from memos_bench.peers import Place, Search
from memos_bench.vectors import SharedVectors
from memos_core import Message
from memos_core.errors import ModelMissing

SPACY_MODEL = "en_core_web_sm"
USER = "bench"


class Shared:
    """The shared vectors as mem0 asks for them."""

    def __init__(self, vectors: SharedVectors, config: object) -> None:
        self._vectors = vectors
        self.config = config

    def embed(self, text: str, memory_action: str | None = None) -> list[float]:
        """One text; what for decides whether it is a question."""
        row = self._vectors.embed_query(text) if memory_action == "search" else self._vectors.embed([text])[0]
        return [float(number) for number in row]

    def embed_batch(self, texts: list[str], memory_action: str | None = None) -> list[list[float]]:
        """Several."""
        return [self.embed(text, memory_action) for text in texts]


class Mem0:
    """A local store; the model that its constructor wants is never called."""

    def __init__(self, place: Place) -> None:
        _load_spacy()
        path = str(place.folder / "qdrant")
        store = {"path": path, "collection_name": "memory", "embedding_model_dims": place.vectors.spec.dim}
        unused = {"provider": "openai", "config": {"api_key": "unused"}}
        self._memory = Memory.from_config(
            {
                "vector_store": {"provider": "qdrant", "config": {**store, "on_disk": True}},
                "llm": unused,
                "embedder": unused,
                "history_db_path": str(place.folder / "history.db"),
            }
        )
        self._memory.embedding_model = Shared(place.vectors, self._memory.embedding_model.config)
        words = SparseTextEmbedding("Qdrant/bm25", specific_model_path=str(place.folder), stopwords=set(STOP_WORDS))
        self._memory.vector_store._bm25_encoder = words  # noqa: SLF001 (the constructor has no argument for it)
        if get_nlp_lemma() is None or get_nlp_full() is None or not next(iter(words.embed(["word"]))).indices.size:
            what = "A part of mem0 that finds words or names, without which it would go on and say nothing,"
            raise ModelMissing(what=what, install=f"python -m spacy download {SPACY_MODEL}")

    def add(self, messages: Sequence[Message], *, session: str) -> None:
        """Remember the messages of a session."""
        for message in messages:
            role = "assistant" if message.role == "assistant" else "user"
            self._memory.add(
                [{"role": role, "content": said(message)}],
                user_id=USER,
                metadata={"message": message.id, "session": session},
                infer=False,
            )

    def searches(self) -> Mapping[str, Search]:
        """The one way it has."""
        return {"mem0": self._search}

    def close(self) -> None:
        """Close both stores."""
        self._memory.close()
        self._memory.vector_store.client.close()

    def _search(self, question: str, limit: int) -> list[str]:
        found: Any = self._memory.search(question, filters={"user_id": USER}, top_k=limit, threshold=0.0)
        return [str(each["metadata"]["message"]) for each in found["results"]]


@cache
def _load_spacy() -> None:
    """Load the model by hand if it goes by another name, for mem0 would go on without it and say nothing.

    Raises
    ------
    ModelMissing
        If there is none.
    """
    installed = sorted(name for name in spacy.util.get_installed_models() if name.startswith(SPACY_MODEL))
    if not installed:
        what = f"The spaCy model {SPACY_MODEL}, which mem0 needs to find words and names,"
        raise ModelMissing(what=what, install=f"python -m spacy download {SPACY_MODEL}")
    if SPACY_MODEL not in installed:
        spacy_models._nlp_full = spacy.load(installed[0])  # noqa: SLF001 (it looks for one name only)
        spacy_models._nlp_lemma = spacy.load(installed[0], disable=["ner", "parser"])  # noqa: SLF001


def open_peer(place: Place) -> Mem0:
    """Make an empty memory."""
    return Mem0(place)
