"""Keys and values in torch: a place with room for what comes, filled from files and written to them.

References
----------
Quantisation to eight bits, keys by channel and values by token: Liu et al., KIVI: A Tuning-Free Asymmetric 2bit
Quantization for KV Cache, ICML 2024, arXiv 2402.02750; here symmetric, for each head.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel
from transformers.cache_utils import Cache, CacheLayerMixin
from transformers.masking_utils import sdpa_mask

from memos_core.errors import CacheRefused, InvalidInput
from memos_core.infrastructure.models.kv_file import KVFile, Tensor, pack, tokens_of

TYPES = {"float32": (torch.float32, "F32"), "float16": (torch.float16, "F16"), "bfloat16": (torch.bfloat16, "BF16")}
STORED = {name: dtype for dtype, name in TYPES.values()} | {"I8": torch.int8}
ATTENTION = "memos_grouped"  # the name under which transformers knows :func:`grouped`
LEVELS = 127  # of a byte, on each side of nothing

with warnings.catch_warnings():  # torch says once that a read-only buffer must not be written to; nothing here does
    warnings.simplefilter("ignore")
    torch.frombuffer(b"\0", dtype=torch.uint8)


class Room(CacheLayerMixin):  # type: ignore[no-untyped-call]
    """One layer's keys and values, ``(1, heads, capacity, head_dim)``, of which the first ``length`` are there.

    transformers' own layer copies everything for every token; here a token is written into its place.

    Attributes
    ----------
    at
        Positions that the next pass writes, where they are not the next ones.
    """

    is_sliding = False
    keys: torch.Tensor
    values: torch.Tensor

    def __init__(self, keys: torch.Tensor, values: torch.Tensor, length: int) -> None:
        self.keys = keys
        self.values = values
        self.length = length
        self.at: torch.Tensor | None = None
        self.is_initialized = True

    def lazy_initialization(self, *_: Any) -> None:
        """There is nothing to wait for."""

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *_: Any, **__: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Write tokens, and return all that are there."""
        if self.at is None:
            end = self.length + key_states.shape[-2]
            self.keys[:, :, self.length : end] = key_states
            self.values[:, :, self.length : end] = value_states
            self.length = end
        else:
            self.keys[:, :, self.at] = key_states
            self.values[:, :, self.at] = value_states
        return self.keys[:, :, : self.length], self.values[:, :, : self.length]

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        """How many tokens a query sees, and where they begin."""
        return self.length + query_length, 0

    def get_seq_length(self) -> int:
        """How many tokens are there."""
        return self.length

    def get_max_length(self) -> int:
        """No limit but the room."""
        return -1


class Form(NamedTuple):
    """What all layers of a model have in common."""

    layers: int
    heads: int
    head_dim: int
    dtype: torch.dtype
    device: torch.device

    @classmethod
    def of(cls, model: PreTrainedModel) -> Form:
        """Read it from a model.

        Raises
        ------
        InvalidInput
            If its layers are not alike, or do not look at all that came before.
        """
        config = model.config.get_text_config()
        kinds = set(getattr(config, "layer_types", None) or ()) - {"full_attention"}
        if kinds or getattr(config, "sliding_window", None) or getattr(config, "is_encoder_decoder", False):
            raise InvalidInput(
                detail=f"{type(model).__name__} does not look at all tokens in every layer, and its cache cannot be "
                "divided. Use a model with full attention, such as those of the Llama and Qwen families."
            )
        heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
        size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        return cls(config.num_hidden_layers, heads, size, model.dtype, model.device)

    def room(self, capacity: int, length: int = 0) -> tuple[Cache, torch.Tensor]:
        """An empty place, as transformers takes it and as one tensor ``(2, layers, heads, capacity, head_dim)``."""
        shape = (2, self.layers, self.heads, capacity, self.head_dim)
        place = torch.empty(shape, dtype=self.dtype, device=self.device)
        rooms: list[Any] = [Room(place[0, at][None], place[1, at][None], length) for at in range(self.layers)]
        return Cache(layers=rooms), place


