"""Any sentence-transformers model, with the extra ``[hf]``."""

from __future__ import annotations

from typing import Any

from memos_core.errors import ModelMissing
from memos_core.infrastructure.models.adapt import as_embedder
from memos_core.infrastructure.models.local import quiet
from memos_core.ports import Embedder


def sentence_transformer(name: str, **kwargs: Any) -> Embedder:
    """Load a sentence-transformers model by name or path.

    Parameters
    ----------
    name
        As sentence-transformers takes it; the vault keeps it with the vectors.
    **kwargs
        Handed on to ``SentenceTransformer``.

    Raises
    ------
    ModelMissing
        If sentence-transformers is not installed.
    """
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError as error:
        raise ModelMissing(what="sentence-transformers", install="pip install 'memcubes[hf]'") from error
    with quiet():
        return as_embedder(SentenceTransformer(name, **kwargs), model=name)
