"""A chat with a model of transformers in this process."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from inspect import signature
from typing import TYPE_CHECKING, Any

from memos_core.errors import ChatModelFailed
from memos_core.infrastructure.models.local import CACHES, UNFINISHED, LocalModel, quiet
from memos_core.ports import Reply, Turn

if TYPE_CHECKING:
    import torch

#: How a conversation is written down for a model that has no form for one, and what begins a turn that is not its own.
SPEAKERS = {"user": "User: ", "assistant": "Assistant: ", "system": ""}
NEXT = "\nUser:"


class LocalChatModel:
    """Answers with a model in this process, taking the likeliest token each time.

    Parameters
    ----------
    model
        As :meth:`.local.LocalModel.load` loads it; other parts may use it at the same time.

    Notes
    -----
    Turns are written in the form that the tokenizer has for them (its chat template), and without one as ``User:`` and
    ``Assistant:``. A mark of that form inside a turn, such as ``<|im_end|>``, is written with a blank in it, so that no
    stored text can end its turn. A schema is not enforced: whoever asks has to check.
    """

    def __init__(self, model: LocalModel) -> None:
        self._local = model

    def __repr__(self) -> str:
        return f"LocalChatModel({self._local.name!r})"

    @property
    def name(self) -> str:
        """What the model is called."""
        return self._local.name

    def complete(self, turns: Sequence[Turn], *, max_tokens: int, schema: Mapping[str, Any] | None = None) -> Reply:  # noqa: ARG002  # the port has it
        """Give the next turn.

        Raises
        ------
        ChatModelFailed
            If the conversation is longer than the model's window, or its form has no place for a turn.
        """
        prompt, taken = self._prompt(turns), list[int]()
        text = "".join(self._pieces(prompt, max_tokens, taken))
        return Reply(text, len(prompt), len(taken))

    def stream(self, turns: Sequence[Turn], *, max_tokens: int) -> Iterator[str]:
        """Give the next turn in pieces. Errors are those of :meth:`complete`."""
        yield from self._pieces(self._prompt(turns), max_tokens, [])

    def _pieces(self, prompt: Sequence[int], max_tokens: int, taken: list[int]) -> Iterator[str]:
        """The text of what the model writes, as far as it is sure to stay; its tokens go to ``taken``."""
        text, shown = "", 0
        for token in self._tokens(prompt, max_tokens):
            taken.append(token)
            text = str(self._local.tokenizer.decode(taken, skip_special_tokens=True))
            text = text if self._has_form else text.lstrip()
            if not self._has_form and NEXT in text:
                text = text[: text.index(NEXT)]
                break
            sure = len(text) - self._doubtful(text)
            if sure > shown:
                yield text[shown:sure]
                shown = sure
        if text[shown:]:
            yield text[shown:]

    def _doubtful(self, text: str) -> int:
        """How much at the end of a text may become something else: half a character, or a turn of the user."""
        half = len(text) - len(text.rstrip(UNFINISHED))
        turn = next((size for size in range(len(NEXT) - 1, 0, -1) if text.endswith(NEXT[:size])), 0)
        return half or (0 if self._has_form else turn)

    def _tokens(self, prompt: Sequence[int], max_tokens: int) -> Iterator[int]:
        """The likeliest tokens, one after another, until the model ends its turn."""
        window = getattr(self._local.model.config.get_text_config(), "max_position_embeddings", None) or float("inf")
        if len(prompt) >= window:
            detail = f"the conversation has {len(prompt):,} tokens, and this model takes {window:,} with its reply."
            raise ChatModelFailed(model=self.name, detail=detail)
        import torch

        given, cache = torch.tensor([list(prompt)], device=self._local.device), dict[str, Any]()
        for _ in range(int(min(max_tokens, window - len(prompt)))):
            token, cache = self._next(given, cache)
            if token in self._ends:
                return
            yield token
            given = torch.tensor([[token]], device=self._local.device)

    def _next(self, given: torch.Tensor, cache: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        """The likeliest token after those given, and the cache of all so far, by its name."""
        import torch

        try:
            with torch.inference_mode():
                out = self._local.model(input_ids=given, use_cache=True, **cache, **self._only_the_last)
        except RuntimeError as error:  # torch says so if memory is out, for one
            raise ChatModelFailed(model=self.name, detail=str(error)) from error
        name = next(name for name in CACHES if getattr(out, name, None) is not None)
        return int(out.logits[0, -1].argmax()), {name: getattr(out, name)}

    @cached_property
    def _only_the_last(self) -> dict[str, int]:
        """Logits of the last token are all that is needed; those of a long prompt take hundreds of megabytes."""
        return {"logits_to_keep": 1} if "logits_to_keep" in signature(self._local.model.forward).parameters else {}

    @cached_property
    def _ends(self) -> frozenset[int]:
        given = getattr(self._local.model.generation_config, "eos_token_id", None)
        several = given if isinstance(given, list) else [given]
        return frozenset({*several, self._local.tokenizer.eos_token_id} - {None})

    @property
    def _has_form(self) -> bool:
        return bool(self._local.tokenizer.chat_template)

    def _prompt(self, turns: Sequence[Turn]) -> list[int]:
        """The turns as tokens, and the beginning of the model's own."""
        inert = [Turn(turn.role, self._marks.sub(_blanked, turn.content)) for turn in turns]
        text = self._formed(inert) if self._has_form else _plain(inert)
        with quiet():  # it would say that a text is longer than the window, which is our error to tell
            return list(self._local.tokenizer(text, add_special_tokens=not self._has_form)["input_ids"])

    def _formed(self, turns: Sequence[Turn]) -> str:
        from jinja2 import TemplateError

        def form(turns: Sequence[Turn]) -> str:
            messages = [turn._asdict() for turn in turns]
            return str(self._local.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True))

        try:
            with suppress(TemplateError):
                return form(turns)
            return form(_without_system(turns))  # some forms have no place for a turn of the system
        except TemplateError as error:
            detail = f"its form of a conversation has no place for a turn: {error}"
            raise ChatModelFailed(model=self.name, detail=detail) from error

    @cached_property
    def _marks(self) -> re.Pattern[str]:
        """Every text that the tokenizer takes for a mark and not for words."""
        tokenizer = self._local.tokenizer
        marks = {mark for mark in (*tokenizer.get_added_vocab(), *tokenizer.all_special_tokens) if len(mark) > 1}
        return re.compile("|".join(map(re.escape, sorted(marks, key=len, reverse=True))) or r"(?!)")


def _blanked(mark: re.Match[str]) -> str:
    return f"{mark[0][0]} {mark[0][1:]}"


def _plain(turns: Sequence[Turn]) -> str:
    """A conversation in words."""
    return "\n\n".join([*(SPEAKERS[turn.role] + turn.content.strip() for turn in turns), "Assistant:"])


def _without_system(turns: Sequence[Turn]) -> list[Turn]:
    """What the system says put before what the user says first."""
    said = "\n\n".join(turn.content for turn in turns if turn.role == "system")
    others = [turn for turn in turns if turn.role != "system"]
    return [Turn("user", f"{said}\n\n{others[0].content}"), *others[1:]] if said and others else others
