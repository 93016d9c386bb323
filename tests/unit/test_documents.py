from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memos_core import Document, Kind, Trust
from memos_core.errors import InvalidText, TooLarge
from memos_core.interface.reader.documents import TARGET, read_document

NOW = datetime(2024, 5, 8, tzinfo=timezone.utc)


def read(text: str, media_type: str = "text/markdown", **fields: object) -> list[object]:
    document = Document(text=text, media_type=media_type, **fields)
    return read_document(document, namespace=("a",), now=NOW)


blocks = st.sampled_from(
    [
        "# Title\n",
        "## Part\n\n",
        "A line.\n",
        "\n",
        "- item\n",
        "```\ncode # not a title\n\n```\n",
        "x" * 1500,
        " word " * 400,
        "\r\n",
        "~~~\nopen",
    ]
)


@given(st.lists(blocks, min_size=1, max_size=12).map("".join), st.sampled_from(["text/markdown", "text/plain"]))
def test_passages_together_are_the_document(text: str, media_type: str) -> None:
    if not text.strip():
        return
    contents = read(text, media_type)
    assert "".join("".join(content.text for content in contents).split()) == "".join(text.split())
    assert all(len(content.text) <= TARGET for content in contents)
    assert [content.provenance.position for content in contents] == sorted({c.provenance.position for c in contents})


def test_a_heading_begins_a_passage_and_stands_in_its_metadata() -> None:
    contents = read("# Drinks\n\nIntro.\n\n## Tea\n\nGreen tea.\n\n# Food\n\nBread.\n", title="Menu")
    assert [(content.metadata["heading"], content.text.split("\n")[0]) for content in contents] == [
        ("Drinks", "# Drinks"), ("Drinks > Tea", "## Tea"), ("Food", "# Food"),
    ]  # fmt: skip
    assert contents[0].metadata["title"] == "Menu"


def test_a_code_fence_stays_whole() -> None:
    code = "```python\n" + "\n\n".join(f"x{n} = {n}  # not a heading" for n in range(20)) + "\n```\n"
    contents = read("# Code\n\n" + "Words before it. " * 60 + "\n\n" + code)
    assert any(code.strip() in content.text for content in contents)


def test_passages_are_documents_by_origin_and_trust() -> None:
    [content] = read("Seen by Clara yesterday.", "text/plain", id="d1", uri="file:d1.txt", at=NOW)
    assert (content.kind, content.governance.trust) == (Kind.DOCUMENT, Trust.DOCUMENT)
    assert (content.provenance.source_id, content.provenance.source_uri) == ("d1", "file:d1.txt")
    assert content.times[0].when.iso() == "2024-05-07"
    assert content.entities == ("Clara",)


@pytest.mark.parametrize(("text", "error"), [("  ", InvalidText), ("x" * 1_000_001, TooLarge), ("a\0", InvalidText)])
def test_what_is_no_text_is_refused(text: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        read(text)
