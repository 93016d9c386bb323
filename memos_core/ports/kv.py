"""What MemOS asks of a model whose KV cache can be kept: activation memory."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol


class Frame(NamedTuple):
    """The tokens of a model's chat form: before the memories, between them and the prompt, and after it."""

    before: tuple[int, ...]
    between: tuple[int, ...]
    after: tuple[int, ...]


@dataclass(frozen=True)
class KVCache:
    """The keys and values of consecutive tokens.

    Attributes
    ----------
    data
        A safetensors file: ``tokens`` with their ids, and the tensors in the back end's own form.
    start, tokens
        The position of the first token, and how many there are.
    dtype
        Of the stored tensors, e.g. ``"float16"``.
    shape
        ``(layers, 2, heads, tokens, head_dim)``, or that of the back end's own form.
    """

    data: bytes
    start: int
    tokens: int
    dtype: str
    shape: tuple[int, ...]


class Placed(NamedTuple):
    """A stored cache, and where it belongs in the tokens at hand.

    Attributes
    ----------
    data
        As :class:`KVCache` has it.
    start
        The position of the first token that is taken from it.
    skip
        How many of its tokens are left out at its beginning.
    """

    data: memoryview | bytes
    start: int = 0
    skip: int = 0


class Step(NamedTuple):
    """The next piece of an answer.

    Attributes
    ----------
    cached, computed
        How many tokens of the prompt were taken from caches, and how many were computed.
    """

    text: str
    cached: int
    computed: int


class KVBackend(Protocol):
    """A model that can go on from stored keys and values. Thread-safe."""

    @property
    def name(self) -> str:
        """What decisions, errors and listings call it."""
        ...

    @property
    def fingerprint(self) -> str:
        """Digest of all that a cache depends on: weights, tokenizer, number type, position encoding and library."""
        ...

    @property
    def adapters(self) -> Collection[str]:
        """SHA-256 of each adapter that it wears: a cache rests on these too."""
        ...

    @property
    def dtype(self) -> str:
        """The number type in which nothing is lost: that in which it computes."""
        ...

    @property
    def window(self) -> int:
        """How many tokens it can see."""
        ...

    @property
    def can_shift(self) -> bool:
        """Whether it can place a cache elsewhere than where it was computed, and compute some of its tokens again."""
        ...

    def frame(self) -> Frame:
        """The model's chat form. Its tokens may be special ones."""
        ...

    def tokenize(self, text: str) -> list[int]:
        """Tokens of a text. None is a special one, whatever the text says: no memory can end its turn."""
        ...

    def compute(self, tokens: Sequence[int], *, stored: Sequence[Placed] = (), dtype: str | None = None) -> KVCache:
        """Compute keys and values.

        Parameters
        ----------
        tokens
            All of them, from the first.
        stored
            Caches of the first ones, one after the other; these are not computed again. What comes back goes on from
            there, or holds all of them where the back end's form cannot be divided.
        dtype
            Of what is stored: ``"float32"``, ``"float16"``, ``"bfloat16"`` or ``"int8"``. By default the model's own,
            which loses nothing.

        Raises
        ------
        InvalidInput
            If the back end cannot store this type, or there is nothing to compute.
        TooLarge
            If the model's window is too small.
        CacheRefused
            If a cache does not hold these tokens.
        """
        ...

    def generate(
        self,
        tokens: Sequence[int],
        *,
        stored: Sequence[Placed] = (),
        again: Collection[int] = (),
        max_tokens: int,
    ) -> Iterator[Step]:
        """Go on from a prompt, always with the likeliest token. What is stored is never changed.

        Parameters
        ----------
        tokens
            Of the prompt, from the first.
        stored
            Caches of some of them. A cache that stands elsewhere than where it was computed is an approximation.
        again
            Positions that are computed though a cache holds them.

        Raises
        ------
        InvalidInput
            If there is no token, or a cache is moved and the back end cannot.
        TooLarge
            If the model's window is too small for prompt and answer.
        CacheRefused
            If a cache does not hold these tokens.
        """
        ...
