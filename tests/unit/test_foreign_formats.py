"""What others exported: what becomes of it, what is passed over, and what is refused. And back, where both ways go."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from memos_core import MemOS
from memos_core.cube.memcube import Kind, MemCube
from memos_core.errors import InvalidInput, TooLarge, UnknownFormat
from memos_core.infrastructure.exchange.exporters import FORMS, write
from memos_core.infrastructure.exchange.exporters.mcp_memory import lines
from memos_core.infrastructure.exchange.importers import FORMATS, detect, read, records
from memos_core.infrastructure.exchange.importers.frameworks import langgraph_store, llamaindex_chat_store
from memos_core.infrastructure.exchange.importers.source import Item, Noted, PassedOver, Said, Written
from memos_core.system.importing import check, take_in
from memos_core.testing.embedders import HashingEmbedder

DATA = Path(__file__).parents[1] / "data" / "imports"
FIXTURES = {
    "chatgpt": "chatgpt",
    "claude": "claude",
    "mem0": "mem0.json",
    "mcp": "memory.jsonl",
    "letta": "agent.af",
    "memtensor": "memtensor",
    "pam": "pam",
    "table": "notes.csv",
}


def items(name: str) -> list[Item]:
    return list(read(DATA / name))


def said(found: list[Item]) -> list[tuple[str, str]]:
    return [(item.message.role, item.message.content) for item in found if isinstance(item, Said)]


def noted(found: list[Item]) -> list[str]:
    return [item.note.text for item in found if isinstance(item, Noted)]


def written(found: list[Item]) -> list[str]:
    return [item.document.text for item in found if isinstance(item, Written)]


def passed(found: list[Item]) -> list[str]:
    return [item.why for item in found if isinstance(item, PassedOver)]


@pytest.fixture
def memos() -> Iterator[MemOS]:
    with MemOS.open(":memory:", embedder=HashingEmbedder()) as opened:
        yield opened


# -- each format -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("form", "name"), [*FIXTURES.items(), ("table", "notes.jsonl")])
def test_the_format_is_found_out(form: str, name: str) -> None:
    assert detect(DATA / name) == form
    assert check(read(DATA / name), namespace="ana").taken > 0


@pytest.mark.parametrize("form", ["chatgpt", "claude", "memtensor", "pam"])
def test_a_zip_of_a_folder_reads_as_the_folder_does(form: str, tmp_path: Path) -> None:
    target = tmp_path / "export.zip"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted((DATA / form).rglob("*")):
            archive.write(file, file.relative_to(DATA / form).as_posix())
    assert detect(target) == form
    assert list(read(target)) == items(form)


def test_chatgpt_takes_the_branch_that_was_left_last(memos: MemOS) -> None:
    found = items("chatgpt")
    assert said(found) == [
        ("user", "When do I plant out my tomatoes?"),
        ("assistant", "After the last frost, in mid-May."),
        ("user", "Is this one ripe?"),
    ]
    assert noted(found) == ["I garden in Utrecht.", "Answer in metric units."]
    question = next(item for item in found if isinstance(item, Said))
    assert question.session == "chatgpt:6639-garden"
    assert question.message.at == datetime.fromtimestamp(1715000001, tz=timezone.utc)
    assert question.message.metadata == {"title": "A garden in May"}
    picture = [item for item in found if isinstance(item, Said)][-1]
    assert picture.message.metadata["left_out"] == ["image_asset_pointer"]
    assert "1 messages of branches that were left" in passed(found)
    assert "a model's reasoning" in passed(found)
    take_in(memos, found, namespace="ana")
    (cube,) = memos.list(namespace="ana", source_ids=["chatgpt:u2"])
    assert cube.provenance.position == 2


def test_chatgpt_without_a_last_node_takes_the_latest_message(tmp_path: Path) -> None:
    (conversation,) = json.loads((DATA / "chatgpt" / "conversations.json").read_text("utf-8"))
    del conversation["current_node"]
    path = tmp_path / "conversations.json"
    path.write_text(json.dumps([conversation]), "utf-8")
    assert said(list(read(path)))[-1] == ("user", "Is this one ripe?")


def test_chatgpt_whose_nodes_go_round_in_circles_ends(tmp_path: Path) -> None:
    (conversation,) = json.loads((DATA / "chatgpt" / "conversations.json").read_text("utf-8"))
    conversation["mapping"]["root"]["parent"] = "a3"
    path = tmp_path / "conversations.json"
    path.write_text(json.dumps([conversation]), "utf-8")
    assert len(said(list(read(path)))) == 3


def test_claude_gives_messages_attachments_memory_and_projects() -> None:
    found = items("claude")
    assert said(found) == [
        ("user", "I fly to Lisbon tomorrow. What should I pack?"),
        ("assistant", "A raincoat: March is wet there."),
    ]
    assert written(found) == [
        "Seat 14C, gate B, at 10:40.",
        "**Travel**\n\nThe user flies often and packs light.",
        "The project is a walking guide.",
        "# Alfama\n\nBegin at the cathedral.",
    ]
    first, second = (item.message for item in found if isinstance(item, Said))
    assert first.metadata == {"title": "A trip to Lisbon", "files": ["passport.png"]}
    assert second.metadata["left_out"] == ["thinking", "tool_use"]
    assert first.at == datetime(2025, 3, 1, 9, 0, 1, tzinfo=timezone.utc)


def test_mem0_gives_its_memories_with_owner_category_and_time() -> None:
    found = items("mem0.json")
    assert noted(found) == ["Is allergic to peanuts", "Moved to Porto last week"]
    first = next(item.note for item in found if isinstance(item, Noted))
    assert first.id == "mem0:892db2ae-06d9-49e5-8b3e-585ef9b85b8e"
    assert first.tags == ("health",)
    assert (first.metadata["category"], first.metadata["user_id"], first.metadata["role"]) == ("health", "ana", "user")
    assert first.at == datetime(2025, 1, 5, 10, 11, 34, 120000, tzinfo=timezone.utc)
    assert passed(found) == ["a memory without text"]


def test_times_in_a_note_count_from_when_it_was_made(memos: MemOS) -> None:
    take_in(memos, items("mem0.json"), namespace="ana")
    (moved,) = [cube for cube in memos.list(namespace="ana") if "Porto" in cube.text]
    assert "2025-02-0" in moved.times[0].when.iso()


def test_a_graph_of_the_mcp_server_gives_observations_and_claims() -> None:
    found = items("memory.jsonl")
    assert noted(found) == [
        "Ana: Speaks Portuguese",
        "Ana graduated in 2019",
        "Harbour Labs: organization",
        "Ana works at Harbour Labs.",
    ]
    (claim,) = [item.note for item in found if isinstance(item, Noted)][-1].claims
    assert (claim.subject, claim.predicate, claim.object) == ("Ana", "works at", "Harbour Labs")


def test_letta_gives_blocks_and_messages_and_never_code() -> None:
    found = items("agent.af")
    assert noted(found) == ["Name: Ana\nLikes: museums"]
    assert said(found) == [("user", "I like quiet museums."), ("assistant", "Then go early.")]
    assert "os.system" not in repr(found)
    assert "of tools, which are not memories" in passed(found)


def test_a_cube_of_memtensor_is_read_without_its_pickle_and_keys() -> None:
    found = items("memtensor")
    assert noted(found) == ["Ana prefers morning meetings."]
    note = next(item.note for item in found if isinstance(item, Noted))
    assert (note.kind, note.tags, note.entities) == (Kind.PREFERENCE, ("work",), ("Ana",))
    assert "not read: a pickle runs code" in passed(found)
    assert "sk-not-a-key" not in repr(found)


def test_portable_memory_gives_memories_with_their_times_and_conversations() -> None:
    found = items("pam")
    assert noted(found) == ["Prefers tea to coffee.", "Worked in Braga.", "Has a boat licence."]
    assert said(found) == [("user", "Green tea, please."), ("assistant", "Of course.")]
    worked = [item.note for item in found if isinstance(item, Noted)][1]
    assert (worked.at, worked.until) == (
        datetime(2020, 1, 1, tzinfo=timezone.utc),
        datetime(2022, 6, 30, tzinfo=timezone.utc),
    )
    assert "it is superseded" in passed(found)


def test_a_table_gives_notes_and_its_other_columns_as_metadata() -> None:
    found = items("notes.csv")
    assert noted(found) == ["Prefers window seats", 'He said "no", twice']
    note = next(item.note for item in found if isinstance(item, Noted))
    assert (note.kind, note.tags, note.speaker) == (Kind.PREFERENCE, ("travel", "trains"), "Ana")
    assert note.metadata == {"room": "12"}
    (line,) = items("notes.jsonl")
    assert isinstance(line, Noted)
    assert (line.note.id, line.note.tags, line.note.metadata) == ("7", ("sport",), {"place": "park"})
    assert line.note.at == datetime(2025, 1, 1, tzinfo=timezone.utc)


def test_a_langgraph_store_is_read_page_by_page(memos: MemOS) -> None:
    made = datetime(2025, 1, 1, tzinfo=timezone.utc)
    held = [
        SimpleNamespace(namespace=("ana", "likes"), key=str(n), value={"text": f"Likes {n}."}, created_at=made)
        for n in range(250)
    ]
    held.append(SimpleNamespace(namespace=("ana",), key="x", value={"count": 3}, created_at=made))
    store = SimpleNamespace(search=lambda prefix, *, limit, offset: held[offset : offset + limit] if not prefix else [])
    imported = take_in(memos, langgraph_store(store), namespace="ana")
    assert (imported.notes, imported.written) == (250, 250)
    assert imported.passed_over[0][0] == "ana/x"


def test_a_real_langgraph_store_is_read() -> None:
    memory = pytest.importorskip("langgraph.store.memory")
    store = memory.InMemoryStore()
    store.put(("ana", "facts"), "a", {"text": "Keeps bees."})
    (item,) = langgraph_store(store, "ana")
    assert isinstance(item, Noted)
    assert (item.note.text, item.note.id) == ("Keeps bees.", "langgraph:ana/facts/a")


def test_times_of_a_langgraph_store_that_name_no_zone_are_of_utc() -> None:
    """LangGraph's SQLite store gives such."""
    item = SimpleNamespace(namespace=("ana",), key="k", value={"text": "Keeps bees."}, created_at=datetime(2025, 1, 1))  # noqa: DTZ001
    store = SimpleNamespace(search=lambda prefix, *, limit, offset: [item][offset:])
    (read,) = langgraph_store(store)
    assert isinstance(read, Noted)
    assert read.note.at == datetime(2025, 1, 1, tzinfo=timezone.utc)


