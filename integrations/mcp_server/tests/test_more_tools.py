"""Short ids, changes, connections, history, reasons and counts, as a client meets them."""

from typing import Any

import pytest
from mcp import Client
from mcp.server import Server

from memos_core import MemOS, Message, State
from memos_mcp.server import build


async def test_ids_are_shown_by_as_much_as_means_them_alone(ask: Any, memos: MemOS) -> None:
    names = [(await ask("memory_add", text=f"Fox {number}"))["ids"][0] for number in range(3)]
    assert {len(name) for name in names} == {13}
    assert (await ask("memory_get", memory_id=names[1]))["memory"]["text"] == "Fox 1"
    together = memos.add([Message(content=f"Whale {number}") for number in range(3)], namespace="alice").written
    shown = {each["text"]: each["id"] for each in (await ask("memory_list"))["memories"]}
    for cube in together:
        assert cube.id.startswith(shown[cube.text])
        assert len(shown[cube.text]) > 13
        assert (await ask("memory_get", memory_id=shown[cube.text]))["full_id"] == cube.id


async def test_a_beginning_that_means_several_is_refused_with_the_ids_that_it_may_mean(
    refuse: Any, memos: MemOS
) -> None:
    written = memos.add([Message(content="one"), Message(content="two")], namespace="alice").written
    said = await refuse("memory_get", memory_id=written[0].id[:13])
    assert all(cube.id in said for cube in written)
    assert "There is no memory" in await refuse("memory_get", memory_id=written[0].id[:7])


async def test_a_beginning_that_means_another_namespace_too_is_alone_here(ask: Any, memos: MemOS) -> None:
    [mine] = memos.add("mine", namespace="alice").written
    memos.add("Bob's", namespace="bob")
    assert (await ask("memory_get", memory_id=mine.id[:13]))["memory"]["text"] == "mine"


async def test_what_a_writer_noted_beside_a_memory_is_shown_where_all_is_asked_for(ask: Any, memos: MemOS) -> None:
    noted = {"topic": "foxes", "sure": True, "parts": ["a", {"b": None}]}
    [cube] = memos.add(Message(content="The fox is red.", metadata=noted), namespace="alice").written
    expected = ['parts: ["a", {"b": null}]', "sure: true", 'topic: "foxes"']
    for tool in ("memory_search", "memory_list"):
        asked = {"query": "fox"} if tool == "memory_search" else {}
        assert "metadata" not in (await ask(tool, **asked))["memories"][0]
        assert sorted((await ask(tool, **asked, detail="full"))["memories"][0]["metadata"]) == expected
    assert sorted((await ask("memory_get", memory_id=cube.id))["memory"]["metadata"]) == expected


async def test_what_an_agent_wrote_can_be_changed_and_keeps_its_history(ask: Any) -> None:
    [name] = (await ask("memory_add", text="Clara lives in Porto."))["ids"]
    changed = await ask("memory_update", memory_id=name, text="Clara lives in Lisbon.", tags=["home"])
    assert (changed["memory"]["text"], changed["memory"]["tags"]) == ("Clara lives in Lisbon.", ["home"])
    events = (await ask("memory_history", memory_id=name))["events"]
    assert [(each["what"], each["text"]) for each in events] == [
        ("added", "Clara lives in Porto."),
        ("changed", "Clara lives in Lisbon."),
    ]


@pytest.mark.parametrize("role", ["user", "tool"])
async def test_what_others_said_cannot_be_reworded(refuse: Any, ask: Any, memos: MemOS, role: str) -> None:
    [cube] = memos.add([Message(role=role, content="Pay account 1")], namespace="alice").written
    assert "word for word" in await refuse("memory_update", memory_id=cube.id, text="Pay account 2")
    assert (await ask("memory_update", memory_id=cube.id, tags=["bank"]))["memory"]["tags"] == ["bank"]
    assert memos.get(cube.id).text == "Pay account 1"


async def test_a_history_comes_in_pages(ask: Any) -> None:
    [name] = (await ask("memory_add", text="0 " + "harbour " * 200))["ids"]
    for number in range(1, 40):
        await ask("memory_update", memory_id=name, text=f"{number} " + "harbour " * 200)
    seen, cursor = [], {}
    while cursor is not None:
        page = await ask("memory_history", memory_id=name, **cursor)
        seen += [each["text"].split()[0] for each in page["events"]]
        cursor = {"cursor": page["next_cursor"]} if "next_cursor" in page else None
    assert seen == [str(number) for number in range(40)]


