"""Taking what a caller gives as a model for a KV back end."""

from __future__ import annotations

from typing import cast

from memos_core.errors import InvalidInput
from memos_core.infrastructure.models.local import LocalModel
from memos_core.ports import KVBackend


def as_kv_backend(given: object) -> KVBackend:
    """Adapt a model in this process; a back end stays as it is.

    Raises
    ------
    InvalidInput
        If it is neither, or its cache cannot be divided.
    """
    if isinstance(given, LocalModel):
        from memos_core.infrastructure.models.kv_transformers import TransformersKV

        return TransformersKV(given)
    if is_kv_backend(given):
        return cast("KVBackend", given)
    raise InvalidInput(
        detail=f"{given!r} keeps no KV cache. Pass LocalModel.load(path), LlamaServerKV(url, folder=...), or your own "
        "memos_core.ports.KVBackend; see docs/ACTIVATION.md."
    )


def is_kv_backend(given: object) -> bool:
    """Say whether something has the methods of the port."""
    return all(hasattr(given, name) for name in ("fingerprint", "frame", "tokenize", "compute", "generate"))
