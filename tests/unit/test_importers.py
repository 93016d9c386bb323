"""Importers: what they make of files, and how they say what is wrong with one."""

import json
import os
from datetime import datetime, timezone
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from memos_core.errors import InvalidInput, InvalidText, TooLarge, UnknownFormat
from memos_core.infrastructure.exchange.importers import (
    PassedOver,
    Said,
    Written,
    array,
    detect,
    documents,
    jsonl,
    read,
)

SAMPLE = Path(__file__).parents[2] / "examples" / "conversation.jsonl"
AT = "2025-03-04T18:20:00+01:00"


def written(path: Path, *records: object, text: str | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text if text is not None else "".join(json.dumps(record) + "\n" for record in records), "utf-8")
    return path


def said(path: Path) -> list[Said]:
    items = list(read(path))
    assert all(isinstance(item, Said) for item in items)
    return items  # type: ignore[return-value]


# -- a message a line --------------------------------------------------------------------------------


def test_the_sample_conversation_is_what_its_page_says() -> None:
    items = said(SAMPLE)
    assert 80 <= len(items) <= 120
    assert len({item.session for item in items}) in range(6, 9)
    assert len({item.message.id for item in items}) == len(items)
    assert {item.message.name for item in items} == {"Mira", "Jonas"}
    moments = [item.message.at for item in items]
    assert all(moments)
    assert moments == sorted(moments)  # type: ignore[type-var]


def test_a_line_becomes_a_message_of_its_session(tmp_path: Path) -> None:
    record = {
        "session": "s", "id": "1", "at": AT, "name": "Mira", "role": "user", "content": "Hello", "metadata": {"n": 1},
    }  # fmt: skip
    [item] = said(written(tmp_path / "chat.jsonl", record))
    assert (item.where, item.session) == ("chat.jsonl, line 1", "s")
    assert item.message.model_dump(mode="json") == {key: value for key, value in record.items() if key != "session"}


def test_without_ids_the_file_and_the_line_name_a_message(tmp_path: Path) -> None:
    here = written(tmp_path / "a" / "chat.jsonl", text='{"content": "one"}\n\n{"content": "two"}\n')
    there = written(tmp_path / "b" / "chat.jsonl", {"content": "one"})
    first, second = said(here)
    assert first.message.id == f"{first.session}:1"
    assert second.message.id == f"{first.session}:3"
    assert said(here) == [first, second]
    assert said(there)[0].message.id != first.message.id
    assert str(tmp_path) not in str(first.message.id)


def test_a_mark_at_the_start_of_the_file_is_not_text(tmp_path: Path) -> None:
    path = tmp_path / "chat.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"content": "one"}\r\n{"content": "two"}')
    assert [item.message.content for item in said(path)] == ["one", "two"]


@pytest.mark.parametrize(
    "line",
    [
        "{not json",
        '"a text"',
        "[1]",
        '{"content": "x", "contnet": "y"}',
        '{"content": "x", "content": "y"}',
        '{"content": 7}',
        '{"role": "user"}',
        '{"content": "x", "at": "2025-03-04T18:20:00"}',
        '{"content": "x", "at": "last Friday"}',
        '{"content": "x", "session": ""}',
        '{"content": "x", "session": 3}',
        '{"content": "x", "metadata": {"n": NaN}}',
        '{"content": "x", "metadata": [1]}',
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: str) -> None:
    path = written(tmp_path / "chat.jsonl", text=f'{{"content": "fine"}}\n\n{line}\n')
    with pytest.raises(InvalidInput, match=r"chat\.jsonl, line 3"):
        list(read(path))


def test_bytes_that_are_not_utf8_are_named_by_line(tmp_path: Path) -> None:
    path = tmp_path / "chat.jsonl"
    path.write_bytes(b'{"content": "fine"}\n{"content": "caf\xe9"}\n')
    with pytest.raises(InvalidText, match=r"line 2.*UTF-8"):
        list(read(path))


def test_a_line_without_end_is_refused_before_it_fills_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jsonl, "MAX_LINE", 100)
    with pytest.raises(TooLarge, match="line 2"):
        list(read(written(tmp_path / "chat.jsonl", {"content": "x"}, {"content": "x" * 100})))


