"""Caches as files, in fewer bits, and moved to other positions; and answers that are those of a full prefill."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memos_core.errors import CacheRefused, InvalidInput
from memos_core.infrastructure.models.kv_file import Tensor, pack, tokens_of, unpack
from memos_core.infrastructure.models.kv_form import split_form
from memos_core.infrastructure.models.kv_transformers import TransformersKV
from memos_core.infrastructure.models.local import LocalModel
from memos_core.ports import KVBackend, Placed
from memos_core.testing.kv import said, tiny_model

SMALL = Path(__file__).parents[2] / "build" / "models" / "smollm2-135m"
FILE = pack({"tokens": tokens_of([1, 2]), "keys": Tensor("F32", (2,), b"\0" * 8)}, {"start": "0", "fingerprint": "f"})


@pytest.fixture(scope="module")
def tiny() -> TransformersKV:
    return TransformersKV(tiny_model())


def test_other_readers_of_the_format_read_the_file(tiny: TransformersKV) -> None:
    from safetensors.torch import load

    cache = tiny.compute(range(2, 40), dtype="float16")
    found = load(cache.data)
    assert found["tokens"].tolist() == list(range(2, 40))
    assert tuple(found["keys"].shape) == (3, 2, 38, 8)
    assert cache.shape == (3, 2, 2, 38, 8)
    assert str(found["values"].dtype) == "torch.float16"


@given(st.binary(max_size=200))
def test_no_bytes_are_believed_unseen(data: bytes) -> None:
    with pytest.raises(CacheRefused):
        unpack(data)


@given(st.data())
def test_a_file_that_was_changed_is_refused_or_holds_what_fits(data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(FILE) - 1))
    changed = FILE[:at] + bytes([data.draw(st.integers(0, 255))]) + FILE[at + 1 :]
    try:
        found = unpack(changed)
    except CacheRefused:
        return
    assert all(len(tensor.data) <= len(FILE) for tensor in found.tensors.values())


@pytest.mark.parametrize(
    "entry",
    [
        {"dtype": "F32", "shape": [2], "data_offsets": [0, 9]},
        {"dtype": "F32", "shape": [-2], "data_offsets": [0, 8]},
        {"dtype": "F32", "shape": [2], "data_offsets": [-8, 0]},
        {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]},
        {"dtype": "O", "shape": [1], "data_offsets": [0, 8]},
        [],
    ],
)
def test_a_tensor_that_does_not_fit_its_file_is_refused(entry: Any) -> None:
    header = json.dumps({"tokens": entry, "__metadata__": {"start": "0"}}).encode()
    with pytest.raises(CacheRefused):
        unpack(len(header).to_bytes(8, "little") + header + b"\0" * 8)


def test_fifty_answers_are_those_of_a_full_prefill(tiny: TransformersKV) -> None:
    chance = random.Random(0)
    for _ in range(50):
        tokens = [chance.randrange(2, 250) for _ in range(chance.randrange(30, 90))]
        cut, end = sorted(chance.sample(range(1, len(tokens)), 2))
        first = tiny.compute(tokens[:cut])
        second = tiny.compute(tokens[:end], stored=[Placed(first.data)])
        stored = (Placed(first.data), Placed(second.data, start=cut))
        assert said(tiny, tuple(tokens), stored, 10) == said(tiny, tuple(tokens), (), 10)


def test_the_answers_of_a_real_model_are_those_of_a_full_prefill() -> None:
    kv = TransformersKV(LocalModel.load(SMALL))
    frame = kv.frame()
    memories = "Ana keeps bees.\nHer boat is called Ida.\nShe lives in Oslo.\n"
    head = (*frame.before, *kv.tokenize(memories))
    exact, half = kv.compute(head), kv.compute(head, dtype="float16")
    for question, cache in (("What is the boat called?", exact), ("Where does Ana live?", half)):
        tokens = (*head, *frame.between, *kv.tokenize(question), *frame.after)
        assert said(kv, tokens, (Placed(cache.data),), 6) == said(kv, tokens, (), 6)
    assert kv.can_shift


@pytest.mark.parametrize(("dtype", "error"), [("float32", 0), ("float16", 1e-3), ("bfloat16", 8e-3), ("int8", 1 / 200)])
def test_what_is_lost_in_fewer_bits_is_little(tiny: TransformersKV, dtype: str, error: float) -> None:
    from memos_core.infrastructure.models.kv_room import Form, read

    tokens = list(range(2, 60))
    places = []
    for kind in ("float32", dtype):
        place = Form.of(tiny._model.model).room(len(tokens))[1]
        read(unpack(tiny.compute(tokens, dtype=kind).data), into=place)
        places.append(place)
    exact, stored = places
    largest = exact.abs().amax(dim=(-1, -2), keepdim=True)
    assert float(((exact - stored).abs() / largest).max()) <= error


def test_a_cache_that_is_moved_has_the_keys_of_its_new_place(tiny: TransformersKV) -> None:
    """Of the first layer, where keys depend on nothing before them."""
    from memos_core.infrastructure.models.kv_room import Form, read

    part, before = list(range(10, 30)), list(range(40, 53))
    assert tiny.can_shift
    form = Form.of(tiny._model.model)
    moved, there = form.room(len(part))[1], form.room(len(before) + len(part))[1]
    read(unpack(tiny.compute(part).data), into=moved, shift=tiny._shift(len(before)))
    read(unpack(tiny.compute([*before, *part]).data), into=there)
    first = there[:, 0, :, len(before) :]
    assert float((moved[:, 0] - first).abs().max()) < 1e-4
    assert float((moved[:, 1] - there[:, 1, :, len(before) :]).abs().max()) > 1e-3  # deeper layers are approximate


def test_a_moved_cache_of_which_all_is_computed_again_is_exact(tiny: TransformersKV) -> None:
    chance = random.Random(1)
    tokens = [chance.randrange(2, 250) for _ in range(60)]
    part = Placed(tiny.compute(tokens[20:50]).data, start=20)
    again = list(tiny.generate(tokens, stored=[part], again=range(20, 50), max_tokens=8))
    assert "".join(step.text for step in again) == said(tiny, tuple(tokens), (), 8)
    assert (again[0].cached, again[0].computed) == (0, 60)
    [*_, last] = tiny.generate(tokens, stored=[part], again=range(20, 25), max_tokens=2)
    assert (last.cached, last.computed) == (25, 35)


def test_models_that_forget_are_refused() -> None:
    model = tiny_model()
    model.model.config.sliding_window = 64
    with pytest.raises(InvalidInput, match="does not look at all tokens"):
        TransformersKV(model)


def test_a_model_without_a_chat_form_gets_a_plain_one() -> None:
    model = tiny_model()
    model.tokenizer.chat_template = None
    kv: KVBackend = TransformersKV(model)
    assert kv.frame().before == (0,)
    assert list(kv.frame().between) == kv.tokenize("\n\n")


def test_a_chat_form_without_a_system_turn_has_the_memories_in_the_users() -> None:
    def render(turns: list[dict[str, str]]) -> str:
        if turns[0]["role"] == "system":
            raise ValueError("no system turn")
        return "".join(f"<{turn['role']}>{turn['content']}<end>" for turn in turns)

    assert split_form(render) == ("<user>", "\n\n", "<end>")
