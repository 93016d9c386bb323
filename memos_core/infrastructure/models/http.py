"""Embedders behind an OpenAI-compatible server: OpenAI, Ollama, vLLM, LM Studio, llama.cpp."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from typing import Any

from memos_core.errors import EmbeddingFailed
from memos_core.infrastructure.models.adapt import AdaptedEmbedder

BATCH = 64  # texts a request
ATTEMPTS = 4
FIRST_PAUSE = 0.5  # seconds; doubled every time, unless the server says how long to wait
LONGEST_PAUSE = 30.0
#: Statuses that another try may mend.
PASSING = frozenset({408, 409, 425, 429, 500, 502, 503, 504})


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
        super().__init__(self._request_all, model=model)
        self._url = base_url.rstrip("/") + "/embeddings"
        self._api_key = api_key
        self._timeout = timeout

    def __repr__(self) -> str:
        return f"HTTPEmbedder({self._url!r}, {self._model!r})"

    def _request_all(self, texts: Sequence[str]) -> list[Any]:
        return [
            vector for start in range(0, len(texts), BATCH) for vector in self._request(texts[start : start + BATCH])
        ]

    def _request(self, texts: Sequence[str]) -> list[Any]:
        body = json.dumps({"model": self._model, "input": list(texts)}).encode()
        headers = {"Content-Type": "application/json"}
        if self._api_key:
            headers["Authorization"] = f"Bearer {self._api_key}"
        request = urllib.request.Request(self._url, data=body, headers=headers)  # noqa: S310  # the user's own address
        answer = self._send(request)
        try:
            rows = sorted(answer["data"], key=lambda row: row["index"])
            return [row["embedding"] for row in rows]
        except (KeyError, TypeError) as error:
            raise EmbeddingFailed(model=self._model, detail=f"{self._url} gave no embeddings: {error!r}") from error

    def _send(self, request: urllib.request.Request) -> Mapping[str, Any]:
        pause = FIRST_PAUSE
        for attempt in range(1, ATTEMPTS + 1):
            try:
                with urllib.request.urlopen(request, timeout=self._timeout) as response:  # noqa: S310
                    answer: Mapping[str, Any] = json.load(response)
                    return answer
            except urllib.error.HTTPError as error:
                detail = f"{self._url} answered {error.code} {error.reason}: {error.read(300).decode(errors='replace')}"
                if error.code not in PASSING or attempt == ATTEMPTS:
                    raise EmbeddingFailed(model=self._model, detail=detail) from None
                pause = _asked_pause(error.headers.get("Retry-After"), pause)
            except (OSError, ValueError) as error:  # no connection, a time-out, or no JSON
                if attempt == ATTEMPTS:
                    raise EmbeddingFailed(model=self._model, detail=f"{self._url}: {error}") from error
            time.sleep(min(pause, LONGEST_PAUSE))
            pause *= 2
        raise AssertionError  # the last attempt returns or raises


def _asked_pause(header: str | None, otherwise: float) -> float:
    try:
        return max(0.0, float(header)) if header else otherwise
    except ValueError:  # a date, which is rare
        return otherwise
