"""A thousand words that occur nowhere else are erased with all that was made of them: no byte of any file has one."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from memos_core import Document, Limits, MemOS, Message
from memos_core.errors import CubeNotFound
from memos_core.operation.pipeline import summarise
from memos_core.testing.clock import ManualClock
from memos_core.testing.embedders import HashingEmbedder

MARKERS = 1_000
NOW = datetime(2026, 5, 4, tzinfo=timezone.utc)


def marked(memos: MemOS, markers: list[str]) -> list[str]:
    """Memories with markers in every place that a memory has; ids of those that others rest on."""
    talk = [
        Message(
            content=f"I live in {word.title()}, since yesterday, with {word}.",
            name=f"Ana {word.title()}",
            role="user",
            id=f"source {word}",
            metadata={"note": word, word: [1, {"deep": word}]},
        )
        for word in markers[:600]
    ]
    ids = [*memos.add(talk, namespace="a", session=f"talk {markers[0]}").ids]
    for word in markers[600:800]:
        document = Document(
            text=f"# {word}\n\nAll about {word}.", title=word, id=f"{word}.md", media_type="text/markdown"
        )
        ids += memos.add(document, namespace="a").ids
    for cube, word in zip(ids, markers[800:900], strict=False):
        memos.update(cube, f"It is {word} now.", tags=[word])
        memos.set_rights(cube, licence=word, watermark=word)
    for cube, word in zip(ids, markers[900:], strict=False):
        memos.derive(f"So {word} is near.", because=cube, tags=[word], metadata={"of": word})
    return ids


def test_no_byte_of_what_was_erased_is_in_any_file(tmp_path: Path) -> None:
    markers = [f"zq{secrets.token_hex(6)}" for _ in range(MARKERS)]
    clock = ManualClock(NOW)
    with MemOS.open(tmp_path / "vault.db", embedder=HashingEmbedder(), clock=clock) as memos:
        with memos.transaction():
            kept = [memos.add(f"Note {number} is about foxes.", namespace="a").ids[0] for number in range(50)]
            ids = marked(memos, markers)
        for source, target in zip(ids[:50], ids[50:], strict=False):
            memos.link(source, "explains", target)
        memos.link(ids[0], f"says {markers[0]} of", ids[1])
        memos.pipeline([summarise(words=50)], namespace="a", source_ids=[f"source {word}" for word in markers[:20]])
        memos.snapshot("then", namespace="a")
        memos.forget(ids[7], reason="asked for")
        memos.set_lifespan(ids[8], ttl=timedelta(hours=1))
        clock.advance(timedelta(days=2))
        memos.add("We talk on.", namespace="a", session=f"talk {markers[0]}")
        memos.tick(limits=Limits(episode=10))
        assert markers[650] in memos.search(markers[650], namespace="a", limit=5)[0].cube.text

        everything = [cube for cube in memos.list(namespace="a", states=STATES, limit=9_999) if cube.id not in kept]
        receipt = memos.erase({*ids, *(cube.id for cube in everything if not cube.provenance.derived_from)})
        assert set(ids) <= set(receipt.cubes)
        assert memos.verify() == []
        assert {cube.id for cube in memos.list(namespace="a", states=STATES, limit=9_999)} == set(kept)
        with pytest.raises(CubeNotFound):
            memos.get(ids[0])
    for file in tmp_path.iterdir():
        content = file.read_bytes().lower()
        assert [word for word in markers if word.encode() in content] == []


STATES = ("generated", "activated", "merged", "archived", "expired", "frozen")
