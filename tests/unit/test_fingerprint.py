"""Whatever a model's fingerprint is made of: if it alone changes, caches are computed anew, and adapters of other weights refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from memos_core import MemOS, Message
from memos_core.cube.memcube import State
from memos_core.errors import AdapterUnfit, CacheRefused
from memos_core.infrastructure.models import local as module
from memos_core.infrastructure.models.kv_transformers import TransformersKV
from memos_core.infrastructure.models.local import LocalModel
from memos_core.ports import Placed, Recipe
from memos_core.testing.adapters import tiny_learner
from memos_core.testing.embedders import HashingEmbedder

HERE = "team"
FEW = Recipe(epochs=1, replay=0)
pytestmark = pytest.mark.usefixtures("one_thread")


def leaves(told: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """What a fingerprint is made of, each part by its path."""
    found: dict[str, Any] = {}
    for name, value in told.items():
        found |= leaves(value, f"{above}{name}.") if isinstance(value, Mapping) else {above + name: value}
    return found


def made_of(model: LocalModel) -> dict[str, Any]:
    return leaves({**model._identity(), "library": model._library()})


def one_weight(model: LocalModel) -> None:
    next(model.model.parameters()).data[-1, -1] += 1e-3


def one_word(model: LocalModel) -> None:
    model.tokenizer.add_tokens(["Zanzibar"])


def number_type(model: LocalModel) -> None:
    model.model.bfloat16()


def positions(model: LocalModel) -> None:
    model.model.config.rope_parameters = {"rope_type": "default", "rope_theta": 500.0}
    rotary = model.model.model.rotary_emb
    model.model.model.rotary_emb = type(rotary)(model.model.config)


#: How each part of a fingerprint changes in a real model. Whoever adds a part says it here.
CHANGES: dict[str, Callable[[LocalModel], None]] = {
    "config.fields": positions,
    "config.dtype": number_type,
    "tokenizer": one_word,
    "tensors": one_weight,
    "library.torch": lambda _: None,
    "library.transformers": lambda _: None,
}


@pytest.fixture(scope="module")
def model() -> LocalModel:
    made = tiny_learner()
    assert made.fingerprint  # before any test changes a library
    return made


@pytest.fixture
def memos() -> Iterator[MemOS]:
    with MemOS.open(":memory:", embedder=HashingEmbedder()) as memos:
        memos.add(Message(content="I live in Porto.", role="user", name="Ana"), namespace=HERE)
        yield memos


@pytest.fixture(params=CHANGES)
def part(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    part: str = request.param
    if part.startswith("library."):
        library = __import__(part.removeprefix("library."))
        monkeypatch.setattr(library, "__version__", f"{library.__version__}.post1")
    return part


@pytest.fixture
def changed(part: str) -> LocalModel:
    """The same model, under the same name, with one thing changed."""
    changed = tiny_learner()
    CHANGES[part](changed)
    return changed


def test_no_part_of_a_fingerprint_is_without_its_change(model: LocalModel) -> None:
    assert set(made_of(model)) == set(CHANGES)


def test_the_same_model_has_the_same_fingerprint(model: LocalModel) -> None:
    assert TransformersKV(tiny_learner()).fingerprint == model.fingerprint == tiny_learner().fingerprint


def test_a_change_shows_in_its_part(model: LocalModel, part: str, changed: LocalModel, monkeypatch: Any) -> None:
    now = made_of(changed)
    monkeypatch.undo()
    before = made_of(model)
    differing = {name for name in before if before[name] != now[name]}
    assert part in differing
    assert differing <= {part, *({"tensors"} if part == "config.dtype" else ())}


@pytest.mark.parametrize("part", CHANGES)
def test_each_part_by_itself_makes_another_fingerprint(part: str) -> None:
    """Even where in life two parts change together."""

    class Other(LocalModel):
        def _identity(self) -> Mapping[str, Any]:
            return altered(super()._identity())

        def _library(self) -> Mapping[str, str]:
            return altered({"library": super()._library()})["library"]

    def altered(told: Mapping[str, Any], above: str = "") -> dict[str, Any]:
        return {
            name: altered(value, f"{above}{name}.")
            if isinstance(value, Mapping)
            else value + "!" * (above + name == part)
            for name, value in told.items()
        }

    plain = tiny_learner()
    other = Other(plain.model, plain.tokenizer, name=plain.name)
    assert other.fingerprint != plain.fingerprint
    assert (other.weights == plain.weights) == part.startswith("library.")


def fields() -> list[str]:
    return sorted(tiny_learner().model.config.to_dict().keys() - module.INCIDENTAL)


@pytest.mark.parametrize("field", fields())
def test_each_field_of_a_configuration_makes_another_fingerprint(field: str, model: LocalModel) -> None:
    other = tiny_learner()
    given = other.model.config.to_dict()
    other.model.config.to_dict = lambda: {**given, field: "another"}  # type: ignore[method-assign]
    assert other.weights != model.weights


def test_a_cache_from_before_the_change_is_never_used_and_made_anew(
    memos: MemOS, model: LocalModel, part: str, changed: LocalModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = TransformersKV(changed)
    assert now.fingerprint  # while the library is another
    monkeypatch.undo()
    old = memos.activate(namespace=HERE, model=model)
    assert memos.generate("Where?", namespace=HERE, model=model, max_tokens=1).caches == (old.id,)
    found = memos.generate("Where?", namespace=HERE, model=now, max_tokens=4)
    assert found.caches not in {(), (old.id,)}
    assert [cube.id for cube in memos.list(namespace=HERE, kinds=["activation"], states=list(State))] == [*found.caches]
    memos.erase(list(found.caches))
    assert memos.generate("Where?", namespace=HERE, model=now, max_tokens=4).text == found.text


def test_a_model_refuses_a_cache_from_before_the_change(model: LocalModel, part: str, changed: LocalModel) -> None:
    now = TransformersKV(changed)
    assert now.fingerprint
    tokens = [3, 4, 5, 6]
    cache = TransformersKV(model).compute(tokens).data
    assert now.fingerprint != model.fingerprint
    with pytest.raises(CacheRefused):
        list(now.generate([*tokens, 7], stored=[Placed(cache)], max_tokens=1))


def test_an_adapter_is_for_the_weights_it_was_trained_on_whatever_library_runs_them(
    memos: MemOS, model: LocalModel, part: str, changed: LocalModel
) -> None:
    adapter = memos.train(namespace=HERE, base_model=model, recipe=FEW)
    if part.startswith("library."):
        assert memos.adapted(changed, namespace=HERE).adapters
        return
    assert memos.adapted(changed, namespace=HERE) is changed
    with pytest.raises(AdapterUnfit):
        memos.adapted(changed, namespace=HERE, cubes=[adapter.id])