def test_a_real_chat_store_of_llamaindex_is_read() -> None:
    llms = pytest.importorskip("llama_index.core.llms")
    stores = pytest.importorskip("llama_index.core.storage.chat_store")
    store = stores.SimpleChatStore()
    store.add_message("ana", llms.ChatMessage(role="user", content="I keep bees."))
    store.add_message("ana", llms.ChatMessage(role="assistant", content="How many hives?"))
    found = list(llamaindex_chat_store(store))
    assert said(found) == [("user", "I keep bees."), ("assistant", "How many hives?")]
    assert {item.session for item in found if isinstance(item, Said)} == {"llamaindex:ana"}


# -- into a vault, twice, and out again --------------------------------------------------------------


@pytest.mark.parametrize("name", FIXTURES.values())
def test_importing_twice_stores_nothing_twice(memos: MemOS, name: str) -> None:
    first = take_in(memos, items(name), namespace="ana")
    again = take_in(memos, items(name), namespace="ana")
    assert first.written > 0
    assert (again.written, again.unchanged) == (0, first.written)


def told(cube: MemCube) -> tuple[object, ...]:
    """What a form of others can carry."""
    provenance = cube.provenance
    return (cube.text, cube.kind, cube.occurred, cube.tags, provenance.source_id, provenance.role, cube.metadata)