def write(place: torch.Tensor, tokens: Sequence[int], *, start: int, dtype: str, fingerprint: str) -> bytes:
    """Keys and values ``(2, layers, heads, tokens, head_dim)`` as a file.

    Raises
    ------
    InvalidInput
        If there is no such type.
    """
    tensors = {"tokens": tokens_of(tokens)}
    for name, part in (("keys", place[0]), ("values", place[1])):
        if dtype == "int8":
            scale = scales(part, dim=-2 if name == "keys" else -1)
            tensors[name] = _tensor(torch.round(part / scale).to(torch.int8), "I8")
            tensors[f"{name}_scale"] = _tensor(scale.to(torch.float32), "F32")
        elif dtype in TYPES:
            tensors[name] = _tensor(part.to(TYPES[dtype][0]), TYPES[dtype][1])
        else:
            known = ", ".join([*TYPES, "int8"])
            raise InvalidInput(detail=f"A cache cannot be stored as {dtype!r}; known are {known}.")
    return pack(tensors, {"fingerprint": fingerprint, "start": str(start)})


def scales(part: torch.Tensor, *, dim: int) -> torch.Tensor:
    """What a step of the bytes means, from the largest number along a dimension."""
    largest = part.abs().amax(dim=dim, keepdim=True).to(torch.float32)
    return largest.clamp_min(torch.finfo(torch.float32).tiny * LEVELS) / LEVELS


def read(file: KVFile, *, into: torch.Tensor, skip: int = 0, shift: torch.Tensor | None = None) -> None:
    """Fill a place ``(2, layers, heads, tokens, head_dim)`` from a file, without its first ``skip`` tokens.

    Parameters
    ----------
    shift
        Angles ``(rotary / 2)`` by which keys are turned on.

    Raises
    ------
    CacheRefused
        If the file does not fit.
    """
    shape = (*into.shape[1:3], skip + into.shape[3], into.shape[4])
    for target, name in zip(into, ("keys", "values"), strict=True):
        part = _stored(file, name, shape)[..., skip:, :]
        scale = file.tensors.get(f"{name}_scale")
        target.copy_(part)
        if scale is not None:
            wanted = (*shape[:2], 1, shape[3]) if name == "keys" else (*shape[:3], 1)
            factor = _stored(file, f"{name}_scale", wanted).to(target.device)
            target.mul_(factor if name == "keys" else factor[..., skip:, :])
    if shift is not None:
        into[0].copy_(turned(into[0], shift))


def turned(keys: torch.Tensor, angles: torch.Tensor) -> torch.Tensor:
    """Keys with rotary position encoding, moved on by the same distance, of which ``angles`` are what it turns.

    References
    ----------
    Su et al., RoFormer: Enhanced Transformer with Rotary Position Embedding, arXiv 2104.09864. A rotation after a
    rotation is the rotation by the sum.
    """
    half = angles.shape[0]
    cos, sin = angles.cos(), angles.sin()
    exact = keys.to(torch.float32)
    first, second, rest = exact[..., :half], exact[..., half : 2 * half], exact[..., 2 * half :]
    return torch.cat([first * cos - second * sin, second * cos + first * sin, rest], dim=-1).to(keys.dtype)


def _stored(file: KVFile, name: str, shape: tuple[int, ...]) -> torch.Tensor:
    tensor = file.tensors.get(name)
    if tensor is None or tensor.dtype not in STORED or tensor.shape != shape:
        raise CacheRefused(detail=f"its {name} are not those of this model")
    return torch.frombuffer(tensor.data, dtype=STORED[tensor.dtype]).view(shape)


def _tensor(part: torch.Tensor, dtype: str) -> Tensor:
    flat = part.detach().to("cpu").contiguous()
    return Tensor(dtype, tuple(flat.shape), flat.view(-1).view(torch.uint8).numpy().data)


def grouped(
    _: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    **__: Any,
) -> tuple[torch.Tensor, None]:
    """Attention by torch, for queries that share keys: these are read once, where transformers copies them for each."""
    is_causal = attention_mask is None and query.shape[2] > 1
    found = torch.nn.functional.scaled_dot_product_attention(
        query, key, value, attn_mask=attention_mask, scale=scaling, is_causal=is_causal, enable_gqa=True
    )
    return found.transpose(1, 2).contiguous(), None


AttentionInterface.register(ATTENTION, grouped)
AttentionMaskInterface.register(ATTENTION, sdpa_mask)
