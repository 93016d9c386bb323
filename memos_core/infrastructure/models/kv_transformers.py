"""KV caches of a model of transformers in this process."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Collection, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from memos_core.errors import CacheRefused, InvalidInput, TooLarge
from memos_core.infrastructure.models.adapter import AdaptedModel
from memos_core.infrastructure.models.kv_file import KVFile, unpack
from memos_core.infrastructure.models.kv_form import split_form
from memos_core.infrastructure.models.local import UNFINISHED
from memos_core.ports import Frame, KVCache, Placed, Step

if TYPE_CHECKING:
    import torch

    from memos_core.infrastructure.models.local import LocalModel

PROBE, DISTANCE = 4, 7  # tokens, and how far they are moved, to see how a model encodes positions
TOLERANCE = 1e-3  # of what a moved key may differ, relative to the largest


class TransformersKV:
    """The :class:`~memos_core.ports.KVBackend` of a model in this process.

    Parameters
    ----------
    model
        Every layer must look at all that came before, as those of Llama, Qwen, Mistral without a window do.

    Raises
    ------
    InvalidInput
        For a model whose cache cannot be divided.
    """

    def __init__(self, model: LocalModel) -> None:
        from memos_core.infrastructure.models.kv_room import ATTENTION, Form

        self._model = model
        self._form = Form.of(model.model)
        self._lock = threading.RLock()  # one pass at a time: they share the processor anyway
        if model.model.config._attn_implementation == "sdpa":  # noqa: SLF001 - transformers has no public name for it
            model.model.set_attn_implementation(ATTENTION)
        parameters = inspect.signature(model.model.forward).parameters
        self._takes_cache_as = "cache" if "cache" in parameters else "past_key_values"

    def __repr__(self) -> str:
        return f"TransformersKV({self.name!r})"

    @property
    def name(self) -> str:
        """That of the model."""
        return self._model.name

    @property
    def fingerprint(self) -> str:
        """That of the model: weights, tokenizer, number type, position encoding and library."""
        return self._model.fingerprint

    @property
    def adapters(self) -> tuple[str, ...]:
        """Those of the model, if it wears any."""
        return self._model.adapters if isinstance(self._model, AdaptedModel) else ()

    @property
    def dtype(self) -> str:
        """That of the model."""
        return str(self._form.dtype).removeprefix("torch.")

    @property
    def window(self) -> int:
        """How many tokens it can see."""
        size: int = self._model.model.config.get_text_config().max_position_embeddings
        return size

    @cached_property
    def can_shift(self) -> bool:
        """Whether keys that are turned on are those of the new positions; it is tried on the first layer."""
        if self._angles is None:
            return False
        from memos_core.infrastructure.models.kv_room import turned

        tokens = list(range(1, PROBE + 1))
        with self._lock:
            here, there = (self._keys_at(tokens, start) for start in (0, DISTANCE))
        error = (turned(here, self._angles * DISTANCE) - there).abs().max()
        return bool(error <= TOLERANCE * there.abs().max())

    def frame(self) -> Frame:
        """The chat form of the model's template; without one, memories, an empty line, and the prompt."""
        return self._frame

    @cached_property
    def _frame(self) -> Frame:
        tokenizer = self._model.tokenizer
        if tokenizer.chat_template is None:
            start = [] if tokenizer.bos_token_id is None else [tokenizer.bos_token_id]
            return Frame(tuple(start), tuple(self.tokenize("\n\n")), tuple(self.tokenize("\n")))

        def written(turns: list[dict[str, str]]) -> str:
            return str(tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=False))

        parts = split_form(written)
        return Frame(*(tuple(tokenizer(part, add_special_tokens=False)["input_ids"]) for part in parts))

    def tokenize(self, text: str) -> list[int]:
        """Tokens of a text, none of them special."""
        found: list[int] = self._model.tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]
        return found

    def compute(self, tokens: Sequence[int], *, stored: Sequence[Placed] = (), dtype: str | None = None) -> KVCache:
        """Compute what is not stored yet."""
        from memos_core.infrastructure.models.kv_room import write

        kind = dtype or self.dtype
        with self._lock:
            place, known = self._fill(tokens, stored, capacity=len(tokens))
            start = next(at for at in range(len(tokens) + 1) if at == len(tokens) or not known[at])
            if start == len(tokens) or any(known[start:]):
                raise InvalidInput(detail="There is nothing to compute: caches hold all tokens, or not the first ones.")
            self._forward(place[0], tokens, start=start)
        new = place[1][..., start : len(tokens), :]
        data = write(new, tokens[start:], start=start, dtype=kind, fingerprint=self.fingerprint)
        layers, heads, size = self._form.layers, self._form.heads, self._form.head_dim
        return KVCache(data, start, len(tokens) - start, kind, (layers, 2, heads, len(tokens) - start, size))

    def generate(
        self, tokens: Sequence[int], *, stored: Sequence[Placed] = (), again: Collection[int] = (), max_tokens: int
    ) -> Iterator[Step]:
        """Go on from a prompt with the likeliest tokens."""
        if not tokens or max_tokens < 1:
            raise InvalidInput(detail="There is nothing to go on from, or no token may follow.")
        with self._lock:
            place, known = self._fill(tokens, stored, capacity=len(tokens) + max_tokens)
            missing = sorted({at for at, is_known in enumerate(known) if not is_known} | {*again, len(tokens) - 1})
            start = missing[0]
            if len(missing) == len(tokens) - start:
                logits = self._forward(place[0], tokens, start=start)
            else:
                logits = self._forward_at(place[0], tokens, missing)
        cached, computed = len(tokens) - len(missing), len(missing)
        made: list[int] = []
        shown = ""
        while True:
            made.append(int(logits.argmax()))
            is_over = made[-1] in self._ends or len(made) == max_tokens
            text = str(self._model.tokenizer.decode(made, skip_special_tokens=True))
            if is_over or (len(text) > len(shown) and not text.endswith(UNFINISHED)):
                yield Step(text[len(shown) :], cached, computed)
                shown = text
            if is_over:
                return
            with self._lock:
                logits = self._forward(place[0], [*tokens, *made], start=len(tokens) + len(made) - 1)

    # inside

    @cached_property
    def _ends(self) -> frozenset[int]:
        given = self._model.model.generation_config.eos_token_id
        several = given if isinstance(given, list) else [given]
        return frozenset({*several, self._model.tokenizer.eos_token_id} - {None})

    @cached_property
    def _angles(self) -> torch.Tensor | None:
        """By how much one position turns each pair of a key's numbers, if positions are encoded so."""
        import torch

        config = self._model.model.config.get_text_config()
        kind = (getattr(config, "rope_parameters", None) or {}).get("rope_type", "default")
        named = (getattr(part, "inv_freq", None) for part in self._model.model.modules())
        found = [angles for angles in named if isinstance(angles, torch.Tensor)]
        return found[0].to(self._form.device).float() if found and kind not in {"dynamic", "longrope"} else None

    def _fill(
        self, tokens: Sequence[int], stored: Sequence[Placed], *, capacity: int
    ) -> tuple[tuple[Any, torch.Tensor], list[bool]]:
        """A place with what is stored in it, and which tokens it knows."""
        from memos_core.infrastructure.models.kv_room import read

        if capacity > self.window:
            raise TooLarge(
                what="The prompt, with room for the answer,", size=capacity, limit=self.window, unit="tokens"
            )
        cache, place = self._form.room(capacity)
        known = [False] * len(tokens)
        for each in stored:
            file = unpack(each.data)
            end = self._checked(file, each, tokens)
            distance = each.start - (file.start + each.skip)
            shift = self._shift(distance) if distance else None
            read(file, into=place[:, :, :, each.start : end], skip=each.skip, shift=shift)
            known[each.start : end] = [True] * (end - each.start)
        return (cache, place), known

    def _checked(self, file: KVFile, placed: Placed, tokens: Sequence[int]) -> int:
        held = file.tokens[placed.skip :]
        end = placed.start + len(held)
        if file.metadata.get("fingerprint") != self.fingerprint:
            raise CacheRefused(detail="it was made by another model, or another version of its library")
        if not held or list(tokens[placed.start : end]) != held:
            raise CacheRefused(detail="it holds other tokens than the prompt has there")
        return end

    def _shift(self, distance: int) -> torch.Tensor:
        if self._angles is None or not self.can_shift:
            raise InvalidInput(detail=f"{self.name} does not encode positions so that its keys can be moved to others.")
        return self._angles * distance

    def _forward(self, place: Any, tokens: Sequence[int], *, start: int) -> torch.Tensor:
        """Compute tokens that follow those before ``start``."""
        import torch

        for room in place.layers:
            room.length, room.at = start, None
        positions = torch.arange(start, len(tokens), device=self._form.device)
        return self._logits(place, tokens, positions, mask=None)

    def _forward_at(self, place: Any, tokens: Sequence[int], missing: Sequence[int]) -> torch.Tensor:
        """Compute tokens here and there, each of which sees all before it."""
        import torch

        positions = torch.tensor(missing, device=self._form.device)
        for room in place.layers:
            room.length, room.at = len(tokens), positions
        sees = torch.arange(len(tokens), device=self._form.device)[None, :] <= positions[:, None]
        return self._logits(place, tokens, positions, mask=sees[None, None])

    def _logits(
        self, cache: Any, tokens: Sequence[int], positions: torch.Tensor, *, mask: torch.Tensor | None
    ) -> torch.Tensor:
        """What is expected after the last of these positions of a row."""
        import torch

        computed = positions.tolist()
        with torch.inference_mode(), self._model.reading(tokens, computed):
            found: torch.Tensor = self._model.model(
                input_ids=torch.tensor([[tokens[at] for at in computed]], device=self._form.device),
                position_ids=positions[None],
                attention_mask=mask,
                logits_to_keep=1,
                **{self._takes_cache_as: cache},
            ).logits
        return found[0, -1]

    def _keys_at(self, tokens: Sequence[int], start: int) -> torch.Tensor:
        """Keys of the first layer, which depend on nothing but the token and its position."""
        import torch

        cache, place = self._form.room(len(tokens))
        moved = [*[tokens[0]] * start, *tokens]
        self._logits(cache, moved, torch.arange(start, len(moved), device=self._form.device), mask=None)
        return place[0, 0].clone()
