"""What a cube holds: plaintext, activation (a KV cache) or parametric (an adapter) memory."""

from __future__ import annotations

from typing import Annotated, Literal, Union

from pydantic import Field

from memos_core.cube.frozen import Frozen


class BlobRef(Frozen):
    """The address of a blob by its content.

    Attributes
    ----------
    sha256
        Hexadecimal digest of the blob's bytes.
    size
        In bytes.
    """

    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    size: int = Field(ge=0)


class Plaintext(Frozen):
    """Explicit memory: text that a person can read and edit."""

    type: Literal["plaintext"] = "plaintext"
    text: str
    media_type: str = "text/plain"


class Activation(Frozen):
    """Activation memory: a KV cache in safetensors.

    Attributes
    ----------
    model
        Fingerprint of the weights, tokenizer, position encoding and library that made it.
    tokens
        How many tokens it covers.
    dtype
        Of the stored tensors, e.g. ``"float16"``.
    shape
        ``(layers, 2, heads, tokens, head_dim)``.
    """

    type: Literal["activation"] = "activation"
    blob: BlobRef
    model: str
    tokens: int = Field(ge=1)
    dtype: str
    shape: tuple[int, ...]


class Parametric(Frozen):
    """Parametric memory: an adapter in safetensors.

    Attributes
    ----------
    base_model
        Fingerprint of the model it adapts.
    method
        E.g. ``"lora"``.
    rank
        Of the update.
    """

    type: Literal["parametric"] = "parametric"
    blob: BlobRef
    base_model: str
    method: str
    rank: int = Field(ge=1)


Payload = Annotated[Union[Plaintext, Activation, Parametric], Field(discriminator="type")]
