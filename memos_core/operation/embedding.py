"""Vectors for contents: cut, looked up, and embedded only where they are not known yet."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from memos_core.cube.memcube import Content
from memos_core.errors import EmbeddingFailed
from memos_core.ports import Embedder, EmbeddingSpec, Part, Span

if TYPE_CHECKING:
    from memos_core.ports import Vector

BATCH = 256  # texts a call, so that progress can be shown and memory stays bounded
#: What stands between form feeds, which end the pages of a plain text.
_PAGE = re.compile(r"[^\f]+")


def parts_of(
    contents: Mapping[str, Content],
    *,
    embedder: Embedder,
    known: Callable[[Sequence[str], EmbeddingSpec], Mapping[str, Vector]],
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, tuple[Part, ...]]:
    """Cut every content into pages, and these into spans that fit the embedder, and give each span its vector.

    Parameters
    ----------
    contents
        By any key; those without text are left out.
    known
        Finds vectors held already.
    progress
        Called with the number of texts done and in all, after every batch.

    Returns
    -------
    dict
        By the same key.

    Raises
    ------
    EmbeddingFailed
        If the embedder gives more or fewer vectors than texts.
    """
    cuts = _cuts(contents, embedder)
    wanted = list(dict.fromkeys(text for cut in cuts.values() for _, text in cut))
    vectors = dict(known(wanted, embedder.spec))
    missing = [text for text in wanted if text not in vectors]
    for start in range(0, len(missing), BATCH):
        chunk = missing[start : start + BATCH]
        vectors.update(_vectors(embedder, chunk))
        if progress:
            progress(start + len(chunk), len(missing))
    return {key: tuple(Part(span, text, vectors[text]) for span, text in cut) for key, cut in cuts.items()}


def texts_of(contents: Mapping[str, Content], *, embedder: Embedder) -> list[str]:
    """The texts that vectors of these contents are made for, each once."""
    return list(dict.fromkeys(text for cut in _cuts(contents, embedder).values() for _, text in cut))


def _cuts(contents: Mapping[str, Content], embedder: Embedder) -> dict[str, list[tuple[Span, str]]]:
    return {
        key: [(span, embedded_text(content, span)) for span in _spans(content.text, embedder)]
        for key, content in contents.items()
        if content.text
    }


def _spans(text: str, embedder: Embedder) -> list[Span]:
    """Each page by itself: what stands on several is of several things, and near to a question by any of them."""
    pages = [page.span() for page in _PAGE.finditer(text) if page.group().strip()] or [(0, len(text))]
    cut = (Span(begin + start, begin + end) for begin, stop in pages for start, end in embedder.spans(text[begin:stop]))
    return [span for span in cut if text[span.start : span.end].strip()]  # a cut may leave a blank behind a long word


def _vectors(embedder: Embedder, texts: Sequence[str]) -> dict[str, Vector]:
    rows = embedder.embed(texts)
    if len(rows) != len(texts):
        detail = f"it gave {len(rows)} vectors for {len(texts)} texts. It must give one for each, in order."
        raise EmbeddingFailed(model=embedder.spec.model, detail=detail)
    return dict(zip(texts, rows, strict=True))


def embedded_text(content: Content, span: Span) -> str:
    """The words that stand for a span: its own, and who said them, for a question may name the speaker."""
    said = content.text[span.start : span.end]
    return f"{content.provenance.speaker}: {said}" if content.provenance.speaker else said
