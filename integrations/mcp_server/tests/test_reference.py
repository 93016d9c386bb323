"""The tools of the reference memory server and those of ChatGPT, over the same memory."""

import json
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from mcp.server import Server
from typer.testing import CliRunner

from memos_core import MemOS
from memos_core.cli.app import app as command_line
from memos_mcp.flags import Flags
from memos_mcp.results import BYTES_OF_TOKEN, MAX_TOKENS
from memos_mcp.server import build

from .calling import call, refusal

ANA = {"name": "Ana", "entityType": "person", "observations": ["Ana plays the cello", "works at Halden Optics"]}
HALDEN = {"name": "Halden Optics", "entityType": "company", "observations": []}
WORKS = {"from": "Ana", "to": "Halden Optics", "relationType": "works_at"}


@pytest.fixture
def graph_server(memos: MemOS) -> Server[Any]:
    return build(memos, namespace="alice", flags=Flags(reference=True, chatgpt=True))


@pytest.fixture
def use(graph_server: Server[Any]) -> Callable[..., Awaitable[dict[str, Any]]]:
    return partial(call, graph_server)


async def filled(use: Any) -> None:
    await use("create_entities", entities=[ANA, HALDEN])
    await use("create_relations", relations=[WORKS])


async def test_what_was_created_is_the_graph(use: Any) -> None:
    assert await use("create_entities", entities=[ANA, HALDEN]) == {"entities": [ANA, HALDEN]}
    assert await use("create_relations", relations=[WORKS]) == {"relations": [WORKS]}
    assert await use("read_graph") == {"entities": [ANA, HALDEN], "relations": [WORKS]}
    assert await use("create_entities", entities=[{**ANA, "observations": ["new"]}]) == {"entities": []}
    assert await use("create_relations", relations=[WORKS]) == {"relations": []}
    assert await use("read_graph") == {"entities": [ANA, HALDEN], "relations": [WORKS]}


async def test_observations_are_added_to_what_is_there(use: Any, graph_server: Server[Any]) -> None:
    await filled(use)
    more = {"entityName": "Halden Optics", "contents": ["makes lenses", "makes lenses"]}
    done = await use("add_observations", observations=[more])
    assert done == {"results": [{"entityName": "Halden Optics", "addedObservations": ["makes lenses"]}]}
    done = await use("add_observations", observations=[more])
    assert done["results"][0]["addedObservations"] == []
    said = await refusal(graph_server, "add_observations", observations=[{"entityName": "Bob", "contents": ["x"]}])
    assert "create_entities" in said


async def test_what_is_deleted_is_gone_and_can_be_made_again(use: Any) -> None:
    await filled(use)
    await use("delete_observations", deletions=[{"entityName": "Ana", "observations": ANA["observations"]}])
    assert (await use("open_nodes", names=["Ana"]))["entities"] == [{**ANA, "observations": []}]
    await use("delete_relations", relations=[WORKS])
    assert (await use("read_graph"))["relations"] == []
    await use("create_relations", relations=[WORKS])
    assert (await use("delete_entities", entityNames=["Ana", "Nobody"]))["success"]
    assert await use("read_graph") == {"entities": [HALDEN], "relations": []}
    await use("create_entities", entities=[ANA])
    assert (await use("open_nodes", names=["Ana"]))["entities"] == [ANA]


async def test_nodes_are_found_by_words_and_shown_with_their_relations(use: Any) -> None:
    await filled(use)
    for query in ("cello", "PERSON"):
        found = await use("search_nodes", query=query)
        assert (found["entities"][0]["name"], found["relations"]) == ("Ana", [WORKS])
    assert (await use("open_nodes", names=["Nobody"])) == {"entities": [], "relations": []}


async def test_who_comes_from_the_reference_server_finds_all_there_and_can_go_back(tmp_path: Path) -> None:
    lines = [{"type": "entity", **ANA}, {"type": "entity", **HALDEN}, {"type": "relation", **WORKS}]
    file, vault = tmp_path / "memory.json", tmp_path / "memory.db"
    file.write_text(
        "\n".join(json.dumps(line, separators=(",", ":")) for line in lines), encoding="utf-8"
    )  # as it does

    def run(*arguments: str) -> None:
        done = CliRunner().invoke(command_line, ["--vault", str(vault), *arguments])
        assert done.exit_code == 0, done.output

    run("import", str(file), "--format", "mcp", "--namespace", "ana")
    run("import", str(file), "--format", "mcp", "--namespace", "ana")  # again, which changes nothing
    with MemOS.open(vault) as memos:
        server = build(memos, namespace="ana", flags=Flags(reference=True))
        assert await call(server, "read_graph") == {"entities": [ANA, HALDEN], "relations": [WORKS]}
        more = {"entityName": "Ana", "contents": ["is left-handed"]}
        await call(server, "add_observations", observations=[more])
    run("export", str(tmp_path / "again.json"), "--as", "mcp", "--namespace", "ana")
    lines[0]["observations"] = [*ANA["observations"], "is left-handed"]
    again = (tmp_path / "again.json").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in again] == lines


