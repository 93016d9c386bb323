"""Facts that the calling model has understood: later ones correct earlier ones, without a model of ours."""

from typing import Any

import pytest
from mcp.server import Server

from memos_core import MemOS, State
from memos_mcp.server import build

from .calling import call, whole

LIVES = {"subject": "Clara", "predicate": "lives_in", "object": "Porto"}


def fact(text: str, **fields: Any) -> dict[str, Any]:
    return {"text": text, **fields}


async def test_a_later_fact_corrects_an_earlier_one(server: Server[Any], memos: MemOS, ask: Any) -> None:
    first = await ask("memory_add", facts=[fact("Clara lives in Porto.", **LIVES)], said_at="2024-01-01")
    moved = fact("Clara has a flat in Lisbon now.", **{**LIVES, "object": "Lisbon"})
    second = await ask("memory_add", facts=[moved], said_at="2025-01-01")
    assert second["corrected"] == first["ids"]
    by_text = {each["text"]: each for each in (await ask("memory_search", query="Where does Clara live?"))["memories"]}
    assert by_text["Clara lives in Porto."]["outdated_by"] == second["ids"]
    assert "outdated_by" not in by_text["Clara has a flat in Lisbon now."]
    then = await ask("memory_search", query="Where does Clara live?", as_of="2024-06-01")
    assert [each["text"] for each in then["memories"]] == ["Clara lives in Porto."]
    why = await ask("memory_why", memory_id=first["ids"][0])
    assert why["outdated_by"] == second["ids"]


async def test_a_fact_without_a_time_holds_from_now_and_corrects_what_was_said_before(ask: Any) -> None:
    said = await ask("memory_add", text="I live in Porto.", speaker="Clara")
    moved = fact("Clara lives in Lisbon.", subject="Clara", predicate="Lives in", object="Lisbon")
    assert (await ask("memory_add", facts=[moved]))["corrected"] == said["ids"]


async def test_facts_say_when_they_hold_of_whom_and_what_they_are(ask: Any, memos: MemOS) -> None:
    coached = fact(
        "Ana coached the rowing team.",
        type="event", entities=["Ana", "Kingfishers"], valid_from="2023-05-01", valid_to="2024-06-30",
    )  # fmt: skip
    [name] = (await ask("memory_add", facts=[coached]))["ids"]
    shown = (await ask("memory_get", memory_id=name))["memory"]
    assert (shown["kind"], shown["entities"], shown["trust"]) == ("event", ["Ana", "Kingfishers"], "agent")
    assert (shown["said_at"][:10], shown["until"][:10]) == ("2023-05-01", "2024-06-30")


async def test_what_replaces_nothing_gathers_unless_it_says_so(ask: Any) -> None:
    for number, (thing, replaces) in enumerate([("tea", False), ("coffee", False), ("a dog", True), ("a cat", True)]):
        predicate = "has as pet" if replaces else "likes"
        liked = fact(f"Ana: {thing}", subject="Ana", predicate=predicate, object=thing, replaces=replaces)
        added = await ask("memory_add", facts=[liked], said_at=f"2025-01-0{number + 1}")
        assert len(added["corrected"]) == (1 if thing == "a cat" else 0)


async def test_a_fact_that_is_denied_is_corrected(ask: Any) -> None:
    eats = {"subject": "Ana", "predicate": "eats", "object": "pork"}
    first = await ask("memory_add", facts=[fact("Ana eats pork.", **eats)], said_at="2025-01-01")
    second = await ask("memory_add", facts=[fact("Ana eats no pork.", **eats, negated=True)], said_at="2025-02-01")
    assert second["corrected"] == first["ids"]


async def test_what_contradicts_without_an_order_is_told(ask: Any) -> None:
    first = await ask("memory_add", facts=[fact("Clara lives in Porto.", **LIVES)], said_at="2025-01-01")
    other = fact("Clara lives in Rome.", **{**LIVES, "object": "Rome"})
    assert (await ask("memory_add", facts=[other], said_at="2025-01-01"))["conflicts"] == first["ids"]
    assert (await ask("memory_status"))["conflicts"] == 2


async def test_a_text_and_its_facts_are_remembered_together_or_not_at_all(ask: Any, refuse: Any, memos: MemOS) -> None:
    said = await refuse("memory_add", text="Hello.", facts=[fact("fine"), fact("a\0b")])
    assert "NUL" in said
    assert memos.list(namespace="alice") == []
    added = await ask(
        "memory_add", text="I moved to Porto.", facts=[fact("Clara lives in Porto.", **LIVES)], speaker="Clara"
    )
    assert (len(added["ids"]), added["written"]) == (2, 2)
    assert {cube.kind.value for cube in memos.list(namespace="alice")} == {"episode", "fact"}


