"""Where an adapter acts: only after something that it was taught about has been mentioned.

Until then a model that wears it computes what it computes without, bit by bit: an answer to something else stays the
same word for word, and several adapters do not disturb one another. Whether a token comes after a mention depends on
the text before it alone, so a text gives the same numbers at once, in parts, or from a KV cache.

References
----------
Edits that act in a scope alone: Mitchell et al., Memory-Based Model Editing at Scale, ICML 2022. A LoRA block for each
scope: Yu et al., MELO: Enhancing Model Editing with Neuron-Indexed Dynamic LoRA, AAAI 2024. There the scope is found
by likeness of vectors; a mention is something that a person can check.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import accumulate
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from memos_core.errors import InvalidInput
from memos_core.infrastructure.models.local import CACHES, UNFINISHED

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

PARTS = 4  # bytes of a character, at most


def mention(names: Sequence[str]) -> re.Pattern[str]:
    """Match where a name has been mentioned and the next character shows that it is over, whatever its case."""
    return re.compile("|".join(map(_named, sorted(names, key=len, reverse=True))), re.IGNORECASE | re.DOTALL)


def _named(name: str) -> str:
    words = name.split()
    before = r"(?<!\w)" if _has_case(words[0][0]) else ""  # scripts without case often put no blank between words
    after = r"(?=\W)" if _has_case(words[-1][-1]) else "(?=.)"
    return before + r"\s+".join(map(re.escape, words)) + after


def _has_case(character: str) -> bool:
    return character.isdigit() or character.lower() != character.upper()


class Pieces:
    """What each token adds to a text."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self._tokenizer = tokenizer
        self._first = list(tokenizer("a", add_special_tokens=False)["input_ids"])
        self._known: dict[tuple[int, ...], str] = {}

    def of(self, tokens: Sequence[int]) -> list[str]:
        """One text for each token; of a character in several tokens the last one has it all."""
        found: list[str] = []
        open_: tuple[int, ...] = ()
        for token in tokens:
            open_ = (*open_, token)
            text = self._text(open_)
            is_half = text.endswith(UNFINISHED) and len(open_) < PARTS
            found.append("" if is_half else text)
            open_ = open_ if is_half else ()
        return found

    def _text(self, tokens: tuple[int, ...]) -> str:
        if tokens not in self._known:  # a token on its own would lose the blank that it begins with
            first, whole = (self._decoded([*self._first, *more]) for more in ((), tokens))
            self._known[tokens] = whole.removeprefix(first)
        return self._known[tokens]

    def _decoded(self, tokens: list[int]) -> str:
        return str(self._tokenizer.decode(tokens, clean_up_tokenization_spaces=False))


class Heard(NamedTuple):
    """What a row has come to: the tokens so far, as far as they may matter, and which scopes are open."""

    tokens: tuple[int, ...] = ()
    open: frozenset[str] = frozenset()


class Read(NamedTuple):
    """A row that has been read as a whole, and for each adapter whether it acts on each of its tokens."""

    tokens: tuple[int, ...] = ()
    acts: Mapping[str, Sequence[bool]] = MappingProxyType({})
    heard: Heard = Heard()


