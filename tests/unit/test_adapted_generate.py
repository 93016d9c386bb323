"""A model that wears adapters reads memories too: with the adapters, and from caches of nobody else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from memos_core import MemOS, Message
from memos_core.cube.memcube import Kind, State
from memos_core.errors import AdapterUnfit, CubeNotFound
from memos_core.infrastructure.models.local import LocalModel
from memos_core.ports import Recipe
from memos_core.testing.adapters import tiny_learner
from memos_core.testing.embedders import HashingEmbedder

HERE, SEEN = "team", "team/seen"
QUICK = Recipe(epochs=60, rate=5e-3, depth=1, replay=0)
ANA, BOB = "Where does Ana live?", "Where does Bob live?"

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def model() -> LocalModel:
    return tiny_learner(0)


@pytest.fixture
def memos() -> Iterator[MemOS]:
    """What is taught, and beside it something else that is read."""
    with MemOS.open(":memory:", embedder=HashingEmbedder()) as memos:
        said = [("Ana", "I live in Porto."), ("Bob", "I live in Lisbon.")]
        memos.add([Message(content=text, role="user", name=name) for name, text in said], namespace=HERE)
        memos.add("The grass is green.", namespace=SEEN)
        yield memos


def cube_of(memos: MemOS, name: str) -> str:
    [cube] = [belief.cube for belief in memos.claims(namespace=HERE) if belief.claim.subject == name]
    return cube.id


def caches(memos: MemOS, *states: State) -> set[str]:
    return {cube.id for cube in memos.list(namespace=HERE, kinds=[Kind.ACTIVATION], states=states or None)}


def test_the_answer_uses_the_adapter_with_memories_in_the_prompt_and_from_a_cache(
    memos: MemOS, model: LocalModel
) -> None:
    memos.train(namespace=HERE, base_model=model, recipe=QUICK)
    taught = memos.adapted(model, namespace=HERE)
    bare = memos.generate(ANA, namespace=SEEN, model=model, max_tokens=8)
    computed = memos.generate(ANA, namespace=SEEN, model=taught, max_tokens=8)
    cache = memos.activate(namespace=SEEN, model=taught)
    read = memos.generate(ANA, namespace=SEEN, model=taught, max_tokens=8)
    assert ("Porto" in bare.text, "Porto" in computed.text) == (False, True)
    assert (read.text, read.caches, computed.cached, read.cached > 0) == (computed.text, (cache.id,), 0, True)


def test_no_cache_is_used_with_other_adapters_than_it_was_made_with(memos: MemOS, model: LocalModel) -> None:
    few = Recipe(epochs=1, replay=0)
    one, other = (
        memos.train(namespace=HERE, base_model=model, cubes=[cube_of(memos, name)], recipe=few).id
        for name in ("Ana", "Bob")
    )
    worn = [
        model,
        memos.adapted(model, namespace=HERE),
        memos.adapted(model, namespace=HERE, cubes=[one]),
        memos.adapted(model, namespace=HERE, cubes=[other]),
        memos.adapted(model, namespace=HERE, cubes={one: 0.5}),
    ]
    made: list[str] = []
    for each in worn:
        before = memos.generate(ANA, namespace=SEEN, model=each, max_tokens=1)
        assert (before.caches, before.cached) == ((), 0)
        made.append(memos.activate(namespace=SEEN, model=each).id)
    assert len(caches(memos)) == len(set(made)) == len(worn)  # and none has taken another's place
    for each, own in zip(worn, made, strict=True):
        assert memos.generate(ANA, namespace=SEEN, model=each, max_tokens=1).caches == (own,)


def test_the_same_adapters_put_on_again_find_their_cache(memos: MemOS, model: LocalModel) -> None:
    memos.train(namespace=HERE, base_model=model, recipe=Recipe(epochs=1, replay=0))
    cache = memos.activate(namespace=SEEN, model=memos.adapted(model, namespace=HERE))
    again = memos.adapted(model, namespace=HERE)
    assert memos.activate(namespace=SEEN, model=again).id == cache.id
    assert memos.generate(ANA, namespace=SEEN, model=again, max_tokens=1).caches == (cache.id,)


def test_what_is_erased_takes_the_adapter_and_all_that_was_read_with_it(memos: MemOS, model: LocalModel) -> None:
    adapter = memos.train(namespace=HERE, base_model=model, recipe=Recipe(epochs=1, replay=0))
    taught = memos.adapted(model, namespace=HERE)
    cache = memos.activate(namespace=SEEN, model=taught)
    receipt = memos.erase(cube_of(memos, "Ana"))
    assert set(receipt.derived) == {adapter.id, cache.id}
    assert (caches(memos, *State), memos.stats().blobs) == (set(), 0)
    assert memos.adapted(model, namespace=HERE) is model
    for use in (memos.generate, memos.activate):  # nor by who still holds it
        with pytest.raises(AdapterUnfit, match="holds no longer"):
            use(*([ANA] if use == memos.generate else []), namespace=SEEN, model=taught)
    with pytest.raises(CubeNotFound):
        memos.adapted(model, namespace=HERE, cubes=[adapter.id])


def test_with_an_adapter_that_is_withdrawn_no_cache_holds(memos: MemOS, model: LocalModel) -> None:
    adapter = memos.train(namespace=HERE, base_model=model, recipe=Recipe(epochs=1, replay=0))
    memos.activate(namespace=SEEN, model=memos.adapted(model, namespace=HERE))
    bare = memos.activate(namespace=SEEN, model=model)
    memos.forget(adapter.id)
    assert caches(memos) == {bare.id}
    with pytest.raises(AdapterUnfit):
        memos.adapted(model, namespace=HERE, cubes=[adapter.id])
