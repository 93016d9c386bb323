"""A tiny model for tests, and the suite that every KV back end passes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from memos_core.errors import CacheRefused, InvalidInput, TooLarge
from memos_core.ports import KVBackend, Placed

if TYPE_CHECKING:
    from memos_core.infrastructure.models.local import LocalModel

#: A chat form with marks of its own for the ends of turns.
TEMPLATE = (
    "{% for turn in messages %}<s>{{ turn.role }}\n{{ turn.content }}</s>\n{% endfor %}"
    "{% if add_generation_prompt %}<s>assistant\n{% endif %}"
)


def tiny_model(seed: int = 0, *, window: int = 4096, dtype: str = "float32", **shape: Any) -> LocalModel:
    """A model of the Llama family with random weights and a tokenizer of bytes: what it says means nothing.

    Parameters
    ----------
    window
        In tokens.
    **shape
        Fields of transformers' ``LlamaConfig``, for one that is not tiny.
    """
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    from memos_core.infrastructure.models.local import LocalModel

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    inner = Tokenizer(models.BPE({letter: at for at, letter in enumerate(["<s>", "</s>", *letters])}, []))
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    ends = {"bos_token": "<s>", "eos_token": "</s>"}
    tokenizer: Any = PreTrainedTokenizerFast(tokenizer_object=inner, **ends)  # type: ignore[no-untyped-call]
    tokenizer.chat_template = TEMPLATE
    tiny: dict[str, Any] = {
        "hidden_size": 48,
        "intermediate_size": 96,
        "num_hidden_layers": 3,
        "num_attention_heads": 6,
        "num_key_value_heads": 2,
        "head_dim": 8,
        "initializer_range": 0.3,  # large enough for the answer to depend on the prompt
    }
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        max_position_embeddings=window,
        bos_token_id=0,
        eos_token_id=1,
        tie_word_embeddings=False,
        dtype=getattr(torch, dtype),
        **{**tiny, **shape},
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        # As "auto" does it: in this number type from the beginning.
        model = LlamaForCausalLM._from_config(config, dtype=getattr(torch, dtype))  # type: ignore[no-untyped-call]  # noqa: SLF001
    return LocalModel(model, tokenizer, name=f"tiny-{seed}")


def said(backend: KVBackend, tokens: tuple[int, ...], stored: tuple[Placed, ...] = (), most: int = 12) -> str:
    """What a model says next."""
    return "".join(step.text for step in backend.generate(tokens, stored=stored, max_tokens=most))


class KVConformance(ABC):
    """What every KV back end keeps. Subclass it and say how to make yours, and another that differs."""

    @pytest.fixture
    @abstractmethod
    def backend(self) -> KVBackend:
        """One whose number type is the model's own."""

    @pytest.fixture
    @abstractmethod
    def other(self) -> KVBackend:
        """One with other weights."""

    #: Different enough, and short.
    MEMORIES: Sequence[str] = ("[2024-05-01] Ana: I keep bees.\n", "[2024-05-02] Ana: My boat is called Ida.\n")
    PROMPTS: Sequence[str] = (
        "What is my boat called?",
        "Do I keep bees?",
        "Say hello.",
        "\u00dcber \u6771\u4eac \U0001f41d",
    )

    def head(self, backend: KVBackend, *memories: str) -> tuple[int, ...]:
        """The beginning of a prompt."""
        return (*backend.frame().before, *(token for memory in memories for token in backend.tokenize(memory)))

    def whole(self, backend: KVBackend, head: Sequence[int], prompt: str) -> tuple[int, ...]:
        """A prompt in the model's form."""
        frame = backend.frame()
        return (*head, *frame.between, *backend.tokenize(prompt), *frame.after)

    def test_an_answer_from_a_cache_is_that_of_the_whole_prompt(self, backend: KVBackend) -> None:
        head = self.head(backend, *self.MEMORIES)
        stored = (Placed(backend.compute(head).data),)
        for prompt in self.PROMPTS:
            tokens = self.whole(backend, head, prompt)
            assert said(backend, tokens, stored) == said(backend, tokens)

    def test_a_cache_that_goes_on_from_another_gives_the_same_answer(self, backend: KVBackend) -> None:
        short, long = self.head(backend, self.MEMORIES[0]), self.head(backend, *self.MEMORIES)
        first = Placed(backend.compute(short).data)
        more = backend.compute(long, stored=[first])
        stored = (first, Placed(more.data, start=more.start))
        tokens = self.whole(backend, long, self.PROMPTS[0])
        assert said(backend, tokens, stored) == said(backend, tokens)

    def test_it_says_what_was_computed_and_what_was_not(self, backend: KVBackend) -> None:
        head = self.head(backend, *self.MEMORIES)
        tokens = self.whole(backend, head, self.PROMPTS[0])
        stored = [Placed(backend.compute(head).data)]
        *_, last = backend.generate(tokens, stored=stored, max_tokens=4)
        assert (last.cached, last.computed) == (len(head), len(tokens) - len(head))
        *_, last = backend.generate(tokens, max_tokens=4)
        assert (last.cached, last.computed) == (0, len(tokens))

    def test_generating_changes_no_cache(self, backend: KVBackend) -> None:
        head = self.head(backend, *self.MEMORIES)
        cache = backend.compute(head)
        before, held = bytes(cache.data), bytearray(cache.data)
        answers = [
            "".join(step.text for step in backend.generate(tokens, stored=[Placed(memoryview(held))], max_tokens=8))
            for tokens in [self.whole(backend, head, self.PROMPTS[0])] * 2
        ]
        assert answers[0] == answers[1]
        assert held == before

    def test_a_cache_of_another_model_is_refused(self, backend: KVBackend, other: KVBackend) -> None:
        assert backend.fingerprint != other.fingerprint
        head = self.head(other, *self.MEMORIES)
        stored = [Placed(other.compute(head).data)]
        with pytest.raises(CacheRefused):
            list(backend.generate(self.whole(backend, head, "Hello"), stored=stored, max_tokens=2))

    def test_a_cache_of_other_tokens_is_refused(self, backend: KVBackend) -> None:
        stored = [Placed(backend.compute(self.head(backend, self.MEMORIES[0])).data)]
        tokens = self.whole(backend, self.head(backend, self.MEMORIES[1]), "Hello")
        with pytest.raises(CacheRefused):
            list(backend.generate(tokens, stored=stored, max_tokens=2))

    @pytest.mark.parametrize("end", [0, 7, 200, -1])
    def test_a_cache_that_is_cut_off_is_refused(self, backend: KVBackend, end: int) -> None:
        head = self.head(backend, *self.MEMORIES)
        stored = [Placed(backend.compute(head).data[:end])]
        with pytest.raises(CacheRefused):
            list(backend.generate(self.whole(backend, head, "Hello"), stored=stored, max_tokens=2))

    def test_a_text_ends_no_turn(self, backend: KVBackend) -> None:
        ends = {*backend.frame().before, *backend.frame().after} - set(backend.tokenize("\nassistantsystemuser:"))
        written = backend.tokenize("<s></s><|im_end|><|im_start|><|endoftext|><eos><bos>")
        assert ends.isdisjoint(written)

    def test_what_does_not_fit_the_window_is_refused(self, backend: KVBackend) -> None:
        tokens = self.whole(backend, (), "Hello")
        with pytest.raises(TooLarge):
            list(backend.generate(tokens, max_tokens=backend.window))

    def test_nothing_to_do_is_an_error(self, backend: KVBackend) -> None:
        head = self.head(backend, *self.MEMORIES)
        with pytest.raises(InvalidInput):
            backend.compute(head, stored=[Placed(backend.compute(head).data)])
        with pytest.raises(InvalidInput):
            list(backend.generate([], max_tokens=2))
        with pytest.raises(InvalidInput):
            backend.compute(head, dtype="pickle")

    def test_threads_do_not_disturb_one_another(self, backend: KVBackend) -> None:
        head = self.head(backend, *self.MEMORIES)
        stored = [Placed(backend.compute(head).data)]
        prompts = [self.whole(backend, head, prompt) for prompt in self.PROMPTS]

        def answer(tokens: Sequence[int]) -> str:
            return "".join(step.text for step in backend.generate(tokens, stored=stored, max_tokens=6))

        with ThreadPoolExecutor(4) as pool:
            assert list(pool.map(answer, prompts)) == [answer(tokens) for tokens in prompts]
