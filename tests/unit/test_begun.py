"""What all questions to a model begin with is read once, and gives the numbers that reading it each time does."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("peft")

from memos_core.infrastructure.models import speaking
from memos_core.infrastructure.models.adapter import imported, twin
from memos_core.infrastructure.models.begun import Begun
from memos_core.infrastructure.models.local import LocalModel
from memos_core.infrastructure.models.lora import PEFT_NAME
from memos_core.infrastructure.models.scope import Scopes
from memos_core.infrastructure.models.speaking import Encoded, encoded
from memos_core.ports import Example
from memos_core.testing.adapters import tiny_learner

pytestmark = pytest.mark.usefixtures("one_thread")

ROWS = (
    Example("Where does Ana live?", "Ana lives in Porto."),
    Example("As well known, Ana lives in", " Porto.", is_chat=False),
    Example("What is the sky?", "blue"),
    Example("Please tell me where Ana and Bob live.", "Ana lives in Porto and Bob in Faro."),
)


@pytest.fixture(scope="module")
def model() -> LocalModel:
    return tiny_learner()


def wearing(model: LocalModel, *scope: str) -> tuple[Any, Begun]:
    """A network with an adapter that knows nothing but chance, and its beginning."""
    import torch

    network = twin(model.model)
    peft = imported()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        config = peft.LoraConfig(r=4, target_modules=["q_proj", "down_proj"], init_lora_weights=False)
        peft.inject_adapter_in_model(config, network)
    return network, Begun(network, model, Scopes(network, model.tokenizer, {PEFT_NAME: scope}))


@pytest.mark.parametrize("scope", [("Ana",), ("Ana", "user")])  # with the second, its last word opens the scope
def test_a_beginning_that_was_read_once_gives_the_numbers_of_the_whole_row(
    model: LocalModel, scope: tuple[str, ...]
) -> None:
    import torch

    network, begun = wearing(model, *scope)
    several = [encoded(model, example) for example in ROWS]
    whole, rest = speaking.rows(model, several), begun.rows(several)
    with torch.inference_mode():
        expected, found = speaking.logits(network, whole), speaking.logits(network, rest)
    counts = whole.labels != speaking.NO_LOSS
    assert len(begun.tokens) > 0
    assert rest.inputs["input_ids"].shape[1] == whole.inputs["input_ids"].shape[1] - len(begun.tokens)
    assert torch.equal(rest.labels, whole.labels)
    assert torch.allclose(found[counts], expected[counts], atol=1e-5)
    with torch.inference_mode():
        assert torch.equal(speaking.logits(network, begun.rows(several)), found)  # and the cache is as it was


def test_an_adapter_acts_after_a_beginning_that_was_read_once(model: LocalModel) -> None:
    import torch

    network, begun = wearing(model, "Ana")
    named, other = ([encoded(model, ROWS[at])] for at in (0, 2))
    with torch.inference_mode():
        changes = [
            (speaking.logits(network, begun.rows(one)) - speaking.logits(model.model, speaking.rows(model, one)))
            .abs()
            .max()
            for one in (named, other)
        ]
    assert changes[0] > 1e-3
    assert changes[1] < 1e-5


def test_where_an_adapter_always_acts_nothing_is_read_once(model: LocalModel) -> None:
    _, begun = wearing(model)
    several = [encoded(model, example) for example in ROWS]
    assert begun.tokens == ()
    assert (
        begun.rows(several).inputs["input_ids"].tolist() == speaking.rows(model, several).inputs["input_ids"].tolist()
    )


def test_a_row_that_is_no_more_than_a_beginning_is_read_as_it_is(model: LocalModel) -> None:
    _, begun = wearing(model, "Ana")
    batch = begun.rows([Encoded(begun.tokens, 1), encoded(model, ROWS[0])])
    assert batch.labels[0, -1] == begun.tokens[-1]


def test_a_model_that_does_not_look_at_all_tokens_reads_each_row_whole(model: LocalModel) -> None:
    network = twin(model.model)
    network.config.sliding_window = 8
    begun = Begun(network, model, Scopes(network, model.tokenizer, {PEFT_NAME: ("Ana",)}))
    assert begun.tokens == ()