def through(memos: MemOS, form: str, path: Path) -> list[MemCube]:
    """What is left of a memory that leaves in a form and comes back."""
    write(memos.list(namespace="ana", limit=1000), path, form)
    with MemOS.open(":memory:", embedder=HashingEmbedder()) as other:
        take_in(other, read(path), namespace="ana")
        return other.list(namespace="ana", limit=1000)


@pytest.mark.parametrize("name", ["chatgpt", "mem0.json", "memory.jsonl", "memtensor", "notes.csv", "pam"])
def test_notes_in_markdown_come_back_as_they_were(memos: MemOS, name: str, tmp_path: Path) -> None:
    take_in(memos, items(name), namespace="ana")
    back = through(memos, "markdown", tmp_path / "notes")
    assert sorted(map(told, back), key=str) == sorted(map(told, memos.list(namespace="ana", limit=1000)), key=str)


def test_notes_in_markdown_are_readable_and_can_be_changed(memos: MemOS, tmp_path: Path) -> None:
    take_in(memos, items("notes.csv"), namespace="ana/work")
    write(memos.list(namespace="ana"), tmp_path / "notes", "markdown")
    (file,) = (tmp_path / "notes" / "ana" / "work").glob("prefers-window-seats-*.md")
    text = file.read_text("utf-8")
    assert text.startswith('---\nmemcube: "note/1"\n')
    assert text.endswith("---\n\nPrefers window seats\n")
    file.write_text(text.replace("window seats\n", "aisle seats\n"), "utf-8")
    imported = take_in(memos, read(tmp_path / "notes"), namespace="ana/work")
    assert (imported.superseded, imported.unchanged) == (1, 1)