# -- a list of chat messages -------------------------------------------------------------------------


def test_chat_messages_become_one_conversation(tmp_path: Path) -> None:
    path = written(
        tmp_path / "chat.json",
        [
            {"role": "system", "content": "Be kind."},
            {"role": "user", "name": "Mira", "content": [{"type": "text", "text": "Look:"}, {"type": "image_url"}]},
            {"role": "assistant", "content": None, "tool_calls": [{"id": "c1"}]},
            {"role": "tool", "content": "18 degrees", "tool_call_id": "c1", "created_at": AT},
            {"role": "assistant", "content": ["a", {"type": "output_text", "text": "b"}], "id": 7, "at": 1741108800},
        ],
    )
    items = list(read(path))
    messages = [item.message for item in items if isinstance(item, Said)]
    source = items[0].session  # type: ignore[union-attr]
    assert [message.content for message in messages] == ["Be kind.", "Look:", "18 degrees", "a\nb"]
    assert [message.role for message in messages] == ["system", "user", "tool", "assistant"]
    assert messages[1].metadata == {"left_out": ["image_url"]}
    assert messages[2].metadata == {"tool_call_id": "c1"}
    assert messages[2].at == datetime.fromisoformat(AT)
    assert messages[3].at == datetime(2025, 3, 4, 17, 20, tzinfo=timezone.utc)
    assert (messages[0].id, messages[3].id) == (f"{source}:1", f"{source}#7")
    assert items[2] == PassedOver("chat.json, line 1", "a message without text")


def test_a_bad_chat_message_is_named_by_the_line_it_begins_on(tmp_path: Path) -> None:
    text = json.dumps([{"role": "user", "content": "fine"}, {"role": "user", "content": 7}], indent=2)
    with pytest.raises(InvalidInput, match=r"chat\.json, line 6"):
        list(read(written(tmp_path / "chat.json", text=text)))


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[", 1),
        ("[\n{}", 2),
        ('[{"content": "x"}\n{"content": "y"}]', 2),
        ('[{"content": "x"},\n]', 2),
        ('[{"content": "x"}]\n\n[]', 3),
        ('[{"content": "x"},\n{"content: "y"}]', 2),
        ("[[[[", 1),
        ('["text"]', 1),
        ('[{"role": "user"}]', 1),
        ('[{"content": "x", "metadata": 1}]', 1),
        ('[{"content": {"type": "text"}}]', 1),
        ('[{"content": [7]}]', 1),
        ("[" * 100_000, 1),
    ],
    ids=range(13),
)
def test_a_broken_list_is_refused_with_its_line(tmp_path: Path, text: str, line: int) -> None:
    with pytest.raises(InvalidInput, match=f"line {line}"):
        list(read(written(tmp_path / "chat.json", text=text)))


def test_a_list_with_other_bytes_than_utf8_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "chat.json"
    path.write_bytes(b'[{"content": "caf\xe9"}]')
    with pytest.raises(InvalidText, match="UTF-8"):
        list(read(path))


def test_a_member_without_end_is_refused_before_it_fills_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(array, "CHUNK", 10)
    monkeypatch.setattr(array, "MAX_MEMBER", 100)
    with pytest.raises(TooLarge):
        list(read(written(tmp_path / "chat.json", [{"content": "x" * 1000}])))


scalars = st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.floats(allow_nan=False)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
)


