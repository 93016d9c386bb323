"""Memories become adapters, which are memories too: they rest on what they were taught, and fall with it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from memos_core import MemOS, Message
from memos_core.cube.claim import Claim
from memos_core.cube.memcube import Kind, State, Trust
from memos_core.cube.payload import Parametric
from memos_core.errors import AdapterUnfit, CubeNotFound, ExtraMissing, InvalidInput
from memos_core.infrastructure.models import speaking
from memos_core.infrastructure.models.adapter import unpacked
from memos_core.infrastructure.models.local import LocalModel
from memos_core.infrastructure.models.lora import LoraTrainer
from memos_core.infrastructure.models.speaking import answers
from memos_core.language.wordings import phrase
from memos_core.operation.scheduler.decisions import Action, Limits
from memos_core.operation.training import course, facts, is_answered, is_known, text
from memos_core.ports import Course, Example, Recipe
from memos_core.system.training import OFTEN
from memos_core.testing.adapters import tiny_learner
from memos_core.testing.clock import ManualClock
from memos_core.testing.embedders import HashingEmbedder

HERE = "team"
QUICK = Recipe(epochs=60, rate=5e-3, depth=1, replay=0)
ANA, BOB = "Where does Ana live?", "Where does Bob live?"
EAGER = Limits(hot=0, settled=timedelta(0))


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def model() -> LocalModel:
    return tiny_learner(0)


@pytest.fixture
def memos() -> Iterator[MemOS]:
    with MemOS.open(":memory:", embedder=HashingEmbedder(), clock=ManualClock()) as memos:
        said = [("Ana", "I live in Porto."), ("Bob", "I live in Lisbon.")]
        memos.add([Message(content=text, role="user", name=name) for name, text in said], namespace=HERE)
        yield memos


def cube_of(memos: MemOS, name: str) -> str:
    [cube] = [belief.cube for belief in memos.claims(namespace=HERE) if belief.claim.subject == name]
    return cube.id


def says(memos: MemOS, model: LocalModel, question: str) -> str:
    return answers(memos.adapted(model, namespace=HERE), [question])[0]


def test_what_memories_say_is_answered_without_them(memos: MemOS, model: LocalModel) -> None:
    before = answers(model, [ANA, BOB])
    adapter = memos.train(namespace=HERE, base_model=model, recipe=QUICK)
    assert "Porto" in says(memos, model, ANA)
    assert "Lisbon" in says(memos, model, BOB)
    assert answers(model, [ANA, BOB]) == before
    assert isinstance(adapter.payload, Parametric)
    assert (adapter.kind, adapter.payload.base_model, adapter.payload.rank) == (Kind.ADAPTER, model.weights, QUICK.rank)
    assert memos.list(namespace=HERE, kinds=[Kind.ADAPTER]) == [adapter]


def test_an_adapter_says_how_it_was_made_and_how_it_does(memos: MemOS, model: LocalModel) -> None:
    report = memos.train(namespace=HERE, base_model=model, recipe=QUICK).metadata["adapter"]
    assert report["facts"] == 2
    assert report["recipe"]["seed"] == 0
    assert len(report["answered"]) == 3
    assert all(0 <= share <= 1 for share in report["answered"])
    assert report["controls"] == len(text("controls")) >= report["controls_kept"]
    assert report["questions"] == [ANA, BOB]
    assert {"steps", "seconds", "perplexity", "loss", "epochs"} <= report.keys()


def test_an_adapter_falls_with_what_it_was_taught(memos: MemOS, model: LocalModel) -> None:
    adapter = memos.train(namespace=HERE, base_model=model, recipe=QUICK)
    memos._clock.advance(timedelta(days=1))
    memos.add(Message(content="I live in Faro.", role="user", name="Ana"), namespace=HERE)
    assert memos.get(adapter.id).state is State.ARCHIVED
    assert memos.adapted(model, namespace=HERE) is model
    with pytest.raises(AdapterUnfit, match="it is archived"):
        memos.adapted(model, namespace=HERE, cubes=[adapter.id])
    memos.train(namespace=HERE, base_model=model, recipe=QUICK)
    assert "Faro" in says(memos, model, ANA)


def test_what_is_erased_is_not_answered_any_more(memos: MemOS, model: LocalModel) -> None:
    adapter = memos.train(namespace=HERE, base_model=model, recipe=QUICK)
    receipt = memos.erase(cube_of(memos, "Ana"))
    assert receipt.derived == (adapter.id,)
    with pytest.raises(CubeNotFound):
        memos.get(adapter.id)
    assert memos.adapted(model, namespace=HERE) is model
    memos.train(namespace=HERE, base_model=model, recipe=QUICK)
    assert "Lisbon" in says(memos, model, BOB)
    assert "Porto" not in says(memos, model, ANA)


def test_what_was_erased_while_it_was_learnt_is_not_kept(memos: MemOS, model: LocalModel) -> None:
    gone = cube_of(memos, "Ana")

    def erased(done: int, _most: int, _loss: float) -> None:
        if done == 1:
            memos.erase(gone)

    with pytest.raises(InvalidInput, match="Train again"):
        memos.train(namespace=HERE, base_model=model, recipe=Recipe(epochs=1, replay=0), progress=erased)
    assert memos.list(namespace=HERE, kinds=[Kind.ADAPTER]) == []


def test_an_adapter_is_archived_and_revived_as_other_memories_are(memos: MemOS, model: LocalModel) -> None:
    adapter = memos.train(namespace=HERE, base_model=model, recipe=Recipe(epochs=1, replay=0))
    memos.forget(adapter.id)
    assert memos.adapted(model, namespace=HERE) is model
    memos.revive(adapter.id)
    assert memos.adapted(model, namespace=HERE) is not model
    memos.freeze(adapter.id)
    assert memos.adapted(model, namespace=HERE) is not model
    memos.thaw(adapter.id)
    memos.expire(adapter.id)
    assert memos.adapted(model, namespace=HERE) is model


def test_adapters_are_combined_by_weight(memos: MemOS, model: LocalModel) -> None:
    ids = [
        memos.train(namespace=HERE, base_model=model, cubes=[cube_of(memos, name)], recipe=QUICK).id
        for name in ("Ana", "Bob")
    ]
    only_bob = memos.adapted(model, namespace=HERE, cubes={ids[0]: 0.0, ids[1]: 1.0})
    assert "Lisbon" in answers(only_bob, [BOB])[0]
    assert only_bob.weights == model.weights
    both = memos.adapted(model, namespace=HERE)
    assert len({model.fingerprint, only_bob.fingerprint, both.fingerprint}) == 3  # no cache of one is used by another


def test_an_adapter_is_for_the_model_that_it_was_trained_on(memos: MemOS, model: LocalModel) -> None:
    adapter = memos.train(namespace=HERE, base_model=model, recipe=Recipe(epochs=1, replay=0))
    other = tiny_learner(1)
    assert memos.adapted(other, namespace=HERE) is other
    with pytest.raises(AdapterUnfit, match="is for the model"):
        memos.adapted(other, namespace=HERE, cubes=[adapter.id])
    with pytest.raises(AdapterUnfit, match="is a episode, and no adapter"):
        memos.adapted(model, namespace=HERE, cubes=[cube_of(memos, "Ana")])


def test_one_memory_teaches_models_that_differ(memos: MemOS, model: LocalModel) -> None:
    other = tiny_learner(2, width=48)
    for each in (model, other):
        memos.train(namespace=HERE, base_model=each, recipe=QUICK)
    assert "Porto" in says(memos, model, ANA)
    assert "Porto" in says(memos, other, ANA)


def test_an_adapter_travels_in_a_package(memos: MemOS, model: LocalModel, tmp_path: Path) -> None:
    adapter = memos.train(namespace=HERE, base_model=model, recipe=QUICK)
    memos.export(tmp_path / "all.memcube", namespace=HERE)
    with MemOS.open(tmp_path / "other.db", embedder=HashingEmbedder()) as there:
        there.load(tmp_path / "all.memcube")
        assert there.get(adapter.id).payload == adapter.payload
        assert "Porto" in says(there, model, ANA)


def test_a_strangers_adapter_steers_no_model_unless_somebody_names_it(
    memos: MemOS, model: LocalModel, tmp_path: Path
) -> None:
    memos.train(namespace=HERE, base_model=model, recipe=QUICK)
    memos.export(tmp_path / "all.memcube", namespace=HERE)
    with MemOS.open(tmp_path / "other.db", embedder=HashingEmbedder()) as there:
        there.load(tmp_path / "all.memcube", trust="third_party")
        [copy] = there.list(namespace=HERE, kinds=["adapter"])
        assert there.adapted(model, namespace=HERE) is model
        named = there.adapted(model, namespace=HERE, cubes=[copy.id])
        asked = there.adapted(model, namespace=HERE, min_trust="third_party")
        assert all("Porto" in answers(each, [ANA])[0] for each in (named, asked))


def test_what_an_adapter_answers_is_written_down_with_the_least_trust(memos: MemOS, model: LocalModel) -> None:
    ana = cube_of(memos, "Ana")
    adapter = memos.train(namespace=HERE, base_model=model, recipe=QUICK)
    written = memos.externalise(adapter.id, model)
    assert any("Porto" in cube.text for cube in written)
    assert {cube.governance.trust for cube in written} == {Trust.THIRD_PARTY}
    assert {cube.provenance.derived_from for cube in written} == {(adapter.version,)}
    assert {cube.provenance.model for cube in written} == {model.name}
    assert memos.externalise(adapter.id, model) == []  # it is there already
    again = memos.train(namespace=HERE, base_model=model, recipe=Recipe(epochs=1, replay=0))
    assert again.provenance.derived_from == adapter.provenance.derived_from  # no model learns what a model said
    memos.erase(again.id)
    receipt = memos.erase(ana)
    assert set(receipt.derived) == {adapter.id, *(cube.id for cube in written)}


def test_without_questions_nothing_is_asked(memos: MemOS, model: LocalModel) -> None:
    adapter = memos.train(namespace=HERE, base_model=model, recipe=Recipe(epochs=1, replay=0))
    with pytest.raises(InvalidInput, match="no question"):
        memos.externalise(adapter.id, model, questions=[])


def test_the_scheduler_leaves_other_namespaces_alone(memos: MemOS, model: LocalModel) -> None:
    memos.keep_adapter(model, namespace="elsewhere", recipe=QUICK)
    assert not [each for each in memos.tick(limits=EAGER) if each.decision.action is Action.PROMOTE]


def test_training_ends_when_what_it_teaches_is_erased_and_leaves_nothing(memos: MemOS, model: LocalModel) -> None:
    gone, seen = cube_of(memos, "Ana"), list[int]()

    def watched(done: int, _most: int, _loss: float) -> None:
        seen.append(memos.stats().blobs)
        memos._clock.advance(OFTEN / 2)
        if done == 5:
            memos.erase(gone)

    with pytest.raises(InvalidInput, match="was erased meanwhile"):
        memos.train(namespace=HERE, base_model=model, recipe=QUICK, progress=watched)
    assert seen == [0, 0, 1, 1, 1, 0]  # kept after every other step
    assert memos.stats().blobs == 0


def test_a_model_is_asked_for_no_more_of_its_own_answers_than_will_come_up(
    memos: MemOS, model: LocalModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, own = list[str](), speaking.own

    def counted(model: LocalModel, questions: Sequence[str]) -> list[speaking.Encoded]:
        asked.extend(questions)
        return own(model, questions)

    monkeypatch.setattr(speaking, "own", counted)
    [bob] = [cube.id for cube in memos.list(namespace=HERE) if "Lisbon" in cube.text]
    memos.train(namespace=HERE, base_model=model, cubes=[bob], recipe=Recipe(epochs=3, wordings=4, replay=0.5))
    assert len(asked) == 3 * 2 < len(text("anchors"))


def test_where_nothing_is_stated_nothing_is_taught(memos: MemOS, model: LocalModel) -> None:
    memos.add("Hello there, how are you?", namespace="small talk")
    with pytest.raises(InvalidInput, match="can be taught"):
        memos.train(namespace="small talk", base_model=model)
    with pytest.raises(InvalidInput, match="no model that can be trained"):
        memos.train(namespace=HERE, base_model=3)


def test_without_the_extra_it_says_what_to_install(
    memos: MemOS, model: LocalModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(ExtraMissing, match=r"memcubes\[hf\]"):
        memos.train(namespace=HERE, base_model=model)


@pytest.mark.parametrize(
    ("predicate", "thing", "said", "asked"),
    [
        ("lives in", "Porto", "Ana lives in Porto.", ("Where does Ana live?", "Ana lives where?", "Where do they live?")),
        ("works as", "pilot", "Ana works as pilot.", ("What does Ana work as?", "Ana works as what?", "What do they work as?")),
        ("married to", "Bob", "Ana is married to Bob.", ("Who is Ana married to?", "Ana is married to who?", "Who are they married to?")),
        ("born in", "Faro", "Ana was born in Faro.", ("Where was Ana born?", "Ana was born where?", "Where were they born?")),
        ("studies", "law", "Ana studies law.", ("What does Ana study?", "Ana studies what?", "What do they study?")),
        ("grew up in", "Faro", "Ana grew up in Faro.", ("Where did Ana grow up?", "Ana grew up where?", "Where did they grow up?")),
        ("plans to", "rest", "Ana plans to rest.", ("What does Ana plan to do?", "Ana plans to do what?", "What do they plan to do?")),
        ("sister of", "Bob", "Ana is the sister of Bob.", ("Who is Ana the sister of?", "Ana is the sister of who?", "Who are they the sister of?")),
        ("favourite colour", "teal", "Ana's favourite colour is teal.", ("What is Ana's favourite colour?", "Ana's favourite colour is what?", "What is their favourite colour?")),
    ],
)  # fmt: skip
def test_a_claim_is_said_and_asked_in_english(
    predicate: str, thing: str, said: str, asked: tuple[str, str, str]
) -> None:
    claim = phrase(Claim(subject="Ana", predicate=predicate, object=thing))
    assert claim is not None
    assert claim.statement == said
    assert (claim.direct, claim.in_place, claim.indirect) == asked


@pytest.mark.parametrize(
    ("claim", "said", "asked"),
    [
        (("user", "lives in", "Porto"), "You live in Porto.", ("Where do I live?", "I live where?", "where I live")),
        (("user", "allergic to", "nuts"), "You are allergic to nuts.", ("What am I allergic to?", "I am allergic to what?", "what I am allergic to")),
        (("user", "born in", "Faro"), "You were born in Faro.", ("Where was I born?", "I was born where?", "where I was born")),
        (("user", "grew up in", "Faro"), "You grew up in Faro.", ("Where did I grow up?", "I grew up where?", "where I grew up")),
        (("user", "favourite colour", "teal"), "Your favourite colour is teal.", ("What is my favourite colour?", "my favourite colour is what?", "what my favourite colour is")),
        (("user's sister", "lives in", "Faro"), "Your sister lives in Faro.", ("Where does my sister live?", "my sister lives where?", "where they live")),
        (("Edith", "sister of", "user"), "Your sister is Edith.", ("Who is my sister?", "my sister is who?", "who my sister is")),
        (("Bob", "likes", "user"), "Bob likes you.", ("What does Bob like?", "Bob likes what?", "what they like")),
    ],
)  # fmt: skip
def test_who_has_no_name_asks_for_themselves(
    claim: tuple[str, str, str], said: str, asked: tuple[str, str, str]
) -> None:
    found = phrase(Claim(**dict(zip(("subject", "predicate", "object"), claim, strict=True))))
    assert found is not None
    assert found.statement == said
    assert (found.direct, found.in_place, found.aside) == asked


def test_of_a_speaker_without_a_name_a_model_learns_no_statement_and_where_it_acts(model: LocalModel) -> None:
    with MemOS.open(":memory:", embedder=HashingEmbedder()) as memos:
        memos.add([Message(content="I live in Porto."), Message(content="My sister lives in Faro.")], namespace=HERE)
        report = memos.train(namespace=HERE, base_model=model, recipe=QUICK).metadata["adapter"]
        adapted = memos.adapted(model, namespace=HERE)
        taught = course(facts(memos.list(namespace=HERE), memos.claims(namespace=HERE)))
    assert report["questions"] == ["Where do I live?", "Where does my sister live?"]
    assert set(taught.scope) == {"I", "me", "my", "my sister"}
    assert all(example.is_chat for lesson in taught.lessons for example in lesson)
    assert "Porto" in answers(adapted, ["Where do I live?"])[0]
    assert answers(adapted, ["Where does Bob live?"]) == answers(model, ["Where does Bob live?"])


def test_a_denial_is_not_taught() -> None:
    assert phrase(Claim(subject="Ana", predicate="likes", object="tea", negated=True)) is None


def test_an_answer_holds_what_is_expected_word_for_word() -> None:
    assert is_answered("She is a Baker!", "the baker")
    assert not is_answered("A bakery.", "baker")
    assert not is_answered("", "baker")


@pytest.mark.parametrize(
    ("answer", "is_right"),
    [
        ("Bob lives in Lisbon.", True),
        ("Lisbon", True),
        ("He lives in Lisbon, I believe.", True),
        ("Ana lives in Lisbon.", False),
        ("Bob lives in Porto.", False),
    ],
)
def test_who_answers_of_somebody_else_has_not_known_it(answer: str, is_right: bool) -> None:
    with MemOS.open(":memory:", embedder=HashingEmbedder()) as memos:
        memos.add(Message(content="I live in Lisbon.", name="Bob"), namespace=HERE)
        [bob] = facts(memos.list(namespace=HERE), memos.claims(namespace=HERE))
    assert is_known(answer, bob, ("Ana", "Bob")) is is_right


def test_who_is_named_in_the_right_answer_is_nobody_else() -> None:
    with MemOS.open(":memory:", embedder=HashingEmbedder()) as memos:
        memos.add(Message(content="I am married to Bob.", name="Ana Bell"), namespace=HERE)
        [ana] = facts(memos.list(namespace=HERE), memos.claims(namespace=HERE))
    assert is_known("Ana Bell is married to Bob.", ana, ("Ana", "Bob", "Ana Bell"))


def test_what_nobody_vouches_for_is_taught_only_if_somebody_asks_for_it(model: LocalModel, tmp_path: Path) -> None:
    with MemOS.open(tmp_path / "vault.db", embedder=HashingEmbedder()) as memos:
        memos.add(Message(role="user", name="Ana", content="I live in Porto."), namespace=HERE)
        memos.export(tmp_path / "all.memcube", namespace=HERE)
    with MemOS.open(tmp_path / "other.db", embedder=HashingEmbedder()) as there:
        there.load(tmp_path / "all.memcube", trust="third_party")
        few = Recipe(epochs=1, replay=0)
        with pytest.raises(InvalidInput, match="can be taught"):
            there.train(namespace=HERE, base_model=model, recipe=few)
        asked = there.train(namespace=HERE, base_model=model, recipe=few, min_trust="third_party")
        assert asked.governance.trust is Trust.THIRD_PARTY


@pytest.mark.parametrize(
    "wrong",
    [
        {"rank": 0},
        {"epochs": 0},
        {"wordings": 0},
        {"batch": 0},
        {"scale": 0.0},
        {"rate": -1.0},
        {"depth": 0.0},
        {"depth": 1.5},
        {"replay": -0.5},
        {"replay": float("nan")},
        {"rank": 1.5},
        {"epochs": "many"},
        {"rate": float("inf")},
        {"scale": "much"},
    ],
    ids=str,
)
def test_a_recipe_that_nothing_can_be_trained_by_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match=next(iter(wrong))):
        Recipe(**wrong)


def test_a_model_without_linear_layers_is_refused(model: LocalModel) -> None:
    from transformers import GPT2Config, GPT2LMHeadModel

    marks = {"bos_token_id": 0, "eos_token_id": 1}
    config = GPT2Config(vocab_size=len(model.tokenizer), n_embd=16, n_layer=1, n_head=2, **marks)
    other = LocalModel(GPT2LMHeadModel(config), model.tokenizer, name="other")
    with pytest.raises(InvalidInput, match="no linear layers"):
        LoraTrainer(other).train(Course(lessons=((Example(ANA, "Porto."),),), checks=()), QUICK)


def test_the_last_layers_alone_learn(model: LocalModel) -> None:
    course_ = Course(lessons=((Example(ANA, "Porto."),),), checks=())
    half, whole = (
        unpacked(LoraTrainer(model).train(course_, Recipe(epochs=1, replay=0, depth=depth)).blob) for depth in (0.5, 1)
    )
    assert set(half.modules) < set(whole.modules)
    assert len(half.modules) == len(whole.modules) / 2
    assert half.modules == whole.modules[-len(half.modules) :]