def test_a_graph_comes_back_as_it_was(memos: MemOS, tmp_path: Path) -> None:
    take_in(memos, items("memory.jsonl"), namespace="ana")
    back = through(memos, "mcp", tmp_path / "memory.jsonl")
    assert sorted(map(told, back), key=str) == sorted(map(told, memos.list(namespace="ana")), key=str)
    once = sorted((tmp_path / "memory.jsonl").read_text("utf-8").splitlines())
    assert once == sorted(lines(back), key=str) or len(once) == len(list(lines(back)))


def test_other_memories_become_a_graph_too(memos: MemOS) -> None:
    memos.add("Ana lives in Porto.", namespace="ana")
    found = [json.loads(line) for line in lines(memos.list(namespace="ana"))]
    assert {"type": "relation", "from": "Ana", "to": "Porto", "relationType": "lives in"} in found
    assert found[0]["observations"] == ["Ana lives in Porto."]


def test_a_memory_store_comes_back_as_it_was(memos: MemOS, tmp_path: Path) -> None:
    take_in(memos, items("pam"), namespace="ana")
    back = through(memos, "pam", tmp_path / "pam")
    assert sorted(map(told, back), key=str) == sorted(map(told, memos.list(namespace="ana")), key=str)
    store = json.loads((tmp_path / "pam" / "memory-store.json").read_text("utf-8"))
    known = json.loads((DATA / "pam" / "memory-store.json").read_text("utf-8"))
    by_id = {memory["id"]: memory for memory in store["memories"]}
    for memory in known["memories"]:
        if memory["status"] == "active":
            assert by_id[memory["id"]]["content_hash"] == memory["content_hash"]
            assert by_id[memory["id"]]["confidence"] == {"initial": 0.9, "current": 0.8, "decay_model": "time_linear"}
    assert store["relations"] == known["relations"]


@pytest.mark.parametrize("name", [*FIXTURES.values(), "conversation"])
def test_what_is_written_passes_the_validator_of_portable_memory(memos: MemOS, name: str, tmp_path: Path) -> None:
    pam = pytest.importorskip("portable_ai_memory")
    source = DATA / name if name != "conversation" else DATA.parents[2] / "examples" / "conversation.jsonl"
    take_in(memos, read(source), namespace="ana")
    write(memos.list(namespace="ana", limit=1000), tmp_path / "pam", "pam")
    for file in (tmp_path / "pam").rglob("*.json"):
        result = pam.validate(pam.load(file))
        assert result.is_valid, result


