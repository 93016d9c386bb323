"""Truth maintenance: the cases of ``tests/data/truth.txt``, and what a person sees of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from memos_core import MemCube, MemOS, Message, State
from memos_core.cube.answer import Why
from memos_core.cube.memcube import Kind, Provenance
from memos_core.errors import CubeNotFound, InvalidInput, InvalidRule, InvalidTransition
from memos_core.testing.clock import ManualClock
from memos_core.testing.embedders import HashingEmbedder

CASES = (Path(__file__).parents[1] / "data" / "truth.txt").read_text(encoding="utf-8")
NAMES = re.findall(r"^## (.*)", CASES, re.MULTILINE)


class Stage:
    """A vault in which a case is played."""

    def __init__(self) -> None:
        self.clock = ManualClock(datetime(2024, 1, 1, tzinfo=timezone.utc))
        self.memos = MemOS.open(":memory:", embedder=HashingEmbedder(), clock=self.clock)
        self.cubes: dict[str, str] = {}
        self.versions: dict[str, str] = {}

    def play(self, line: str) -> None:
        self.clock.advance(timedelta(seconds=1))
        for pattern, act in LINES:
            if found := re.fullmatch(pattern, line):
                act(self, **found.groupdict(default=""))
                return
        msg = f"a line that no case has: {line}"
        raise ValueError(msg)

    def say(self, name: str, who: str, day: str, text: str, tag: str) -> None:
        at = datetime.fromisoformat(day).replace(tzinfo=timezone.utc)
        [self.cubes[name]] = self.memos.add(Message(content=text, role="user", name=who, at=at), namespace="a").ids
        if tag:
            self.memos.update(self.cubes[name], tags=[tag])
        self.versions[name] = self.memos.get(self.cubes[name]).version

    def conclude(self, name: str, premises: str, text: str) -> None:
        because = [self.cubes[premise] for premise in premises.split(" + ")]
        self.cubes[name] = self.memos.derive(text, because=because).id

    def sum_up(self, name: str, premises: str, text: str) -> None:
        """A summary, which any one of its premises carries, as the scheduler writes it."""
        cubes = [self.memos.get(self.cubes[premise]) for premise in premises.split()]
        [self.cubes[name]] = self.memos.add(text, namespace="a").ids
        cube = self.memos.get(self.cubes[name])
        provenance = Provenance(derived_from=tuple(premise.version for premise in cubes))
        self.memos._put(cube, cube.content().model_copy(update={"kind": Kind.SUMMARY, "provenance": provenance}))

    def update(self, name: str, text: str) -> None:
        self.memos.update(self.cubes[name], text)

    def change(self, what: str, name: str) -> None:
        if what == "back":
            self.memos.rollback(self.cubes[name], self.versions[name])
        elif what == "tag":
            self.memos.update(self.cubes[name], tags=["read"])
        else:
            getattr(self.memos, what)(self.cubes[name])

    def rule(self, predicate: str, tag: str, effect: str) -> None:
        self.cubes["rule"] = self.memos.add_rule(namespace="a", when=predicate, tags=[tag], effect=effect).id

    def check(self, what: str, names: str) -> None:
        recalled = {hit.cube.id for hit in self.memos.search("Monday and all the rest", namespace="a", limit=99)}
        for name in names.split():
            if what == "erased":
                with pytest.raises(CubeNotFound):
                    self.memos.get(self.cubes[name])
                continue
            cube = self.memos.get(self.cubes[name])
            assert (cube.id in recalled) is (what in {"holds", "stale"}), f"{name} {what}: {cube.state}"
            assert standing(cube) == what, name


def standing(cube: MemCube) -> str:
    if cube.state in {State.EXPIRED, State.ARCHIVED}:
        return "fallen" if cube.moved_by == "fall" else cube.state.value
    return "stale" if cube.is_stale else "holds"


LINES: list[tuple[str, Callable[..., None]]] = [
    (r'(?P<name>\w+): (?P<who>\w+) (?P<day>[\d-]+) "(?P<text>.*)"(?: \[(?P<tag>\w+)\])?', Stage.say),
    (r'(?P<name>\w+) <- (?P<premises>.*): "(?P<text>.*)"', Stage.conclude),
    (r'(?P<name>\w+) <~ (?P<premises>.*): "(?P<text>.*)"', Stage.sum_up),
    (r'update (?P<name>\w+): "(?P<text>.*)"', Stage.update),
    (r"rule (?P<predicate>.*): (?P<tag>\w+) -> (?P<effect>\w+)", Stage.rule),
    (r"(?P<what>holds|stale|fallen|erased|expired|archived) (?P<names>.*)", Stage.check),
    (r"(?P<what>forget|erase|expire|revive|freeze|back|tag) (?P<name>\w+)", Stage.change),
]


def lines_of(name: str) -> list[str]:
    block = CASES.split(f"## {name}\n")[1].split("\n## ")[0]
    return [line for line in block.splitlines() if line]


def test_there_are_cases_enough_and_each_has_a_name_of_its_own() -> None:
    assert len(set(NAMES)) == len(NAMES) >= 60


@pytest.mark.parametrize("name", NAMES)
def test_case(name: str) -> None:
    stage = Stage()
    for line in lines_of(name):
        stage.play(line)
    assert stage.memos.verify() == []


# -- what a person sees ---------------------------------------------------------------------------


@pytest.fixture
def stage() -> Stage:
    return Stage()


def play(stage: Stage, *lines: str) -> None:
    for line in lines:
        stage.play(line)


CHAIN = ('a: Eva 2020-01-10 "The bridge is open."', 'b <- a: "The short way is open."', 'c <- b: "Leave at nine."')


def test_history_says_why_a_memory_fell_and_rose(stage: Stage) -> None:
    play(stage, *CHAIN, 'update a: "The bridge is closed."', "back a")
    *_, fell, rose = stage.memos.history(stage.cubes["c"])
    assert (fell.trigger, fell.reason) == ("fall", f"rests on {stage.cubes['b']}, which no longer holds")
    assert (rose.trigger, rose.reason) == ("rise", "what it rests on holds again")


def test_why_shows_all_grounds_down_to_what_was_said(stage: Stage) -> None:
    play(stage, *CHAIN, 'x: Eva 2020-01-11 "The train is late."', 'c <- x: "Leave at nine."', "forget a")
    tree = stage.memos.why(stage.cubes["c"])
    assert (tree.holds, tree.standing) == (True, "stale")
    [[short], [train]] = tree.justifications
    assert (short.cube and short.cube.id, short.holds, short.standing) == (stage.cubes["b"], False, "fallen")
    assert (train.holds, train.standing, train.justifications) == (True, "holds", ())
    [[bridge]] = short.justifications
    assert (bridge.version, bridge.holds) == (stage.versions["a"], False)


def test_why_of_a_ring_ends(stage: Stage) -> None:
    play(stage, *CHAIN, 'b <- c: "The short way is open."')

    def depth(tree: Why) -> int:
        return 1 + max((depth(each) for versions in tree.justifications for each in versions), default=0)

    assert depth(stage.memos.why(stage.cubes["b"])) <= 5


def test_impact_says_what_would_fall_and_changes_nothing(stage: Stage) -> None:
    play(stage, *CHAIN, 'x: Eva 2020-01-11 "The train is late."', 'd <- a: "Cross."', 'd <- x: "Cross."')
    before = stage.memos.stats().operations
    found = {hit.cube.id: hit.standing for hit in stage.memos.impact(stage.cubes["a"])}
    assert found == {stage.cubes["b"]: "fallen", stage.cubes["c"]: "fallen", stage.cubes["d"]: "stale"}
    assert stage.memos.stats().operations == before
    assert stage.memos.impact(stage.cubes["c"]) == []
    both = stage.memos.impact([stage.cubes["a"], stage.cubes["x"]])
    assert {hit.standing for hit in both} == {"fallen"}


def test_a_conclusion_is_trusted_as_far_as_its_least_trusted_premise(stage: Stage) -> None:
    play(stage, CHAIN[0])
    [tool] = stage.memos.add(Message(content="The gauge shows red.", role="tool"), namespace="a").ids
    found = stage.memos.derive("Stop.", because=[stage.cubes["a"], tool])
    assert found.governance.trust.name == "TOOL"
    better = stage.memos.derive("Stop.", because=stage.cubes["a"])
    assert (better.id, better.governance.trust.name) == (found.id, "USER")


def test_a_conclusion_lasts_no_longer_than_its_premises(stage: Stage) -> None:
    play(stage, *CHAIN)
    stage.memos.set_lifespan(stage.cubes["a"], ttl=timedelta(days=1))
    late = stage.memos.derive("Pay at the bridge.", because=stage.cubes["a"])
    assert late.governance.expires_at == stage.memos.get(stage.cubes["a"]).governance.expires_at


def test_conclusions_rest_on_other_namespaces_too(stage: Stage) -> None:
    play(stage, CHAIN[0])
    there = stage.memos.derive("Team: cross.", because=stage.cubes["a"], namespace="team")
    stage.memos.forget(stage.cubes["a"])
    assert stage.memos.get(there.id).state is State.ARCHIVED


def test_a_frozen_conclusion_cannot_be_erased_with_its_premise(stage: Stage) -> None:
    play(stage, *CHAIN, "freeze c")
    with pytest.raises(InvalidTransition, match="thaw"):
        stage.memos.erase(stage.cubes["a"])
    assert stage.memos.get(stage.cubes["a"]).text == "The bridge is open."


def test_receipt_names_what_was_erased_as_well(stage: Stage) -> None:
    play(stage, *CHAIN)
    receipt = stage.memos.erase(stage.cubes["a"])
    assert receipt.cubes == tuple(stage.cubes[name] for name in "abc")
    assert receipt.derived == tuple(stage.cubes[name] for name in "bc")


def test_premises_that_were_never_here_speak_against_nothing(stage: Stage) -> None:
    play(stage, CHAIN[0])
    cube = stage.memos.get(stage.cubes["a"])
    stage.memos._put(cube, cube.content().model_copy(update={"provenance": Provenance(derived_from=("0" * 64,))}))
    assert stage.memos.get(cube.id).state is State.GENERATED
    tree = stage.memos.why(cube.id)
    assert [[(each.cube, each.holds) for each in versions] for versions in tree.justifications] == [[(None, True)]]


def test_wrong_conclusions_and_rules_change_nothing(stage: Stage) -> None:
    play(stage, CHAIN[0])
    name = stage.cubes["a"]
    wrongs: tuple[Callable[[], object], ...] = (
        lambda: stage.memos.derive("x", because=[]),
        lambda: stage.memos.derive(" ", because=name),
        lambda: stage.memos.derive("x", because=name, kind="guess"),
        lambda: stage.memos.derive("x", because=[name, "nothing"]),
        lambda: stage.memos.add_rule(namespace="a", when="lives in"),
        lambda: stage.memos.add_rule(namespace="a", when="", tags=["x"]),
        lambda: stage.memos.add_rule(namespace="a", when="lives in", tags=["x"], effect="gone"),
        lambda: stage.memos.add_rule(namespace="a", when="lives in", kinds=["guess"]),
    )
    for wrong in wrongs:
        with pytest.raises((InvalidInput, InvalidRule, CubeNotFound)):
            wrong()
    assert stage.memos.stats().cubes == 1


def test_a_rule_of_an_outer_namespace_holds_below_it(stage: Stage) -> None:
    memos = stage.memos
    memos.add_rule(namespace="acme", when="lives in", kinds=["procedure"], effect="fallen")
    said = [("I live in Lisbon.", 2021), ("I moved to Porto.", 2023)]
    messages = [
        Message(content=text, role="user", name="Ana", at=datetime(year, 3, 1, tzinfo=timezone.utc))
        for text, year in said
    ]
    memos.add(messages[0], namespace="acme/ana")
    tip = memos.derive("Take the tram.", because=memos.list(namespace="acme/ana")[0].id, kind="procedure")
    memos.add(messages[1], namespace="acme/ana")
    assert memos.get(tip.id).state is State.ARCHIVED
    assert [cube.state for cube in memos.list(namespace="acme", exact=True)] == [State.GENERATED]


def test_what_rests_on_a_memory_that_is_given_an_end_later_goes_with_it_though_no_scheduler_runs(
    tmp_path: Path,
) -> None:
    clock = ManualClock()
    with MemOS.open(tmp_path / "m.db", embedder=HashingEmbedder(), clock=clock) as memos:
        dog = memos.add("Ana has a dog.", namespace="a").ids[0]
        plan = memos.derive("Buy food for the dog.", because=dog)
        walk = memos.derive("Carry the food of the dog home.", because=plan.id)
        memos.set_lifespan(dog, ttl=timedelta(days=1))
        assert len(memos.search("dog", namespace="a")) == 3
        clock.advance(timedelta(days=2))
        assert memos.search("dog", namespace="a") == []
        assert memos.list(namespace="a") == []
        assert "no longer holds" in (memos.history(walk.id)[-1].reason or "")
        memos.set_lifespan(dog)
        assert len(memos.list(namespace="a")) == 3


def test_an_end_that_another_process_notes_meanwhile_is_not_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = ManualClock()
    with MemOS.open(tmp_path / "m.db", embedder=HashingEmbedder(), clock=clock) as memos:
        dog, cat = memos.add([Message(content=f"Ana has a {each}.") for each in ("dog", "cat")], namespace="a").ids
        walk, milk = (memos.derive(f"Think of the {each}.", because=each) for each in (dog, cat))
        memos.set_lifespan(dog, ttl=timedelta(days=1))
        transaction = memos.transaction

        def later() -> object:
            monkeypatch.undo()
            with MemOS.open(tmp_path / "m.db", embedder=HashingEmbedder(), clock=clock) as other:
                other.set_lifespan(cat, ttl=timedelta(days=1))
            return transaction()

        clock.advance(timedelta(days=2))
        monkeypatch.setattr(memos, "transaction", later)
        memos.list(namespace="a")
        clock.advance(timedelta(days=2))
        memos.list(namespace="a")
        assert [memos.get(each.id).moved_by for each in (walk, milk)] == ["fall", "fall"]
