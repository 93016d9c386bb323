"""Embedders behind an OpenAI-compatible server: OpenAI, Ollama, vLLM, LM Studio, llama.cpp."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from memos_core.errors import EmbeddingFailed
from memos_core.infrastructure.models.adapt import AdaptedEmbedder, in_batches
from memos_core.infrastructure.models.sending import Endpoint, NoAnswer


class HTTPEmbedder(AdaptedEmbedder):
    """Asks ``POST {base_url}/embeddings``.

    Parameters
    ----------
    base_url
        Up to and with the version, e.g. ``"http://localhost:11434/v1"``.
    model
        Name of the model there; the vault keeps it with the vectors.
    api_key
        Sent as a bearer token. It is never shown, logged or stored.
    timeout
        In seconds, for one request.

    Notes
    -----
    A request that fails in passing (too many requests, a server error, no connection) is tried again up to three times,
    with growing pauses or as long as the server asks for, at most 30 seconds each.
    """

    def __init__(self, base_url: str, model: str, *, api_key: str | None = None, timeout: float = 60.0) -> None:
        super().__init__(in_batches(self._request), model=model)
        self._endpoint = Endpoint(base_url.rstrip("/") + "/embeddings", api_key=api_key, timeout=timeout)

    def __repr__(self) -> str:
        return f"HTTPEmbedder({self._endpoint.url!r}, {self._model!r})"

    def _request(self, texts: Sequence[str]) -> list[Any]:
        try:
            answer = self._endpoint.post({"model": self._model, "input": list(texts)})
            rows = sorted(answer["data"], key=lambda row: row["index"])
            return [row["embedding"] for row in rows]
        except NoAnswer as error:
            raise EmbeddingFailed(model=self._model, detail=str(error)) from error
        except (KeyError, TypeError) as error:
            detail = f"{self._endpoint.url} gave no embeddings: {error!r}"
            raise EmbeddingFailed(model=self._model, detail=detail) from error
