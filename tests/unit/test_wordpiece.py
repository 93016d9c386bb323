"""Our WordPiece against the reference implementation, over the vocabulary that ships."""

import unicodedata
from functools import cache
from importlib.resources import files

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import BertWordPieceTokenizer

from memos_core.infrastructure.models.minilm import MiniLM
from memos_core.infrastructure.models.wordpiece import WordPiece

OURS: WordPiece = MiniLM()._tokenizer


@cache
def reference() -> BertWordPieceTokenizer:
    path = files("memos_core.infrastructure.models") / "data" / "bert_uncased_vocab.txt"
    return BertWordPieceTokenizer(str(path), lowercase=True)


def long_assigned(char: str) -> bool:
    """Characters that every library's Unicode tables know alike."""
    return unicodedata.ucd_3_2_0.category(char) == unicodedata.category(char) not in {"Cn", "Cs"}


characters = st.one_of(
    st.sampled_from("abcdefghij ABC 0123 .,!?'-\n\t"), st.characters(max_codepoint=0x2FFFF).filter(long_assigned)
)


@settings(max_examples=400, deadline=None)
@given(st.text(characters, max_size=60))
def test_tokens_are_those_of_the_reference(text: str) -> None:
    assert [token.id for token in OURS.tokenize(text)] == reference().encode(text, add_special_tokens=False).ids


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "\u00dcnbelievable na\u00efvet\u00e9", "don't stop-me.now", "\u6f22\u5b57 and \u304b\u306a", "a" * 100, "a" * 101, "\u00c5ngstr\u00f6m",
        "x\u0301y", "zero\u200bwidth", "tab\tand\r\nnewline", "price: 3,50\u20ac (\u00a32)", "\U0001f600 smile", "\u0130stanbul", "\ufffd",
    ],
)  # fmt: skip
def test_hard_cases_are_those_of_the_reference(text: str) -> None:
    expected = reference().encode(text, add_special_tokens=False)
    assert [token.id for token in OURS.tokenize(text)] == expected.ids


def test_offsets_point_into_the_original_text() -> None:
    text = "Caf\u00e9 na\u00efvet\u00e9, unbelievably \u6f22\u5b57!"
    found = [text[token.start : token.end] for token in OURS.tokenize(text)]
    assert "".join(found) == text.replace(" ", "")
    assert found[0] == "Caf\u00e9"


def test_the_names_of_special_tokens_are_ordinary_text() -> None:
    assert not {OURS.start, OURS.end} & {token.id for token in OURS.tokenize("[CLS] is no start and [SEP] no end")}