@given(
    members=st.lists(values, max_size=5),
    indent=st.none() | st.integers(0, 2),
    chunk=st.integers(1, 30),
    is_ascii=st.booleans(),
)
@example(members=[0.0], indent=None, chunk=1, is_ascii=False)
def test_an_array_read_in_any_pieces_is_the_array(
    tmp_path_factory: pytest.TempPathFactory, members: list[object], indent: int | None, chunk: int, is_ascii: bool
) -> None:
    path = tmp_path_factory.mktemp("array") / "list.json"
    text = json.dumps(members, indent=indent, ensure_ascii=is_ascii)
    path.write_text(text, "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(array, "CHUNK", chunk)
        with path.open("rb") as stream:
            found = list(array.members(stream, path.name))
    assert [value for _, value in found] == members
    before = [len(json.dumps(members[:count], indent=indent).split("\n")) for count in range(len(members))]
    assert [line for line, _ in found] == [1 if indent is None else max(2, lines) for lines in before]


# -- texts -------------------------------------------------------------------------------------------


def test_a_text_becomes_a_document_dated_by_its_file(tmp_path: Path) -> None:
    path = written(tmp_path / "Tea time.md", text="# Tea\n\nGreen.")
    os.utime(path, (1_741_108_800, 1_741_108_800))
    [item] = read(path)
    assert isinstance(item, Written)
    assert (item.where, item.document.title, item.document.media_type) == ("Tea time.md", "Tea time", "text/markdown")
    assert item.document.text == "# Tea\n\nGreen."
    assert item.document.at == datetime(2025, 3, 4, 17, 20, tzinfo=timezone.utc)
    assert str(item.document.id).startswith("Tea time.md@")


def test_a_folder_is_read_in_order_with_what_is_passed_over_told(tmp_path: Path) -> None:
    for name in ("b.md", "a.txt", "deep/c.markdown", ".git/config.txt", "deep/.hidden.md"):
        written(tmp_path / name, text=f"text of {name}")
    written(tmp_path / "empty.md", text=" \n")
    written(tmp_path / "image.png", text="png")
    items = list(read(tmp_path))
    assert [item.where for item in items] == ["a.txt", "b.md", "empty.md", "image.png", "deep/c.markdown"]
    assert [item.why for item in items if isinstance(item, PassedOver)] == ["empty", "neither text nor Markdown"]


def test_a_file_has_the_same_id_alone_and_in_its_folder(tmp_path: Path) -> None:
    path = written(tmp_path / "notes" / "tea.md", text="Green.")
    [alone], [among] = read(path), read(tmp_path)
    assert isinstance(alone, Written)
    assert isinstance(among, Written)
    assert alone.document == among.document


def test_a_circle_of_links_ends(tmp_path: Path) -> None:
    written(tmp_path / "a.txt", text="text")
    (tmp_path / "round").symlink_to(tmp_path, target_is_directory=True)
    assert [item.where for item in read(tmp_path)] == ["a.txt"]


def test_a_text_in_another_encoding_is_named_by_line(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(b"fine\nfine\ncaf\xe9\n")
    with pytest.raises(InvalidText, match=r"notes\.txt, line 3"):
        list(read(path))


def test_a_huge_text_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.txt"
    with path.open("wb") as stream:
        stream.truncate(documents.MAX_FILE + 1)
    with pytest.raises(TooLarge, match=r"huge\.txt"):
        list(read(path))


# -- which format ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("a.jsonl", "", "jsonl"),
        ("a.NDJSON", "", "jsonl"),
        ("a.json", " \n[", "chat"),
        ("a.txt", "", "document"),
        ("a.md", "", "document"),
        ("a.Markdown", "", "document"),
    ],
)
def test_the_format_is_found_out(tmp_path: Path, name: str, text: str, expected: str) -> None:
    assert detect(written(tmp_path / name, text=text)) == expected


def test_a_folder_holds_documents(tmp_path: Path) -> None:
    assert detect(tmp_path) == "document"


@pytest.mark.parametrize(("name", "text"), [("a.json", '{"a": 1}'), ("a.json", ""), ("a.pdf", "%PDF"), ("README", "x")])
def test_an_unknown_format_is_refused_with_those_that_are_known(tmp_path: Path, name: str, text: str) -> None:
    path = written(tmp_path / name, text=text)
    with pytest.raises(UnknownFormat, match=r"\.json"):
        read(path)


def test_a_format_can_be_named(tmp_path: Path) -> None:
    path = written(tmp_path / "README", text="Read me.")
    [item] = read(path, "document")
    assert isinstance(item, Written)
    assert item.document.media_type == "text/plain"
    with pytest.raises(InvalidInput, match="jsonl, chat, document"):
        read(path, "pdf")


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    for name in ("none.jsonl", "none.txt"):
        with pytest.raises(InvalidInput, match="cannot be read"):
            list(read(tmp_path / name))