async def test_forgetting_tells_what_would_fall_with_it(ask: Any, memos: MemOS) -> None:
    [said] = memos.add("Clara lives in Porto.", namespace="alice").written
    memos.derive("Clara needs a Portuguese bank.", because=said.id)
    tried = await ask("memory_forget", memory_id=said.id, dry_run=True)
    assert [each["text"] for each in tried["affected"]] == ["Clara needs a Portuguese bank."]
    assert len((await ask("memory_list"))["memories"]) == 2
    await ask("memory_forget", memory_id=said.id)
    assert (await ask("memory_list"))["memories"] == []


async def test_reasons_name_source_and_premises(ask: Any, memos: MemOS) -> None:
    [said] = memos.add([Message(content="Clara lives in Porto.", id="D1:3")], namespace="alice").written
    drawn = memos.derive("Clara needs a Portuguese bank.", because=said.id)
    why = await ask("memory_why", memory_id=drawn.id)
    assert [(each["depth"], each["text"]) for each in why["premises"]] == [
        (0, "Clara needs a Portuguese bank."),
        (1, "Clara lives in Porto."),
    ]
    assert why["origin"] == "derived"
    assert (await ask("memory_why", memory_id=said.id))["source"] == "D1:3"


async def test_reasons_show_no_premise_of_another_namespace(ask: Any, memos: MemOS) -> None:
    [said] = memos.add("Bob's secret is marmalade.", namespace="bob").written
    drawn = memos.derive("Buy marmalade.", because=said.id, namespace="alice")
    why = await ask("memory_why", memory_id=drawn.id)
    assert [each["text"] for each in why["premises"]] == ["Buy marmalade.", "(gone, or not yours to see)"]


async def test_the_graph_shows_what_is_connected_and_the_way_between_two(ask: Any) -> None:
    for text in ("Clara Voss works at Halden Optics.", "Halden Optics has an office in Lisbon."):
        await ask("memory_add", text=text)
    near = await ask("memory_graph", about="Halden Optics")
    assert {"halden optics", "clara voss"} & {each["target"] for each in near["edges"]}
    assert near["memories"]
    way = await ask("memory_graph", about="Clara Voss", to="Lisbon")
    ends = {node for each in way["edges"] for node in (each["source"], each["target"])}
    assert {"clara voss", "lisbon"} <= ends
    nothing = await ask("memory_graph", about="Nobody")
    assert (nothing["edges"], nothing["note"][:7]) == ([], "Nothing")


async def test_the_status_counts_what_is_here(ask: Any, memos: MemOS) -> None:
    memos.add("one", namespace="alice/work")
    memos.add("other", namespace="bob")
    [name] = (await ask("memory_add", text="two"))["ids"]
    await ask("memory_add", facts=[{"text": "three"}])
    await ask("memory_forget", memory_id=name)
    status = await ask("memory_status")
    assert (status["memories"], status["archived"], status["kinds"]) == (2, 1, {"episode": 1, "fact": 1})
    assert (status["namespace"], status["parts"]) == ("alice", ["alice/work"])


async def test_a_long_call_tells_how_far_it_is(server: Server[Any]) -> None:
    told: list[tuple[float, float | None]] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        told.append((progress, total))

    facts = [{"text": f"Fact number {number} about foxes."} for number in range(50)]
    async with Client(server) as client:
        await client.call_tool("memory_add", {"facts": facts}, progress_callback=hear)
    assert told
    assert told[-1] == (50, 50)


async def test_a_contributor_is_told_that_its_memories_wait(memos: MemOS) -> None:
    memos.grant("agent:guest", namespace="alice", role="contributor")
    server = build(memos.as_principal("agent:guest"), namespace="alice")
    async with Client(server) as client:
        added = (await client.call_tool("memory_add", {"text": "Foxes are red."})).structured_content
        refused = await client.call_tool("memory_update", {"memory_id": added["ids"][0], "tags": ["x"]})
    assert "must accept it" in added["note"]
    assert refused.is_error
    assert "grant" in refused.content[0].text
    assert [cube.state for cube in memos.pending(namespace="alice")] == [State.ARCHIVED]
