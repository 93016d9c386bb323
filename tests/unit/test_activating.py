"""Memories that a model has read are not read again; and no cache is used that is not of just these memories."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from memos_core import Limits, MemOS, Message
from memos_core.cube.memcube import Kind, State
from memos_core.errors import InvalidInput, NotPermitted, TooLarge
from memos_core.infrastructure.models.kv_transformers import TransformersKV
from memos_core.infrastructure.models.local import LocalModel
from memos_core.testing.clock import ManualClock
from memos_core.testing.embedders import HashingEmbedder
from memos_core.testing.kv import tiny_model

HERE = "acme/ana"


class Counting(TransformersKV):
    """Counts what it computes."""

    computed = 0

    def compute(self, *args: Any, **named: Any) -> Any:
        found = super().compute(*args, **named)
        self.computed += found.tokens
        return found


@pytest.fixture(scope="module")
def local() -> LocalModel:
    return tiny_model()


@pytest.fixture
def model(local: LocalModel) -> Counting:
    return Counting(local)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def memos(tmp_path: Path, model: Counting, clock: ManualClock) -> Iterator[MemOS]:
    path = tmp_path / "vault.db"
    with MemOS.open(path, embedder=HashingEmbedder(), clock=clock, backends=[model]) as memos:
        yield memos


def tell(memos: MemOS, *texts: str, namespace: str = HERE) -> list[str]:
    return [memos.add(text, namespace=namespace).ids[0] for text in texts]


def caches(memos: MemOS, *states: State) -> list[str]:
    return [cube.id for cube in memos.list(namespace="acme", kinds=["activation"], states=states or None)]


def blobs(memos: MemOS) -> int:
    return memos.stats().blobs


def test_an_answer_is_the_same_with_and_without_a_cache(memos: MemOS) -> None:
    tell(memos, "I keep bees.", "My boat is called Ida.", "I live in Oslo.")
    questions = ["What is my boat called?", "Where do I live?", "bees", "\u6771\u4eac"]
    without = [memos.generate(each, namespace=HERE, max_tokens=12) for each in questions]
    cache = memos.activate(namespace=HERE)
    for question, plain in zip(questions, without, strict=True):
        found = memos.generate(question, namespace=HERE, max_tokens=12)
        assert (found.text, found.memories) == (plain.text, plain.memories)
        assert (found.caches, found.is_exact) == ((cache.id,), True)
        assert found.cached > 5 * found.computed > 0 == plain.cached
        assert found.cached + found.computed == plain.computed


def test_a_cache_is_a_memory_with_provenance(memos: MemOS, model: Counting) -> None:
    [bees, boat] = tell(memos, "I keep bees.", "My boat is called Ida.")
    cache = memos.activate(namespace=HERE)
    assert cache.kind is Kind.ACTIVATION
    assert cache.payload.type == "activation"
    assert (cache.payload.model, cache.payload.dtype) == (model.fingerprint, "float32")
    assert cache.provenance.derived_from == (memos.get(bees).version, memos.get(boat).version)
    assert cache.provenance.justifications == (cache.provenance.derived_from,)
    assert [why.cube.id for why in memos.why(cache.id).justifications[0] if why.cube] == [bees, boat]
    assert memos.verify() == []


def test_the_same_selection_is_computed_once(memos: MemOS, model: Counting) -> None:
    tell(memos, "I keep bees.", "My boat is called Ida.")
    first = memos.activate(namespace=HERE)
    computed = model.computed
    assert memos.activate(namespace=HERE).id == first.id
    assert (
        memos.activate(namespace=HERE, cubes=reversed([cube.id for cube in memos.list(namespace=HERE)])).id == first.id
    )
    assert model.computed == computed
    assert caches(memos) == [first.id]


def test_more_memories_go_on_from_those_that_were_read(memos: MemOS, model: Counting) -> None:
    [bees] = tell(memos, "I keep bees. " * 20)
    first = memos.activate(namespace=HERE)
    before = model.computed
    [boat] = tell(memos, "My boat is called Ida.")
    second = memos.activate(namespace=HERE)
    assert model.computed - before == second.payload.tokens < first.payload.tokens
    found = memos.generate("What is my boat called?", namespace=HERE, max_tokens=8)
    assert (found.caches, found.memories) == ((first.id, second.id), (bees, boat))
    memos.erase([first.id, second.id])
    assert memos.generate("What is my boat called?", namespace=HERE, max_tokens=8).text == found.text


def test_what_is_not_in_a_cache_is_computed(memos: MemOS) -> None:
    tell(memos, "I keep bees.")
    cache = memos.activate(namespace=HERE)
    tell(memos, "My boat is called Ida.")
    found = memos.generate("What is my boat called?", namespace=HERE, max_tokens=8)
    assert (found.caches, len(found.memories)) == ((cache.id,), 2)
    memos.erase(cache.id)
    assert memos.generate("What is my boat called?", namespace=HERE, max_tokens=8).text == found.text


def test_generating_never_changes_a_cache(memos: MemOS) -> None:
    tell(memos, "I keep bees.", "My boat is called Ida.")
    cache = memos.activate(namespace=HERE)
    before = bytes(memos._vault.blob(cache.id))
    answers = [memos.generate("What is my boat called?", namespace=HERE, max_tokens=20).text for _ in range(3)]
    assert len(set(answers)) == 1
    assert bytes(memos._vault.blob(cache.id)) == before
    assert (memos.get(cache.id).version, caches(memos)) == (cache.version, [cache.id])


@pytest.mark.parametrize("end", ["update", "forget", "erase", "expire"])
def test_a_cache_falls_with_any_of_its_memories_in_the_same_commit(memos: MemOS, end: str) -> None:
    [bees, boat] = tell(memos, "I keep bees.", "My boat is called Ida.")
    memos.activate(namespace=HERE)
    assert blobs(memos) == 1
    getattr(memos, end)(boat, *(["My boat is called Eva."] if end == "update" else []))
    assert caches(memos) == []
    assert blobs(memos) == (0 if end in {"erase", "expire"} else 1) or end == "expire"
    found = memos.generate("What is my boat called?", namespace=HERE, max_tokens=8)
    assert (found.caches, found.cached) == ((), 0)
    assert set(found.memories) == ({bees, boat} if end == "update" else {bees})


def test_a_fact_that_is_replaced_takes_the_cache_with_it(memos: MemOS, clock: ManualClock) -> None:
    memos.add([Message(role="user", name="Ana", content="I live in Oslo.")], namespace=HERE)
    memos.activate(namespace=HERE)
    clock.advance(timedelta(days=1))
    memos.add([Message(role="user", name="Ana", content="I live in Rome.")], namespace=HERE)
    found = memos.generate("Where do I live?", namespace=HERE, max_tokens=4)
    assert (caches(memos), found.caches) == ([], ())
    assert [memos.get(name).text for name in found.memories] == ["I live in Rome."]


def test_the_branches_before_a_changed_memory_stay(memos: MemOS) -> None:
    [bees] = tell(memos, "I keep bees.")
    first = memos.activate(namespace=HERE)
    [boat] = tell(memos, "My boat is called Ida.")
    memos.activate(namespace=HERE)
    memos.update(boat, "My boat is called Eva.")
    found = memos.generate("What is my boat called?", namespace=HERE, max_tokens=8)
    assert (caches(memos), found.caches, found.memories) == ([first.id], (first.id,), (bees, boat))


def test_erasing_a_memory_takes_the_file_of_its_caches_away(memos: MemOS, tmp_path: Path) -> None:
    [bees] = tell(memos, "I keep bees.")
    memos.activate(namespace=HERE)
    tell(memos, "My boat is called Ida.")
    memos.activate(namespace=HERE)
    assert blobs(memos) == 2
    receipt = memos.erase(bees)
    assert (len(receipt.derived), blobs(memos), caches(memos, *State)) == (2, 0, [])
    assert [path for path in tmp_path.rglob("*") if path.is_file() and not path.name.startswith("vault.db")] == []


def test_a_cache_that_was_put_away_is_not_used_and_can_be_taken_back(memos: MemOS) -> None:
    tell(memos, "I keep bees.")
    cache = memos.activate(namespace=HERE)
    memos.forget(cache.id)
    assert memos.generate("bees", namespace=HERE, max_tokens=2).caches == ()
    assert (memos.activate(namespace=HERE).id, memos.get(cache.id).state) == (cache.id, State.ACTIVATED)


def test_a_cache_of_another_model_is_not_used(memos: MemOS, model: Counting) -> None:
    tell(memos, "I keep bees.")
    other = TransformersKV(tiny_model(1))
    theirs = memos.activate(namespace=HERE, model=other)
    assert memos.generate("bees", namespace=HERE, max_tokens=2).caches == ()
    mine = memos.activate(namespace=HERE)
    assert memos.generate("bees", namespace=HERE, max_tokens=2).caches == (mine.id,)
    assert memos.generate("bees", namespace=HERE, max_tokens=2, model=other).caches == (theirs.id,)


def test_a_cache_of_another_version_of_the_model_is_made_anew(memos: MemOS, model: Counting) -> None:
    tell(memos, "I keep bees.")
    newer = tiny_model(1)
    newer.name = model.name
    old = memos.activate(namespace=HERE)
    found = memos.generate("bees", namespace=HERE, max_tokens=2, model=TransformersKV(newer))
    assert (len(found.caches), found.caches != (old.id,)) == (1, True)
    assert caches(memos, *State) == list(found.caches)  # the old one is erased


def test_a_principal_uses_only_caches_of_what_it_may_read(memos: MemOS) -> None:
    [mine] = tell(memos, "I keep bees.", namespace="acme/ana/open")
    narrow = memos.activate(namespace="acme/ana/open")
    tell(memos, "I owe money.", namespace="acme/ana/secret")
    both = memos.activate(namespace=HERE)
    memos.grant("user:guest", namespace="acme/ana/open", role="reader")
    guest = memos.as_principal("user:guest")
    found = guest.generate("bees", namespace="acme/ana/open", max_tokens=2)
    assert (found.caches, found.memories) == ((narrow.id,), (mine,))
    assert both.id in memos.generate("bees", namespace=HERE, max_tokens=2).caches
    with pytest.raises(NotPermitted):
        guest.generate("money", namespace=HERE, max_tokens=2)
    with pytest.raises(NotPermitted):
        guest.activate(namespace="acme/ana/open", dtype="float16")


def test_one_who_may_read_only_some_kinds_uses_no_cache_of_others(memos: MemOS) -> None:
    tell(memos, "I keep bees.")
    memos.activate(namespace=HERE)
    memos.grant("user:guest", namespace=HERE, role="reader", kinds=["activation", "fact"])
    assert memos.as_principal("user:guest").generate("bees", namespace=HERE, max_tokens=2).caches == ()


def test_caches_are_never_recalled_as_memories(memos: MemOS) -> None:
    tell(memos, "I keep bees.")
    memos.activate(namespace=HERE)
    assert {hit.cube.kind for hit in memos.search("bees", namespace=HERE)} == {Kind.EPISODE}
    assert "bees" in memos.context("bees", namespace=HERE).text


def test_memories_of_less_trust_stand_apart_and_the_cache_is_trusted_like_the_least(
    memos: MemOS, model: Counting
) -> None:
    tell(memos, "I keep bees.")
    memos.add([Message(role="tool", content="It rains.")], namespace=HERE)
    cache = memos.activate(namespace=HERE)
    assert cache.governance.trust == min(cube.governance.trust for cube in memos.list(namespace=HERE))
    prompt = memos._prompt(("acme", "ana"), None, {}, model)
    text = model._model.tokenizer.decode(prompt.tokens(model, memos._vault.blob, question="And?").tokens)
    assert text.index("<memories>") < text.index("bees") < text.index("</memories>") < text.index("<reports>")
    assert text.index("rains") < text.index("</reports>") < text.index("And?")


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16", "int8"])
def test_what_is_stored_with_a_loss_says_so(memos: MemOS, dtype: str) -> None:
    tell(memos, "I keep bees.", "My boat is called Ida.")
    cache = memos.activate(namespace=HERE, dtype=dtype)
    found = memos.generate("bees", namespace=HERE, max_tokens=2)
    assert (cache.payload.dtype, found.caches, found.is_exact) == (dtype, (cache.id,), dtype == "float32")


def test_caches_that_were_computed_apart_are_put_together_when_that_is_asked_for(memos: MemOS) -> None:
    [bees] = tell(memos, "I keep bees. " * 9)
    [boat] = tell(memos, "My boat is called Ida. " * 5)
    one, other = (memos.activate(namespace=HERE, cubes=[each]) for each in (bees, boat))
    exact = memos.generate("bees", namespace=HERE, max_tokens=8)
    found = memos.generate("bees", namespace=HERE, max_tokens=8, compose="approximate")
    assert (exact.is_exact, exact.caches, found.is_exact) == (True, (one.id,), False)
    assert set(found.caches) == {one.id, other.id}
    assert found.computed < exact.computed
    everything = memos.generate("bees", namespace=HERE, max_tokens=8, compose="approximate", recompute=1.0)
    assert (everything.text, everything.computed) == (exact.text, exact.computed)


def test_pieces_of_an_answer_come_as_they_are_made(memos: MemOS) -> None:
    tell(memos, "I keep bees.")
    heard: list[str] = []
    found = memos.generate("bees", namespace=HERE, max_tokens=12, on_text=heard.append)
    assert ("".join(heard), len(heard) > 1) == (found.text, True)


def test_the_scheduler_keeps_caches_within_their_bytes(memos: MemOS) -> None:
    tell(memos, "I keep bees.")
    size = memos.activate(namespace=HERE).blob.size
    memos.tick(limits=Limits(bytes=size))
    assert blobs(memos) == 1
    memos.tick(limits=Limits(bytes=size - 1))
    assert (caches(memos, *State), blobs(memos)) == ([], 0)


@pytest.mark.parametrize(
    "wish",
    [
        {"cubes": ["01890000-0000-7000-8000-000000000000"]},
        {"kinds": ["fact"]},
        {"dtype": "pickle"},
        {"model": "gpt-4"},
        {"known_at": None, "namespace": None},
    ],
)
def test_what_cannot_be_activated_is_an_error_that_changes_nothing(memos: MemOS, wish: dict[str, Any]) -> None:
    tell(memos, "I keep bees.")
    with pytest.raises(InvalidInput):
        memos.activate(**{"namespace": HERE, **wish})
    assert (caches(memos), blobs(memos)) == ([], 0)


@pytest.mark.parametrize("wish", [{"compose": "roughly"}, {"recompute": 2}, {"max_tokens": 0}, {"prompt": " "}])
def test_what_cannot_be_generated_is_an_error(memos: MemOS, wish: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        memos.generate(**{"prompt": "bees", "namespace": HERE, **wish})


def test_what_does_not_fit_the_model_is_an_error(tmp_path: Path) -> None:
    with MemOS.open(":memory:", embedder=HashingEmbedder()) as memos:
        tell(memos, "I keep bees. " * 20)
        with pytest.raises(TooLarge):
            memos.generate("bees", namespace=HERE, model=tiny_model(window=64))
        with pytest.raises(InvalidInput, match="Say which model"):
            memos.activate(namespace=HERE)


def test_a_cache_in_a_strangers_package_is_never_used(memos: MemOS, model: Counting, tmp_path: Path) -> None:
    """What a cache makes a model think cannot be read off it, so only one that was made or merged here serves."""
    tell(memos, "The fox is red.")
    memos.activate(namespace=HERE)
    memos.export(tmp_path / "all.memcube", namespace=HERE)
    for trust, used in (("third_party", 0), (None, 1)):
        with MemOS.open(":memory:", embedder=HashingEmbedder(), clock=memos.clock, backends=[model]) as there:
            there.load(tmp_path / "all.memcube", trust=trust)
            assert there.list(namespace=HERE, kinds=["activation"])
            assert len(there.generate("What?", namespace=HERE, max_tokens=1).caches) == used
