"""Adapters for a model of transformers: how they are stored, and the model that wears them.

A model that wears adapters is another object over the same weights: the one without never changes, answers as it always
did, bit by bit, and can be used at the same time. To unload an adapter is to let go of the model that wears it.
"""

from __future__ import annotations

import copy
import json
import warnings
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, NamedTuple

from memos_core.cube.canonical import canonical, sha256
from memos_core.errors import AdapterUnfit, ExtraMissing
from memos_core.infrastructure.models.local import LocalModel
from memos_core.infrastructure.models.scope import Scopes
from memos_core.ports import Weighted

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

METHOD = "lora"
FORMAT = "memos adapter 1"


class Adapter(NamedTuple):
    """An adapter, read.

    Attributes
    ----------
    base_model
        Fingerprint of the weights that it was trained on.
    tensors
        By the names that peft gives them.
    scope
        What must have been mentioned before it acts; without any, it always does. See :mod:`.scope`.
    """

    base_model: str
    rank: int
    scale: float
    modules: tuple[str, ...]
    tensors: Mapping[str, torch.Tensor]
    scope: tuple[str, ...] = ()

    @property
    def config(self) -> Any:
        """As peft wants it."""
        peft = imported()
        return peft.LoraConfig(r=self.rank, lora_alpha=self.rank * self.scale, target_modules=list(self.modules))

    def packed(self) -> bytes:
        """As safetensors, with all that is needed to load it in the metadata; nothing in it can be run."""
        from safetensors.torch import save

        fields = {**self._asdict(), "format": FORMAT}
        del fields["tensors"]
        tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in sorted(self.tensors.items())}
        packed: bytes = save(tensors, metadata={"adapter": json.dumps(fields)})  # one key: the order of several varies
        return packed


def imported() -> Any:
    """The module ``peft``, whose import takes seconds.

    Raises
    ------
    ExtraMissing
        If it is not installed.
    """
    try:
        import peft
        import safetensors.torch
    except ImportError as error:
        raise ExtraMissing(what="Training adapters", install="pip install 'memcubes[hf]'") from error
    del safetensors
    return peft


def unpacked(blob: bytes | memoryview) -> Adapter:
    """Read an adapter.

    Raises
    ------
    AdapterUnfit
        If it is none.
    """
    imported()
    from safetensors import SafetensorError
    from safetensors.torch import load

    data = bytes(blob)
    try:
        fields = json.loads(metadata(data)["adapter"])
        fields[fields.pop("format")] = None  # of another format there is a field too many
        del fields[FORMAT]
        fields["modules"] = tuple(fields["modules"])
        fields["scope"] = _names(fields.get("scope", []))  # those of the first days have none
        return Adapter(**fields, tensors=load(data))
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise AdapterUnfit(detail=f"it is no adapter that MemOS has written: {error}") from error


def _names(scope: object) -> tuple[str, ...]:
    if not isinstance(scope, list) or not all(isinstance(name, str) and name.strip() for name in scope):
        raise ValueError("its scope is no list of names")
    return tuple(scope)


def metadata(blob: bytes) -> Mapping[str, str]:
    """What a file of safetensors says of itself in its head."""
    size = int.from_bytes(blob[:8], "little")
    found: Mapping[str, str] = json.loads(blob[8 : 8 + size])["__metadata__"]
    return found


class AdaptedModel(LocalModel):
    """A model that wears adapters. Its weights are those of the base; its fingerprint is its own.

    So a KV cache made without the adapters, or with others, is none of this model.

    Attributes
    ----------
    adapters
        SHA-256 of each that it wears.
    """

    def __init__(self, base: LocalModel, model: PreTrainedModel, adapters: Sequence[Weighted], scopes: Scopes) -> None:
        worn = sorted((sha256(bytes(adapter.blob)), float(adapter.weight)) for adapter in adapters)
        which = sha256(repr(worn).encode())[:8]  # other adapters are no other version of the same model
        super().__init__(model, base.tokenizer, name=f"{base.name} with adapters {which}")
        self.weights = base.weights
        self.adapters = tuple(digest for digest, _ in worn)
        self._scopes = scopes
        self.fingerprint = sha256(canonical({"base": base.fingerprint, "adapters": repr(worn)}))

    def reading(self, tokens: Sequence[int], positions: Sequence[int]) -> AbstractContextManager[None]:
        """What was mentioned before the positions decides which adapters act on them."""
        return self._scopes.reading(tokens, positions)


def twin(model: PreTrainedModel) -> PreTrainedModel:
    """Another model over the same weights; what is put into it does not show in the first."""
    import torch

    shared: dict[int, Any] = {id(buffer): buffer for buffer in model.buffers()}
    for weight in model.parameters():
        shared[id(weight)] = torch.nn.Parameter(weight.data, requires_grad=False)
    return copy.deepcopy(model, shared)


def adapted(base: LocalModel, adapters: Sequence[Weighted]) -> LocalModel:
    """A model with adapters, whose updates are added up, each times its weight; without any, the model itself.

    Raises
    ------
    AdapterUnfit
        If one is for another model.
    """
    if not adapters:
        return base
    peft = imported()
    model, scopes = twin(base.model), dict[str, Sequence[str]]()
    for number, (blob, weight) in enumerate(adapters):
        adapter, name = unpacked(blob), f"adapter{number}"
        if adapter.base_model != base.weights:
            raise AdapterUnfit(
                detail=f"it is for the model {adapter.base_model[:12]}, and {base.name} is {base.weights[:12]}."
            )
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Already found a `peft_config`")  # several are meant here
            peft.inject_adapter_in_model(adapter.config, model, adapter_name=name)
        peft.set_peft_model_state_dict(model, dict(adapter.tensors), adapter_name=name)
        scopes[name] = adapter.scope
        for layer in layers(model):
            if name in layer.scaling:
                layer.scaling[name] *= weight
    worn = [f"adapter{number}" for number in range(len(adapters))]
    for layer in layers(model):
        layer.set_adapter(worn)
    return AdaptedModel(base, model, adapters, Scopes(model, base.tokenizer, scopes))


def layers(model: PreTrainedModel) -> list[Any]:
    """The layers of a model into which adapters were put."""
    from peft.tuners.tuners_utils import BaseTunerLayer

    return [module for module in model.modules() if isinstance(module, BaseTunerLayer)]