@pytest.mark.parametrize("source_id", [None, "s1"])
async def test_the_same_facts_again_are_not_new(ask: Any, source_id: str | None) -> None:
    arguments = {"facts": [fact("Ana likes tea."), fact("Ana likes figs.")], "said_at": "2025-01-01"}
    if source_id:
        arguments["source_id"] = source_id
    first = await ask("memory_add", **arguments)
    again = await ask("memory_add", **arguments)
    assert (again["ids"], again["written"]) == (first["ids"], 0)


SAID = {"text": "I moved to Porto with my dog Rex.", "speaker": "Clara", "said_at": "2024-01-01", "source_id": "m1"}
UNDERSTOOD = [fact("Clara lives in Porto.", **LIVES), fact("Clara has a dog called Rex.")]


async def test_facts_rest_on_the_text_that_came_with_them_and_are_erased_with_it(ask: Any, memos: MemOS) -> None:
    text, *facts = (await ask("memory_add", **SAID, facts=UNDERSTOOD))["ids"]
    why = await ask("memory_why", memory_id=facts[0])
    assert [each["id"] for each in why["premises"]] == [facts[0], text]
    receipt = memos.erase(whole(memos, text))
    assert {cube[:13] for cube in receipt.derived} == {name[:13] for name in facts}
    assert memos.list(namespace="alice", states=list(State)) == []


async def test_facts_go_and_come_back_with_their_text(ask: Any) -> None:
    text, *facts = (await ask("memory_add", **SAID, facts=UNDERSTOOD))["ids"]
    gone = await ask("memory_forget", memory_id=text)
    assert {each["id"] for each in gone["affected"]} == set(facts)
    assert (await ask("memory_list"))["memories"] == []
    again = await ask("memory_add", **SAID, facts=UNDERSTOOD)
    assert (again["written"], len((await ask("memory_list"))["memories"])) == (0, 3)


async def test_facts_of_a_text_that_is_replaced_or_reworded_go_unless_they_are_given_again(ask: Any) -> None:
    await ask("memory_add", **SAID, facts=UNDERSTOOD)
    [text, fresh] = (
        await ask("memory_add", **{**SAID, "text": "I moved to Faro."}, facts=[fact("Clara lives in Faro.")])
    )["ids"]
    assert {each["id"] for each in (await ask("memory_list"))["memories"]} == {text, fresh}
    changed = await ask("memory_update", memory_id=text, text="I moved to Braga.")
    assert [each["id"] for each in changed["affected"]] == [fresh]
    assert [each["id"] for each in (await ask("memory_list"))["memories"]] == [text]
    assert (await ask("memory_update", memory_id=text, tags=["home"]))["affected"] == []


async def test_facts_outlive_the_truth_of_their_text(ask: Any) -> None:
    await ask("memory_add", **SAID, facts=UNDERSTOOD)
    moved = fact("Clara lives in Rome.", **{**LIVES, "object": "Rome"})
    assert len((await ask("memory_add", facts=[moved], said_at="2025-01-01"))["corrected"]) == 2
    held = {each["text"] for each in (await ask("memory_list"))["memories"]}
    assert {"Clara lives in Porto.", "Clara has a dog called Rex."} <= held
    then = await ask("memory_search", query="Where does Clara live?", as_of="2024-06-01", kinds=["fact"])
    assert "Clara lives in Porto." in {each["text"] for each in then["memories"]}


async def test_facts_alone_rest_on_nothing_and_those_of_two_texts_on_their_own(ask: Any) -> None:
    [alone] = (await ask("memory_add", facts=UNDERSTOOD[:1], said_at="2024-01-01"))["ids"]
    assert len((await ask("memory_why", memory_id=alone))["premises"]) == 1
    texts = [
        (await ask("memory_add", text=text, facts=UNDERSTOOD[:1], said_at="2024-01-01"))["ids"]
        for text in ("Porto it is.", "Porto, finally.")
    ]
    await ask("memory_forget", memory_id=texts[1][0])
    assert {texts[0][1], alone} <= {each["id"] for each in (await ask("memory_list"))["memories"]}


async def test_what_was_suggested_with_its_text_is_accepted_in_any_order(memos: MemOS) -> None:
    memos.grant("agent:guest", namespace="alice", role="contributor")
    server = build(memos.as_principal("agent:guest"), namespace="alice")
    await call(server, "memory_add", **SAID, facts=UNDERSTOOD)
    waiting = memos.pending(namespace="alice")
    assert len(waiting) == 3
    for cube in sorted(waiting, key=lambda cube: cube.kind.value, reverse=True):  # facts before their text
        memos.accept(cube.id)
    assert memos.count(namespace="alice") == 3
