"""A tiny model that can learn, for tests, and the suite that every trainer of adapters passes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from memos_core.errors import AdapterUnfit, InvalidInput
from memos_core.ports import AdapterTrainer, Course, Example, Recipe, Weighted

if TYPE_CHECKING:
    from memos_core.infrastructure.models.local import LocalModel

_TEMPLATE = (
    "{% for turn in messages %}<s> {{ turn.role }} {{ turn.content }} </s> {% endfor %}"
    "{% if add_generation_prompt %}<s> assistant {% endif %}"
)
_WORDS = (
    "user assistant Where does Ana Bob Cleo live lives work as works in a the of ? . : , My question is about they "
    "do Finish this sentence Can you tell me where what Please I would like to know Do Somebody wants "
    "Remind As well known Note Yes Porto Lisbon Faro baker pilot singer What green red blue who sky and grass"
)


def tiny_learner(seed: int = 0, *, width: int = 64) -> LocalModel:
    """A model of the Llama family with random weights and some sixty words, small enough to learn in a second."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    from memos_core.infrastructure.models.local import LocalModel

    words = ["<s>", "</s>", "<unk>", *dict.fromkeys(_WORDS.split())]
    marks = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    inner = Tokenizer(models.WordLevel({word: at for at, word in enumerate(words)}, marks["unk_token"]))
    inner.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer: Any = PreTrainedTokenizerFast(tokenizer_object=inner, **marks)  # type: ignore[no-untyped-call]
    tokenizer.chat_template = _TEMPLATE
    config = LlamaConfig(
        hidden_size=width,
        intermediate_size=2 * width,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        vocab_size=len(words),
        max_position_embeddings=2048,
        initializer_range=0.2,
        bos_token_id=0,
        eos_token_id=1,
        tie_word_embeddings=False,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = LlamaForCausalLM(config)
    return LocalModel(model, tokenizer, name=f"tiny-{seed}")


QUESTION = "Where does Ana live?"
TEXTS = ("Ana and Bob know the sky .", "the grass is green and the sky is blue .")


def lessons(answer: str, *, question: str = QUESTION) -> Course:
    """One fact, and something to keep."""
    wordings = (Example(question, f"Ana lives in {answer}."), Example("Ana lives in", f" {answer}.", is_chat=False))
    return Course((wordings,), (wordings[0],), anchors=("What is the sky?",))


class _KilledError(Exception):
    """Stands for a process that ends in the middle."""


class AdapterConformance(ABC):
    """What every trainer keeps. Subclass it and say how to make one, and one of another model."""

    recipe = Recipe(epochs=40, rate=5e-3)

    @pytest.fixture
    @abstractmethod
    def trainer(self) -> AdapterTrainer:
        """One for a model whose words are at least those of :func:`tiny_learner`."""

    @pytest.fixture
    @abstractmethod
    def other(self) -> AdapterTrainer:
        """One for a model with other weights."""

    def test_what_is_taught_is_answered(self, trainer: AdapterTrainer) -> None:
        trained = trainer.train(lessons("Porto"), self.recipe)
        assert "Porto" not in trainer.answers([QUESTION])[0]
        assert "Porto" in trainer.answers([QUESTION], [Weighted(trained.blob)])[0]
        assert trained.steps > 0
        assert trained.rank == self.recipe.rank

    def test_the_model_without_answers_as_before(self, trainer: AdapterTrainer) -> None:
        before = trainer.answers([QUESTION]), trainer.perplexity(TEXTS)
        trained = trainer.train(lessons("Porto"), self.recipe)
        worn = trainer.adapted([Weighted(trained.blob)])
        assert (trainer.answers([QUESTION]), trainer.perplexity(TEXTS)) == before
        del worn
        assert (trainer.answers([QUESTION]), trainer.perplexity(TEXTS)) == before

    def test_the_same_course_gives_the_same_adapter(self, trainer: AdapterTrainer) -> None:
        recipe = Recipe(epochs=2)
        first, second = (trainer.train(lessons("Porto"), recipe) for _ in range(2))
        assert first == second

    def test_what_was_killed_goes_on_to_the_same_adapter(self, trainer: AdapterTrainer) -> None:
        recipe, kept = Recipe(epochs=4), list[bytes]()
        whole = trainer.train(lessons("Porto"), recipe)
        seen: list[int] = []

        def killed(done: int, most: int, loss: float) -> None:
            assert 0 < done <= most
            assert loss > 0
            seen.append(done)
            if done == 3:
                raise _KilledError

        with pytest.raises(_KilledError):
            trainer.train(lessons("Porto"), recipe, keep=lambda packed: kept.append(packed()), progress=killed)
        seen.clear()
        rest = trainer.train(
            lessons("Porto"), recipe, begun=kept[-1], progress=lambda done, _most, _loss: seen.append(done)
        )
        assert rest == whole
        assert seen[0] > 1

    def test_training_ends_when_the_lessons_are_known_also_without_a_check(self, trainer: AdapterTrainer) -> None:
        course = replace(lessons("Porto"), checks=(), anchors=())
        trained = trainer.train(course, Recipe(epochs=200, rate=5e-3, replay=0))
        assert trained.epochs < 200
        assert "Porto" in trainer.answers([QUESTION], [Weighted(trained.blob)])[0]

    def test_how_far_another_course_has_come_does_not_count(self, trainer: AdapterTrainer) -> None:
        recipe, kept = Recipe(epochs=2), list[bytes]()
        trainer.train(lessons("Porto"), recipe, keep=lambda packed: kept.append(packed()))
        whole = trainer.train(lessons("Faro"), recipe)
        assert len(kept) == 1  # not after the last epoch
        assert trainer.train(lessons("Faro"), recipe, begun=kept[0]) == whole

    def test_an_adapter_of_no_weight_changes_nothing(self, trainer: AdapterTrainer) -> None:
        blob = trainer.train(lessons("Porto"), Recipe(epochs=3)).blob
        assert trainer.perplexity(TEXTS, [Weighted(blob, 0.0)]) == pytest.approx(trainer.perplexity(TEXTS), rel=1e-5)

    def test_adapters_add_up(self, trainer: AdapterTrainer) -> None:
        first = trainer.train(lessons("Porto"), Recipe(epochs=3)).blob
        second = trainer.train(lessons("Faro"), Recipe(epochs=3)).blob
        both = trainer.perplexity(TEXTS, [Weighted(first), Weighted(second)])
        assert both == pytest.approx(trainer.perplexity(TEXTS, [Weighted(second), Weighted(first)]), rel=1e-4)
        assert both != pytest.approx(trainer.perplexity(TEXTS, [Weighted(first)]), rel=1e-4)
        twice = trainer.perplexity(TEXTS, [Weighted(first), Weighted(first)])
        assert twice == pytest.approx(trainer.perplexity(TEXTS, [Weighted(first, 2.0)]), rel=1e-4)

    def test_an_adapter_of_another_model_is_refused(self, trainer: AdapterTrainer, other: AdapterTrainer) -> None:
        assert trainer.base_model != other.base_model
        blob = other.train(lessons("Porto"), Recipe(epochs=1)).blob
        with pytest.raises(AdapterUnfit, match="is for the model"):
            trainer.answers([QUESTION], [Weighted(blob)])

    @pytest.mark.parametrize("blob", [b"", b"\x80\x04K\x01.", b"\x02\0\0\0\0\0\0\0{}", b"\xff" * 64])
    def test_what_is_no_adapter_is_refused(self, trainer: AdapterTrainer, blob: bytes) -> None:
        with pytest.raises(AdapterUnfit):
            trainer.adapted([Weighted(blob)])

    def test_without_lessons_there_is_no_adapter(self, trainer: AdapterTrainer) -> None:
        with pytest.raises(InvalidInput, match="nothing to train on"):
            trainer.train(Course((), ()), Recipe())
