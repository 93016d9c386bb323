from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from memos_core.cube.memcube import Content, Kind
from memos_core.cube.payload import Activation, BlobRef, Parametric, Payload, Plaintext

BLOB = {"sha256": "a" * 64, "size": 0}
PAYLOADS: dict[type[Any], dict[str, Any]] = {
    Plaintext: {"type": "plaintext", "text": "x"},
    Activation: {"type": "activation", "blob": BLOB, "model": "m", "tokens": 1, "dtype": "float16", "shape": [1, 2]},
    Parametric: {"type": "parametric", "blob": BLOB, "base_model": "m", "method": "lora", "rank": 1},
}
adapter: TypeAdapter[Any] = TypeAdapter(Payload)


@pytest.mark.parametrize("kind", PAYLOADS)
def test_type_says_which_payload_it_is(kind: type[Any]) -> None:
    payload = adapter.validate_python(PAYLOADS[kind] | {"newer": 1})
    assert type(payload) is kind
    assert payload.model_dump(mode="json")["newer"] == 1


@pytest.mark.parametrize("kind", PAYLOADS)
def test_payload_is_frozen(kind: type[Any]) -> None:
    payload = adapter.validate_python(PAYLOADS[kind])
    with pytest.raises(ValidationError):
        payload.type = "other"


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        (Plaintext, {"type": "pickle"}),
        (Plaintext, {"text": None}),
        (Activation, {"tokens": 0}),
        (Activation, {"blob": None}),
        (Parametric, {"rank": 0}),
        (Parametric, {"blob": {"sha256": "A" * 64, "size": 0}}),
        (Parametric, {"blob": {"sha256": "a" * 63, "size": 0}}),
        (Parametric, {"blob": {"sha256": "a" * 64 + "\n", "size": 0}}),
        (Parametric, {"blob": {"sha256": "a" * 64, "size": -1}}),
    ],
    ids=str,
)
def test_payload_that_cannot_be_is_refused(kind: type[Any], changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        adapter.validate_python(PAYLOADS[kind] | changes)


def test_only_plaintext_has_text() -> None:
    texts = [
        Content(namespace=("a",), kind=Kind.FACT, payload=adapter.validate_python(fields)).text
        for fields in PAYLOADS.values()
    ]
    assert texts == ["x", "", ""]


def test_blob_is_told_by_its_digest_and_size() -> None:
    assert BlobRef(sha256="a" * 64, size=1) == BlobRef.model_validate({"sha256": "a" * 64, "size": 1})
