"""The memory graph, and links in it."""

from __future__ import annotations

import pytest

from memos_core import MemOS, Message
from memos_core.errors import CubeNotFound, InvalidInput
from memos_core.testing.embedders import HashingEmbedder


@pytest.fixture
def memos() -> MemOS:
    return MemOS.open(":memory:", embedder=HashingEmbedder())


def tell(memos: MemOS, text: str, *, namespace: str = "a") -> str:
    return memos.add(Message(content=text, role="user", name="Ana"), namespace=namespace).ids[0]


def test_graph_around_a_name_has_its_memories_and_claims(memos: MemOS) -> None:
    lives = tell(memos, "I live in Lisbon.")
    tell(memos, "It rained in Porto.")
    graph = memos.graph("lisbon", namespace="a")
    assert graph.has_edge("entity:ana", "entity:lisbon", key="lives in")
    assert graph.has_edge(f"cube:{lives}", "entity:lisbon", key="mentions")
    assert graph.nodes[f"cube:{lives}"]["cube"].text == "I live in Lisbon."


def test_graph_around_nothing_is_that_of_all(memos: MemOS) -> None:
    ids = [tell(memos, text) for text in ("I met Tom.", "I saw Clara.")]
    nodes = set(memos.graph(namespace="a"))
    assert {*(f"cube:{each}" for each in ids), "entity:tom", "entity:clara"} <= nodes
    assert set(memos.graph(namespace="a/nothing")) == set()
    assert set(memos.graph("Nobody", namespace="a")) == set()


def test_graph_shows_nothing_of_other_namespaces(memos: MemOS) -> None:
    tell(memos, "I met Tom.")
    foreign = tell(memos, "Tom is ill.", namespace="b")
    assert f"cube:{foreign}" not in memos.graph("Tom", namespace="a", hops=9)


def test_graph_of_a_past_time_is_what_was_known_then(memos: MemOS) -> None:
    first = memos.get(tell(memos, "I met Tom."))
    memos.update(first.id, "I met Clara.")
    then = memos.graph(first.id, namespace="a", known_at=first.created_at)
    assert "entity:tom" in then
    assert "entity:clara" not in then
    assert then.nodes[f"cube:{first.id}"]["cube"].text == "I met Tom."


def test_link_is_an_edge_until_it_is_forgotten(memos: MemOS) -> None:
    cause, effect = tell(memos, "The dam broke."), tell(memos, "The valley was flooded.")
    link = memos.link(cause, "explains", effect)
    ends = f"cube:{cause}", f"cube:{effect}"
    assert memos.graph(cause, namespace="a", hops=1).has_edge(*ends, key="explains")
    assert memos.link(cause, "explains", effect).id == link.id
    assert link.id not in {hit.cube.id for hit in memos.search("What explains the flood?", namespace="a")}
    memos.forget(link.id)
    assert not memos.graph(cause, namespace="a").has_edge(*ends, key="explains")


def test_link_to_nothing_is_refused(memos: MemOS) -> None:
    cause = tell(memos, "The dam broke.")
    with pytest.raises(CubeNotFound):
        memos.link(cause, "explains", "nothing")
    for relation in ("", " ", None, 3):
        with pytest.raises(InvalidInput):
            memos.link(cause, relation, cause)  # type: ignore[arg-type]
    assert memos.stats().cubes == 1


def test_a_conclusion_leads_to_the_memories_that_it_rests_on(memos: MemOS) -> None:
    lives = tell(memos, "I live in Lisbon.")
    conclusion = memos.derive("Ana speaks Portuguese.", because=[lives])
    graph = memos.graph(conclusion.id, namespace="a", hops=1)
    assert graph.has_edge(f"cube:{conclusion.id}", f"cube:{lives}", key="derived_from")
    assert graph.nodes[f"cube:{lives}"]["cube"].text == "I live in Lisbon."
    assert not [node for node in graph if node.startswith("version:")]