class Scopes:
    """The scopes of the adapters that a model wears; hooks in the model keep to them.

    Parameters
    ----------
    network
        With the adapters in it.
    names
        Of each adapter: what must be mentioned; one without any always acts.
    """

    def __init__(
        self, network: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, names: Mapping[str, Sequence[str]]
    ) -> None:
        self._pieces = Pieces(tokenizer)
        self._mentions = {
            adapter: {name: name.split()[0].casefold() for name in several}
            for adapter, several in names.items()
            if several
        }
        self._is_always = len(self._mentions) < len(names)
        self._kept = max((len(name) for several in names.values() for name in several), default=0) * PARTS + PARTS
        self._now = threading.local()  # each thread has a pass of its own through the model
        if not self._mentions:
            return
        network.register_forward_pre_hook(self._begin, with_kwargs=True)
        network.register_forward_hook(self._end, with_kwargs=True)
        for module in network.modules():
            for adapter, down in getattr(module, "lora_A", {}).items():
                if adapter in self._mentions:
                    down.register_forward_hook(self._limited(adapter))

    @contextmanager
    def reading(self, tokens: Sequence[int], positions: Sequence[int]) -> Iterator[None]:
        """Say what the whole row is of which a pass computes some positions: a cache may not know what it holds."""
        self._now.row = (tuple(tokens), list(positions))
        try:
            yield
        finally:
            self._now.row = None

    def act_in(self, tokens: Sequence[int]) -> bool:
        """Whether any adapter acts on any of the first tokens of a row."""
        _, (heard,) = self._heard([tokens], [Heard()])
        return bool(heard.open) or self._is_always

    def _begin(self, _network: Any, args: Sequence[Any], given: dict[str, Any]) -> None:
        tokens = given.get("input_ids", args[0] if args else None)
        if tokens is None:
            raise InvalidInput(detail="A model with adapters takes input_ids: they tell it what has been mentioned.")
        if row := getattr(self._now, "row", None):
            whole, positions = row
            acts, self._now.heard = self._read(whole), None
            self._masks(tokens, {adapter: [[each[at] for at in positions]] for adapter, each in acts.items()})
            return
        cache = _cache(given)
        before = getattr(cache, "memos_heard", None) or [Heard()] * len(tokens)
        masks, self._now.heard = self._heard(tokens.tolist(), before)
        self._masks(tokens, masks)

    def _end(self, _network: Any, _args: Any, given: dict[str, Any], found: Any) -> None:
        heard, self._now.heard, self._now.masks = getattr(self._now, "heard", None), None, {}
        if heard is not None:
            for cache in (_cache(given), _cache(getattr(found, "__dict__", {}))):
                if cache is not None:
                    cache.memos_heard = heard

    def _read(self, whole: tuple[int, ...]) -> Mapping[str, Sequence[bool]]:
        """For each adapter whether it acts on each token; a row that goes on is not read from its beginning again."""
        last: Read = getattr(self._now, "read", Read())
        if whole[: len(last.tokens)] != last.tokens:
            last = Read()
        masks, (heard,) = self._heard([whole[len(last.tokens) :]], [last.heard])
        acts = {adapter: [*last.acts.get(adapter, ()), *rows[0]] for adapter, rows in masks.items()}
        self._now.read = Read(whole, acts, heard)
        return acts

    def _heard(
        self, rows: Sequence[Sequence[int]], before: Sequence[Heard]
    ) -> tuple[dict[str, list[list[bool]]], list[Heard]]:
        """For each adapter and row whether it acts on each token, and what the rows have come to."""
        masks: dict[str, list[list[bool]]] = {adapter: [] for adapter in self._mentions}
        heard: list[Heard] = []
        for tokens, past in zip(rows, before, strict=True):
            known = (*past.tokens, *tokens)
            pieces = self._pieces.of(known)
            is_open = set(past.open)
            for adapter, several in self._mentions.items():
                start = 0 if adapter in past.open else _opened(several, pieces, since=len(past.tokens))
                is_open |= {adapter} if start < len(known) else set()
                masks[adapter].append([at >= start for at in range(len(past.tokens), len(known))])
            heard.append(Heard(known[-self._kept :], frozenset(is_open)))
        return masks, heard

    def _masks(self, tokens: torch.Tensor, masks: Mapping[str, list[list[bool]]]) -> None:
        """Each ``(rows, width, 1)``."""
        import torch

        self._now.masks = {
            adapter: torch.tensor(rows, device=tokens.device, dtype=torch.bool)[:, :, None]
            for adapter, rows in masks.items()
        }

    def _limited(self, adapter: str) -> Callable[[Any, Any, torch.Tensor], torch.Tensor]:
        def limited(_module: Any, _given: Any, found: torch.Tensor) -> torch.Tensor:
            here: torch.Tensor = self._now.masks[adapter]
            return found * here

        return limited


def _opened(names: Mapping[str, str], pieces: Sequence[str], *, since: int) -> int:
    """The first token that comes after a mention which the tokens ``since`` end; as many as there are if none does.

    Parameters
    ----------
    names
        Each with its first word in lower case: looking for that is quick, and few names are in a text.
    """
    text = "".join(pieces)
    plain = text.casefold()
    there = [name for name, word in names.items() if word in plain]
    over = len("".join(pieces[:since]))
    ends = (found.end() for found in mention(there).finditer(text)) if there else iter(())
    end = next((end for end in ends if end >= over), None)
    after = accumulate(map(len, pieces))
    return len(pieces) if end is None else next(at for at, last in enumerate(after) if last > end)


def attend(cache: Any, rows: Sequence[bool]) -> None:
    """Say of which rows a cache that one row has filled is now: the others have heard nothing of it."""
    [heard] = cache.memos_heard
    cache.memos_heard = [heard if has_heard else Heard() for has_heard in rows]


def _cache(given: Mapping[str, Any]) -> Any:
    return next((given[name] for name in CACHES if given.get(name) is not None), None)
