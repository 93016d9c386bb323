"""Embedders that users have already, taken by what they can do and not by what they are called."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

from memos_core.errors import EmbeddingFailed, InvalidInput, MemOSError
from memos_core.infrastructure.models.splitting import split
from memos_core.ports import Embedder, EmbeddingSpec, Span

if TYPE_CHECKING:
    from memos_core.ports import Vector

WINDOW = 1000  # characters, where a model's own window is unknown: about 250 tokens of English
CHARACTERS_PER_TOKEN = 3  # cautious: English has about four

BATCH = 64  # texts a request to a server

Embed = Callable[[Sequence[str]], Any]


def as_embedder(given: Any, *, model: str | None = None) -> Embedder:
    """Make an embedder of anything that embeds.

    Parameters
    ----------
    given
        An object with the methods of ``ports.Embedder``; a LangChain ``Embeddings``; a LlamaIndex ``BaseEmbedding``; an
        object with ``encode``, such as a sentence-transformers model; or a function from texts to their vectors.
    model
        Name under which the vectors are stored. By default what the object calls its model, else its type or function
        name. Vaults refuse vectors of another name, so it must not change while the model stays the same.

    Raises
    ------
    InvalidInput
        If it does none of this.
    """
    if all(hasattr(given, name) for name in ("spec", "embed", "embed_query", "spans", "count_tokens")):
        return cast("Embedder", given)
    name = model or name_of(given)
    if hasattr(given, "embed_documents"):
        return AdaptedEmbedder(given.embed_documents, query=given.embed_query, model=name)
    if hasattr(given, "get_text_embedding_batch"):
        return AdaptedEmbedder(given.get_text_embedding_batch, query=given.get_query_embedding, model=name)
    if hasattr(given, "encode"):
        return AdaptedEmbedder(
            given.encode, model=name, tokenizer=getattr(given, "tokenizer", None), window=_window(given)
        )
    if callable(given):
        return AdaptedEmbedder(given, model=name)
    raise InvalidInput(
        detail=f"A {type(given).__name__} is no embedder: it has neither embed_documents, get_text_embedding_batch nor "
        "encode, and cannot be called."
    )


class AdaptedEmbedder:
    """A foreign embedder behind our port: its output is checked and normalised.

    Parameters
    ----------
    embed
        Texts to vectors.
    query
        A question to its vector; by default as for passages.
    tokenizer, window
        Its tokenizer (with ``tokenize``) and how many of its tokens fit. Without them, spans have at most 1,000
        characters, and a token is counted for every three.
    """

    def __init__(
        self,
        embed: Embed,
        *,
        model: str,
        query: Callable[[str], Any] | None = None,
        tokenizer: Any = None,
        window: int | None = None,
    ) -> None:
        self._embed = embed
        self._query = query
        self._model = model
        self._tokenizer = tokenizer if window else None
        self._window = window or WINDOW

    @cached_property
    def spec(self) -> EmbeddingSpec:
        """What its vectors are comparable with; asks it for one vector to learn their dimension."""
        return EmbeddingSpec(model=self._model, dim=len(self._call(self._embed, ["dimension"])[0]))

    def embed(self, texts: Sequence[str]) -> Vector:
        """Embed passages: ``(n, dim)`` float32, rows of length one.

        Raises
        ------
        EmbeddingFailed
            If it raises, or answers anything but one finite, non-zero vector a text.
        """
        import numpy as np

        if not texts:
            return np.zeros((0, self.spec.dim), np.float32)
        vectors: Vector = self._call(self._embed, list(texts))
        if vectors.shape != (len(texts), self.spec.dim):
            shape = (len(texts), self.spec.dim)
            raise EmbeddingFailed(model=self._model, detail=f"it gave vectors of shape {vectors.shape}, not {shape}")
        return vectors

    def embed_query(self, text: str) -> Vector:
        """Embed a question: ``(dim,)`` float32 of length one."""
        if self._query is None:
            return cast("Vector", self.embed([text])[0])
        query = self._query
        vector: Vector = self._call(lambda texts: [query(texts[0])], [text])[0]
        return vector

    def spans(self, text: str) -> list[Span]:
        """Cut a text into spans that fit."""
        return split(text, limit=self._window, measure=len if self._tokenizer is None else self.count_tokens)

    def count_tokens(self, text: str) -> int:
        """Length in tokens; a cautious estimate where the tokenizer is unknown."""
        if self._tokenizer is None:
            return -(-len(text) // CHARACTERS_PER_TOKEN)
        return len(self._tokenizer.tokenize(text))

    def _call(self, embed: Embed, texts: Sequence[str]) -> Vector:
        import numpy as np

        try:
            vectors = np.asarray(embed(texts), dtype=np.float32)
        except MemOSError:
            raise
        # A foreign embedder may raise anything at all; whatever it is becomes one typed error with its cause.
        except Exception as error:
            raise EmbeddingFailed(model=self._model, detail=f"{type(error).__name__}: {error}") from error
        if vectors.ndim != 2 or vectors.shape[1] == 0:
            raise EmbeddingFailed(model=self._model, detail=f"it gave vectors of shape {vectors.shape}")
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        if not (np.isfinite(lengths).all() and lengths.all()):
            raise EmbeddingFailed(model=self._model, detail="it gave a vector that is zero or not finite")
        normalised: Vector = vectors / lengths
        return normalised


def in_batches(request: Callable[[Sequence[str]], Sequence[Any]]) -> Embed:
    """Embed by a request that takes a limited number of texts."""
    return lambda texts: [vector for at in range(0, len(texts), BATCH) for vector in request(texts[at : at + BATCH])]


def name_of(given: object) -> str:
    """What an object calls its model, else the name of its type or function."""
    for attribute in ("model_name", "model", "model_id"):
        name = getattr(given, attribute, None)
        if isinstance(name, str) and name:
            return name
    own = hasattr(given, "__qualname__") and isinstance(getattr(given, "__module__", None), str)
    named: Any = given if own else type(given)  # some builtin functions are of no module
    return f"{named.__module__}.{named.__qualname__}"


def _window(given: object) -> int | None:
    window = getattr(given, "max_seq_length", None)
    return window - 2 if isinstance(window, int) and window > 2 else None
