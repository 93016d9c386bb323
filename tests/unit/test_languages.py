# ruff: noqa: RUF001 - the marks of other scripts are what is tested
"""Other languages: found by their words, though the default embedder and the time rules know English."""

from datetime import datetime, timezone
from pathlib import Path

import pytest

from memos_core import MemOS, Message

SAID = datetime(2025, 3, 4, 18, tzinfo=timezone.utc)
TALKS = {
    "Chinese": (["我姐姐去年搬到了里斯本。", "今天下雨了。", "我养了一只猫，叫豆豆。"], "猫叫什么名字？", 2),
    "Japanese": (["姉は去年リスボンに引っ越しました。", "今日は雨です。", "猫を飼っています。名前はまめです。"], "リスボンに住んでいるのは誰？", 0),
    "Korean": (["언니는 작년에 리스본으로 이사했어요.", "오늘 비가 와요.", "고양이를 키워요. 이름은 콩이에요."], "고양이 이름", 2),
    "German": (["Meine Schwester zog voriges Jahr nach Köln.", "Es regnet.", "Unsere Hündin heißt Bärbel."], "Wie heisst die Hundin?", 2),
    "French": (["Ma sœur a déménagé à Besançon.", "Il pleut.", "Notre chat s'appelle Félix."], "Qui habite a Besancon ?", 0),
}  # fmt: skip


@pytest.mark.parametrize("language", TALKS)
def test_a_talk_is_remembered_found_and_written_down(language: str, tmp_path: Path) -> None:
    said, question, answer = TALKS[language]
    with MemOS.open(tmp_path / "memory.db") as memos:
        memos.add([Message(content=text, name="Ana", at=SAID) for text in said], namespace="a")
        best = memos.search(question, namespace="a")[0]
        assert best.cube.text == said[answer]
        assert best.why["text"] > 0
        assert said[answer] in memos.context(question, namespace="a").text
        assert list(memos.verify()) == []
        memos.rebuild()
        assert memos.search(question, namespace="a")[0].cube.text == said[answer]


def test_what_is_erased_leaves_nothing_of_its_letters(tmp_path: Path) -> None:
    with MemOS.open(tmp_path / "memory.db") as memos:
        [cube] = memos.add("密码是豆腐乳", namespace="a").written
        memos.erase(cube.id, reason="asked")
        assert memos.search("豆腐乳", namespace="a") == []
    held = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert not any(text.encode() in held for text in ("豆腐乳", " 豆  腐  乳 ", "豆", "腐"))
