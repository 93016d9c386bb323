"""One set of vectors for all systems: whatever asks for a text's vector gets the one that the others got."""

from __future__ import annotations

import hashlib
import threading
import time
import zipfile
from collections.abc import Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from memos_core import Embedder, EmbeddingSpec
from memos_core.errors import EmbedderMismatch, InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterator

    from memos_core.ports import Span, Vector

BATCH = 64  # texts a call of the model


class SharedVectors:
    """An embedder that embeds every text once, and knows how long that took.

    Attributes
    ----------
    seconds
        Spent in the model so far. What a system takes beside it is the system's own.
    asked
        Digests of the passages that were asked for since this was last cleared, so that it can be told whether a
        system embeds the texts that all others do.
    """

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._known: dict[str, Vector] = {}
        self._lock = threading.Lock()
        self.seconds = 0.0
        self.asked: set[str] = set()

    @property
    def spec(self) -> EmbeddingSpec:
        """What its vectors are comparable with."""
        return self._embedder.spec

    def embed(self, texts: Sequence[str]) -> Vector:
        """Embed passages: ``(n, dim)`` float32, rows of length one."""
        import numpy as np

        with self._lock:
            self.asked.update(_key("passage", text) for text in texts)
            missing = [text for text in dict.fromkeys(texts) if _key("passage", text) not in self._known]
            for start in range(0, len(missing), BATCH):
                chunk = missing[start : start + BATCH]
                with self._timed():
                    rows = self._embedder.embed(chunk)
                self._known.update({_key("passage", text): row for text, row in zip(chunk, rows, strict=True)})
        if not texts:
            return np.zeros((0, self.spec.dim), np.float32)
        return np.stack([self._known[_key("passage", text)] for text in texts])

    def embed_query(self, text: str) -> Vector:
        """Embed a question: ``(dim,)`` float32 of length one."""
        key = _key("question", text)
        with self._lock:
            if key not in self._known:
                with self._timed():
                    self._known[key] = self._embedder.embed_query(text)
        return self._known[key]

    def others(self, texts: Sequence[str]) -> int:
        """How many passages other than these were asked for."""
        return len(self.asked - {_key("passage", text) for text in texts})

    def spans(self, text: str) -> list[Span]:
        """Cut a text into spans that fit the model."""
        return self._embedder.spans(text)

    def count_tokens(self, text: str) -> int:
        """Length in tokens of the model."""
        return self._embedder.count_tokens(text)

    def save(self, path: Path) -> None:
        """Keep the vectors for the next run."""
        import numpy as np

        new = path.with_suffix(".new.npz")
        vectors = np.stack(list(self._known.values())) if self._known else np.zeros((0, self.spec.dim), np.float32)
        np.savez(new, spec=np.array([str(self.spec)]), keys=np.array(list(self._known)), vectors=vectors)
        new.replace(path)

    def load(self, path: Path) -> None:
        """Take the vectors that an earlier run kept, if there are any.

        Raises
        ------
        EmbedderMismatch
            If they are another model's.
        InvalidInput
            If the file is damaged.
        """
        import numpy as np

        if not path.exists():
            return
        try:
            with np.load(path, allow_pickle=False) as kept:
                spec, keys, vectors = str(kept["spec"][0]), kept["keys"].tolist(), kept["vectors"]
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise InvalidInput(detail=f"{path} is damaged ({error}). Remove it, and it is made anew.") from error
        if spec != str(self.spec):
            raise EmbedderMismatch(expected=spec, actual=str(self.spec))
        self._known.update(zip(keys, vectors, strict=True))

    @contextmanager
    def _timed(self) -> Iterator[None]:
        started = time.perf_counter()
        try:
            yield
        finally:
            self.seconds += time.perf_counter() - started


def _key(use: str, text: str) -> str:
    return hashlib.sha256(f"{use}\0{text}".encode("utf-8", "surrogatepass")).hexdigest()