async def test_a_graph_that_is_too_large_says_what_is_missing(use: Any) -> None:
    for start in range(0, 60, 20):
        many = [{**ANA, "name": f"Ana {n}", "observations": ["harbour " * 100]} for n in range(start, start + 20)]
        await use("create_entities", entities=many)
    graph = await use("read_graph")
    assert 0 < len(graph["entities"]) < 60
    assert f"{60 - len(graph['entities'])} more" in graph["note"]


async def test_chatgpt_finds_and_fetches(use: Any, memos: MemOS) -> None:
    [cube] = memos.add("Clara moved to Lisbon.", namespace="alice").written
    memos.add("Clara moved to Rome.", namespace="bob")
    found = await use("search", query="Where is Clara?")
    expected = {"id": cube.id, "title": "2025-03-17 Clara moved to Lisbon.", "url": f"memory://items/{cube.id}"}
    assert found == {"results": [expected]}
    page = await use("fetch", id=cube.id)
    assert (page["text"], page["metadata"]["trust"]) == ("Clara moved to Lisbon.", "user")


async def test_extra_tools_are_there_only_when_asked_for(server: Server[Any], graph_server: Server[Any]) -> None:
    async with Client(server) as plain, Client(graph_server) as more:
        few = {tool.name for tool in (await plain.list_tools()).tools}
        many = {tool.name for tool in (await more.list_tools()).tools}
    assert few < many
    assert len(many - few) == 11


async def test_nothing_given_is_nothing_done_as_in_the_reference_server(use: Any) -> None:
    for tool, argument in (("create_entities", "entities"), ("create_relations", "relations"), ("open_nodes", "names"),
                           ("add_observations", "observations"), ("delete_entities", "entityNames"),
                           ("delete_observations", "deletions"), ("delete_relations", "relations")):  # fmt: skip
        assert await use(tool, **{argument: []})


async def test_the_same_relation_twice_in_a_call_is_one(use: Any) -> None:
    await filled(use)
    owns = {**WORKS, "relationType": "owns"}
    assert await use("create_relations", relations=[owns, owns]) == {"relations": [owns]}


async def test_words_find_what_has_them_and_only_others_are_found_by_meaning(use: Any, memos: MemOS) -> None:
    await filled(use)
    await use(
        "create_entities",
        entities=[{"name": f"Place {n}", "entityType": "place", "observations": []} for n in range(9)],
    )
    memos.add("A cello is a large violin.", namespace="alice")
    found = await use("search_nodes", query="cello")
    assert [each["name"] for each in found["entities"]] == ["Ana"]
    found = await use("search_nodes", query="who makes music on a cello")
    assert 0 < len(found["entities"]) <= 5
    assert len((await use("search_nodes", query=""))["entities"]) == 11


async def test_relations_are_shown_with_entities_that_are_there(use: Any) -> None:
    await filled(use)
    await use("create_relations", relations=[{**WORKS, "to": "Nobody"}])
    assert await use("open_nodes", names=["Nobody"]) == {"entities": [], "relations": []}
    assert len((await use("open_nodes", names=["Ana"]))["relations"]) == 2


async def test_an_entity_of_any_size_is_shown_as_far_as_it_fits(use: Any) -> None:
    await use("create_entities", entities=[{**ANA, "observations": []}, HALDEN])
    for start in (0, 150):
        more = [f"{number} " + "harbour 漢 " * 20 for number in range(start, start + 150)]
        await use("add_observations", observations=[{"entityName": "Ana", "contents": more}])
    graph = await use("open_nodes", names=["Ana", "Halden Optics"])
    assert [each["name"] for each in graph["entities"]] == ["Ana", "Halden Optics"]
    shown = len(graph["entities"][0]["observations"])
    assert 30 < shown < 300
    assert f"{300 - shown} more" in graph["note"]
    assert len(json.dumps(graph, ensure_ascii=False).encode()) <= MAX_TOKENS * BYTES_OF_TOKEN
    small = [
        {"entityName": "Halden Optics", "contents": [f"n{number}" for number in range(start, start + 150)]}
        for start in (0, 150)
    ]
    await use("add_observations", observations=small)
    assert len((await use("open_nodes", names=["Halden Optics"]))["entities"][0]["observations"]) == 300


async def test_the_whole_graph_is_a_resource_under_the_reference_servers_address(
    use: Any, graph_server: Server[Any]
) -> None:
    await filled(use)
    async with Client(graph_server) as client:
        assert "memory://knowledge-graph" in [str(each.uri) for each in (await client.list_resources()).resources]
        [content] = (await client.read_resource("memory://knowledge-graph")).contents
    assert content.mime_type == "application/json"
    assert json.loads(content.text) == {"entities": [ANA, HALDEN], "relations": [WORKS]}
