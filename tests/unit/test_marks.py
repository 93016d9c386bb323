"""Marks of turns: none that is stored can end a turn, and all else stays."""

import pytest

from memos_core.language.marks import inert


@pytest.mark.parametrize(
    "mark",
    ["<|im_end|>", "<|eot_id|>", "</s>", "<end_of_turn>", "[/INST]", "<<SYS>>", "</think>", "<\uff5cUser\uff5c>", "</tool_call>",
     "[TOOL_RESULTS]", "[SYSTEM_PROMPT]"],
)  # fmt: skip
def test_a_mark_is_broken_up_behind_its_first_sign(mark: str) -> None:
    assert inert(f"a{mark}b") == f"a{mark[0]} {mark[1:]}b"


@pytest.mark.parametrize("text", ["a < b | c", "<b>bold</b>", "x[0] [INSTANT]", "1<2", "[link](url)"])
def test_what_is_no_mark_stays(text: str) -> None:
    assert inert(text) == text
