"""What MemOS asks of models, and of the clock."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from memos_core.cube.memcube import MemCube

    Vector = NDArray[np.float32]


class Clock(Protocol):
    """The only source of the present time."""

    def now(self) -> datetime:
        """The present moment, aware."""
        ...


# -- embedders ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class EmbeddingSpec:
    """What a vector is comparable with: vectors of an equal specification, and no others.

    Attributes
    ----------
    revision
        Changes when the same model is used differently: other weights, pooling, prefix.
    """

    model: str
    dim: int
    revision: str = "1"

    def __str__(self) -> str:
        return f"{self.model}@{self.revision} ({self.dim} dimensions)"


class Span(NamedTuple):
    """A stretch of characters ``[start, end)`` of a text."""

    start: int
    end: int


class Embedder(Protocol):
    """Turns text into vectors whose nearness is nearness of meaning."""

    @property
    def spec(self) -> EmbeddingSpec:
        """What its vectors are comparable with."""
        ...

    def embed(self, texts: Sequence[str]) -> Vector:
        """Embed passages: ``(n, dim)`` float32, finite, every row of length one. Empty input gives ``(0, dim)``."""
        ...

    def embed_query(self, text: str) -> Vector:
        """Embed a question: ``(dim,)`` float32, finite, of length one."""
        ...

    def spans(self, text: str) -> list[Span]:
        """Cut a text into spans that each fit the model's window, in order; at least one, none blank if avoidable."""
        ...

    def count_tokens(self, text: str) -> int:
        """Length of a text in tokens of this model; a cautious estimate where the tokenizer is unknown."""
        ...


# -- faster memory --------------------------------------------------------------------------------


class MemoryBackend(Protocol):
    """Holds plaintext in another form that a model uses directly: a KV cache, an adapter.

    The scheduler fills it with what is recalled much and empties it of what is not, or is no longer true.
    """

    @property
    def name(self) -> str:
        """What decisions call it, e.g. ``"activation"``."""
        ...

    @property
    def is_for_stable(self) -> bool:
        """Whether it takes what has long not changed, as an adapter does, or what is recalled now, as a cache does."""
        ...

    def held(self) -> Mapping[str, int]:
        """The versions of cubes that it holds, by id, and how many bytes each takes."""
        ...

    def promote(self, cubes: Sequence[MemCube]) -> str | None:
        """Take cubes in, as they are, and say what that took, such as ``"7 facts, 1,024 bytes"``, if it can."""
        ...

    def demote(self, versions: Collection[str]) -> str | None:
        """Let go of versions, by id; of those that it does not hold, nothing. Say what came of it, if it can."""
        ...


# -- chat models ----------------------------------------------------------------------------------


class Turn(NamedTuple):
    """One turn of a conversation with a model; the role is ``"system"``, ``"user"`` or ``"assistant"``."""

    role: str
    content: str


@dataclass(frozen=True)
class Reply:
    """What a model answered, and the tokens it took: as the server counts them, or else a cautious estimate."""

    text: str
    input_tokens: int
    output_tokens: int


class ChatModel(Protocol):
    """Answers a conversation. It is never required."""

    @property
    def name(self) -> str:
        """What errors, warnings and provenance call it."""
        ...

    def complete(self, turns: Sequence[Turn], *, max_tokens: int, schema: Mapping[str, Any] | None = None) -> Reply:
        """Give the next turn, of ``max_tokens`` at most and at temperature 0, where these can be set.

        A JSON schema of the reply is enforced where the back end can; whoever asks has to check.

        Raises
        ------
        ChatModelFailed
            If there is no reply.
        """
        ...


class StreamingChatModel(ChatModel, Protocol):
    """A chat model that can also give its reply while it is being written."""

    def stream(self, turns: Sequence[Turn], *, max_tokens: int) -> Iterator[str]:
        """Give the next turn in pieces of text, none of them empty, which together are the reply.

        Whoever has read enough closes the iterator, and the model stops.

        Raises
        ------
        ChatModelFailed
            If there is no reply, or it breaks off; what came until then was of it.
        """
        ...