@pytest.mark.parametrize("form", FORMS)
def test_nothing_is_written_over(memos: MemOS, form: str, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    with pytest.raises(InvalidInput, match="there already"):
        write(memos.list(namespace="ana"), tmp_path / "there", form)
    with pytest.raises(InvalidInput, match="known are"):
        write((), tmp_path / "new", "pickle")


# -- broken, hostile, huge ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("form", "text", "where"),
    [
        ("chatgpt", '[\n{"mapping": {"a": {"message": {"content": 5}}}}]', "line 2"),
        ("chatgpt", '[{"mapping": 7}]', "mapping"),
        ("claude", '[{"chat_messages": [5]}]', "line 1"),
        ("claude", '[{"chat_messages": [{"text": 5}]}]', '"text"'),
        ("mem0", '{"results": [{"memory": "x"}, {"memory": 5}]}', "record 2"),
        ("mem0", '{"results": [{"memory": "x", "created_at": "soon"}]}', "soon"),
        ("mem0", "{}", "results"),
        ("mcp", '{"type": "entity", "name": "a", "observations": [1]}', "line 1"),
        ("mcp", '{"type": "relation", "from": "a"}', "relationType"),
        ("mcp", '{"type": "node"}', "node"),
        ("letta", '{"blocks": [{"value": 5}]}', "block 1"),
        ("memtensor", '{"nodes": [{"memory": "x", "metadata": 5}]}', "record 1"),
        ("pam", '{"schema": "portable-ai-memory", "schema_version": "2.0"}', "version 1"),
        ("pam", '{"schema": "portable-ai-memory", "schema_version": "1.0", "memories": [{"content": 5}]}', "memory 1"),
        ("table", "a,b\n1,2\n", "columns"),
        ("table", "text,kind\nx,nonsense\n", "line 2"),
        ("table", "text\nx,y\n", "more cells"),
        ("document", '---\nmemcube: "note/1"\nkind: "fact"\n', "missing"),
        ("document", '---\nmemcube: "note/1"\nkind: fact\n---\n\nx\n', "Line 3"),
        ("document", '---\nmemcube: "note/9"\n---\n\nx\n', "newer"),
    ],
)
def test_a_broken_record_is_named(tmp_path: Path, form: str, text: str, where: str) -> None:
    suffix = {"mcp": ".jsonl", "table": ".csv", "document": ".md"}.get(form, ".json")
    path = tmp_path / f"broken{suffix}"
    path.write_text(text, "utf-8")
    with pytest.raises(InvalidInput, match=where):
        list(read(path, form))


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
KEYS = sorted(
    "mapping message content parts author role id create_time current_node parent metadata chat_messages uuid text sender "
    "created_at attachments results memory memories categories type name entityType observations from to relationType "
    "agents blocks label value messages tools nodes status tags entities schema schema_version temporal valid_from "
    "valid_until conversations docs filename project_memories conversations_memory account_uuid relations".split()
)
values = st.recursive(
    scalars | st.sampled_from(["portable-ai-memory", "1.0", "entity", "relation", "active", "text"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=6),
    max_leaves=30,
)


@pytest.mark.parametrize("form", [name for name in FORMATS if name != "document"])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(value=values)
def test_whatever_stands_there_is_read_or_refused(tmp_path: Path, form: str, value: object) -> None:
    path = tmp_path / ("hostile.jsonl" if form in {"mcp", "jsonl"} else "hostile.json")
    for content in (value, [value], {"results": [value], "nodes": [value], "memories": [value], "blocks": [value]}):
        path.write_text(json.dumps(content), "utf-8")
        with suppress(InvalidInput):
            check(read(path, form), namespace="ana")


@pytest.mark.parametrize("form", [name for name in FORMATS if name not in {"document", "table"}])
@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 50_000, "[NaN]", '{"results": NaN}', "", "\ufeff", '["'])
def test_deep_broken_and_empty_files_are_refused(tmp_path: Path, form: str, text: str) -> None:
    path = tmp_path / "deep.json"
    path.write_text(text, "utf-8")
    with pytest.raises(InvalidInput):
        check(read(path, form), namespace="ana")


def test_a_file_that_must_be_read_at_once_has_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "MAX_WHOLE", 10)
    path = tmp_path / "big.json"
    path.write_text('{"results": []}', "utf-8")
    with pytest.raises(TooLarge):
        list(read(path, "mem0"))


def test_a_zip_that_says_less_than_it_holds_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "MAX_UNPACKED", 2000)
    target = tmp_path / "bomb.zip"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("conversations.json", '[{"mapping": {}},' + " " * 5_000_000 + '{"mapping": {}}]')
    with pytest.raises(TooLarge):
        list(read(target, "chatgpt"))


def test_a_zip_without_anything_known_and_a_broken_one_are_refused(tmp_path: Path) -> None:
    target = tmp_path / "other.zip"
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(UnknownFormat, match="holds no"):
        detect(target)
    target.write_bytes(b"PK not a zip")
    with pytest.raises(InvalidInput, match="cannot be read"):
        detect(target)
