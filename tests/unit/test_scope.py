"""An adapter acts only after something that it was taught about has been mentioned."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("peft")

from memos_core.errors import AdapterUnfit, InvalidInput
from memos_core.infrastructure.models.adapter import AdaptedModel, unpacked
from memos_core.infrastructure.models.kv_transformers import TransformersKV
from memos_core.infrastructure.models.local import CACHES, LocalModel
from memos_core.infrastructure.models.lora import LoraTrainer
from memos_core.infrastructure.models.scope import Heard, Pieces, Scopes, mention
from memos_core.infrastructure.models.speaking import LONGEST, Encoded, answers, encoded, own, perplexity
from memos_core.ports import Course, Example, Placed, Recipe, Weighted
from memos_core.testing.adapters import tiny_learner

TAUGHT = {"Ana": "Porto", "Bob": "Faro"}
RECIPE = Recipe(epochs=60, rate=5e-3)

pytestmark = pytest.mark.usefixtures("one_thread")


NAMES = {"one": ["Ana", "Zoë", "安娜"], "other": list[str]()}


class InBytes:
    """A reader of tokens that are bytes, as those of models are for rare characters."""

    def __init__(self) -> None:
        from tokenizers import Tokenizer, decoders, models, pre_tokenizers
        from transformers import PreTrainedTokenizerFast

        words = {letter: at for at, letter in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
        inner = Tokenizer(models.BPE(words, []))
        inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        inner.decoder = decoders.ByteLevel()
        self.tokenizer: Any = PreTrainedTokenizerFast(tokenizer_object=inner)

    def heard(self, parts: list[list[int]]) -> list[bool]:
        scopes, state, found = self.scopes(), [Heard()], list[bool]()
        for part in parts:
            masks, state = scopes._heard([part], state)
            found += masks["one"][0]
        return found

    def read(self, *rows: list[int]) -> list[bool]:
        """Of several rows, one after the other, what the last one is read as."""
        scopes = self.scopes()
        return [list(scopes._read(tuple(row))["one"]) for row in rows][-1]

    def tokens(self, text: str) -> list[int]:
        found: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return found

    def scopes(self, names: Mapping[str, list[str]] = MappingProxyType(NAMES)) -> Scopes:
        from torch import nn

        return Scopes(nn.Module(), self.tokenizer, names)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def model() -> LocalModel:
    return tiny_learner()


@pytest.fixture(scope="module")
def blobs(model: LocalModel) -> dict[str, bytes]:
    return {name: taught(model, name, scope=(name,)) for name in TAUGHT}


def taught(model: LocalModel, name: str, *, scope: tuple[str, ...]) -> bytes:
    lesson = Example(f"Where does {name} live?", f"{name} lives in {TAUGHT[name]}.")
    return LoraTrainer(model).train(Course(((lesson,),), (lesson,), scope=scope), RECIPE).blob


def worn(model: LocalModel, *blobs: bytes) -> LocalModel:
    return LoraTrainer(model).adapted([Weighted(blob) for blob in blobs])


def logits(model: LocalModel, text: str) -> Any:
    import torch

    with torch.inference_mode():
        return model.model(**model.tokenizer(text, return_tensors="pt")).logits


def test_nothing_changes_until_a_name_is_mentioned(model: LocalModel, blobs: dict[str, bytes]) -> None:
    text = "What is the sky? Cleo works as a baker. My question is about"
    assert (logits(worn(model, blobs["Ana"]), text) == logits(model, text)).all()
    assert perplexity(worn(model, blobs["Ana"]), [text]) == perplexity(model, [text])


def test_what_is_taught_is_answered_after_the_name(model: LocalModel, blobs: dict[str, bytes]) -> None:
    assert "Porto" in answers(worn(model, blobs["Ana"]), ["Where does Ana live?"])[0]
    assert "Porto" not in answers(model, ["Where does Ana live?"])[0]


def test_up_to_the_name_a_text_is_read_as_by_the_model_itself(model: LocalModel, blobs: dict[str, bytes]) -> None:
    text = "Where does Ana live ?"
    before, after = logits(model, text)[0], logits(worn(model, blobs["Ana"]), text)[0]
    same = [bool((old == new).all()) for old, new in zip(before, after, strict=True)]
    assert same == [True, True, True, False, False]


def test_adapters_do_not_disturb_one_another(model: LocalModel, blobs: dict[str, bytes]) -> None:
    both = worn(model, *blobs.values())
    for name, place in TAUGHT.items():
        question = [f"Where does {name} live?"]
        assert answers(both, question) == answers(worn(model, blobs[name]), question)
        assert place in answers(both, question)[0]


def test_rows_of_one_batch_have_scopes_of_their_own(model: LocalModel, blobs: dict[str, bytes]) -> None:
    asked = ["Where does Ana live?", "What is the sky?", "Where does Bob live?"]
    both = worn(model, *blobs.values())
    assert answers(both, asked) == [answers(both, [one])[0] for one in asked]
    assert answers(both, asked)[1] == answers(model, asked)[1]


def test_without_a_scope_it_always_acts(model: LocalModel) -> None:
    text = "What is the sky?"
    assert (logits(worn(model, taught(model, "Ana", scope=())), text) != logits(model, text)).any()


def test_a_cache_knows_what_was_mentioned_in_it(model: LocalModel, blobs: dict[str, bytes]) -> None:
    import torch

    taught_model = worn(model, blobs["Ana"])
    tokens = taught_model.tokenizer("Where does Ana live ? What is the sky ?", return_tensors="pt")["input_ids"]
    with torch.inference_mode():
        whole = taught_model.model(input_ids=tokens).logits[:, -1]
        first = taught_model.model(input_ids=tokens[:, :5], use_cache=True)
        name = next(name for name in CACHES if hasattr(first, name))
        cached = {name: getattr(first, name)}
        rest = taught_model.model(input_ids=tokens[:, 5:], **cached).logits[:, -1]
        other = model.model(input_ids=tokens).logits[:, -1]
    assert torch.allclose(whole, rest, atol=1e-5)
    assert not torch.allclose(whole, other, atol=1e-3)


def test_a_stored_cache_gives_the_answer_of_the_whole_prompt(model: LocalModel, blobs: dict[str, bytes]) -> None:
    backend = TransformersKV(worn(model, blobs["Ana"]))
    memory, question = backend.tokenize("Ana works as a baker ."), backend.tokenize("Where does Bob live ?")
    cache = backend.compute(memory)
    reused = list(backend.generate([*memory, *question], stored=[Placed(cache.data, 0)], max_tokens=6))
    anew = list(backend.generate([*memory, *question], max_tokens=6))
    assert [step.text for step in reused] == [step.text for step in anew]
    assert reused[0].cached == len(memory)


def test_vectors_in_place_of_tokens_are_refused(model: LocalModel, blobs: dict[str, bytes]) -> None:
    import torch

    with pytest.raises(InvalidInput, match="input_ids"):
        worn(model, blobs["Ana"]).model(inputs_embeds=torch.zeros(1, 2, 64))


@pytest.mark.parametrize(
    ("text", "is_mentioned"),
    [
        ("Where does Ana live?", True),
        ("WHERE DOES ANA LIVE?", True),
        ("Ana's house", True),
        ("Orla  Venn\nlives", True),
        ("Susana lives", False),
        ("Ananas is a fruit", False),
        ("Ana", False),  # it may go on
        ("Orla lives", False),
        ("安娜住在里斯本", True),
        ("Zoë lives", True),
        ("Eve lives", True),
        ("Steve lives", False),
    ],
)
def test_a_name_is_mentioned_when_its_words_are_over(text: str, is_mentioned: bool) -> None:
    assert bool(mention(["Ana", "Orla Venn", "安娜", "Zoë", " Eve "]).search(text)) is is_mentioned


@given(text=st.text(st.sampled_from("Ana Zoë 安娜🙂.\n"), max_size=30), cut=st.integers(0, 60))
def test_the_mentions_of_a_text_are_the_same_in_parts(text: str, cut: int) -> None:
    reader = InBytes()
    tokens = reader.tokenizer(text, add_special_tokens=False)["input_ids"]
    whole = reader.heard([tokens])
    assert reader.heard([tokens[:cut], tokens[cut:]]) == whole
    assert reader.heard([[token] for token in tokens]) == whole
    assert reader.read(tokens) == whole
    assert reader.read(tokens[:cut], tokens) == whole  # it goes on
    assert reader.read([*tokens, *tokens], tokens[::-1], tokens) == whole  # these are others


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
def test_pieces_are_the_whole_text(text: str) -> None:
    tokenizer = InBytes().tokenizer
    tokens = tokenizer(text, add_special_tokens=False)["input_ids"]
    pieces = Pieces(tokenizer).of(tokens)
    assert len(pieces) == len(tokens)
    assert "".join(pieces) == text


def test_whether_an_adapter_acts_in_a_beginning_can_be_asked() -> None:
    read = InBytes()
    acts = {text: read.scopes({"one": ["Ana"]}).act_in(read.tokens(text)) for text in ("Ana is", "Ana", "Bob is")}
    assert acts == {"Ana is": True, "Ana": False, "Bob is": False}  # a name may go on
    assert read.scopes({"one": ["Ana"], "other": []}).act_in(read.tokens("Bob is"))


@pytest.mark.parametrize("scope", ["Ana", [" "], [3], None, [[]]])
def test_a_scope_that_is_no_list_of_names_is_refused(blobs: dict[str, bytes], scope: object) -> None:
    import json

    from safetensors.torch import save

    adapter = unpacked(blobs["Ana"])
    fields = {**adapter._asdict(), "format": "memos adapter 1", "scope": scope}
    tensors = fields.pop("tensors")
    with pytest.raises(AdapterUnfit):
        unpacked(save(dict(tensors), metadata={"adapter": json.dumps(fields)}))
    del fields["scope"]
    assert unpacked(save(dict(tensors), metadata={"adapter": json.dumps(fields)})).scope == ()  # as it once was


def test_an_adapted_model_is_named_after_what_it_wears(model: LocalModel, blobs: dict[str, bytes]) -> None:
    taught_model = worn(model, blobs["Ana"])
    assert isinstance(taught_model, AdaptedModel)
    assert taught_model.fingerprint != model.fingerprint
    assert taught_model.weights == model.weights


def test_of_an_own_answer_that_is_cut_the_end_is_not_learnt(model: LocalModel) -> None:
    asked = ["What is the sky?", "What colour is grass?"]
    said = answers(model, asked)
    short, long = (len(model.tokenizer(answer, add_special_tokens=False)["input_ids"]) for answer in said)
    assert short < long == LONGEST
    whole, cut = (encoded(model, Example(*pair)) for pair in zip(asked, said, strict=True))
    ends = cut.answer - long
    assert own(model, asked) == [whole, Encoded(cut.tokens[:-ends], long)]
    assert model.tokenizer.decode(cut.tokens[-ends:]).split() == ["</s>"]
