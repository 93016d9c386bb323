"""Examples and questions as a model of transformers sees them: tokens in, tokens out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import exp
from typing import TYPE_CHECKING, Any, NamedTuple

from memos_core.infrastructure.models.local import LocalModel
from memos_core.ports import Example

if TYPE_CHECKING:
    import torch

LONGEST = 24  # tokens of an answer that is looked at
TOGETHER = 16  # rows of a batch that is only asked
NO_LOSS = -100  # a label that does not count


class Encoded(NamedTuple):
    """Tokens, of which the last ``answer`` are to be learnt."""

    tokens: tuple[int, ...]
    answer: int


class Rows(NamedTuple):
    """A batch, filled up on the left: ``(rows, width)`` each. ``labels`` are of the last ``keep`` tokens."""

    inputs: dict[str, torch.Tensor]
    labels: torch.Tensor
    keep: int


def prompt(model: LocalModel, question: str) -> list[int]:
    """A question in the form of the model's conversations, up to where the answer begins."""
    return _chat(model, [{"role": "user", "content": question}])


def _chat(model: LocalModel, turns: list[dict[str, str]]) -> list[int]:
    tokenizer: Any = model.tokenizer
    if not tokenizer.chat_template:
        text = "\n".join(turn["content"] for turn in turns)
        return list(tokenizer(text if len(turns) > 1 else f"{text}\n")["input_ids"])
    is_open = turns[-1]["role"] == "user"
    return list(tokenizer.apply_chat_template(turns, add_generation_prompt=is_open, return_dict=True)["input_ids"])


def encoded(model: LocalModel, example: Example) -> Encoded:
    """An example in tokens: what is given, and the answer with what ends it."""
    if not example.is_chat:
        given = list(model.tokenizer(example.given)["input_ids"])
        answer = list(model.tokenizer(example.answer, add_special_tokens=False)["input_ids"])
        return Encoded((*given, *answer), len(answer))
    given = prompt(model, example.given)
    turns = [{"role": "user", "content": example.given}, {"role": "assistant", "content": example.answer}]
    whole = _chat(model, turns)
    if whole[: len(given)] != given:  # the form of an answer that is over does not begin as that of one to come
        answer = list(model.tokenizer(example.answer, add_special_tokens=False)["input_ids"])
        whole = [*given, *answer, model.tokenizer.eos_token_id]
    return Encoded(tuple(whole), len(whole) - len(given))


def running(model: LocalModel, text: str) -> Encoded:
    """A text in tokens, each of which counts but the first."""
    tokens = list(model.tokenizer(text)["input_ids"])
    return Encoded(tuple(tokens), len(tokens) - 1)


def rows(model: LocalModel, several: Sequence[Encoded]) -> Rows:
    """Put sequences side by side."""
    import torch

    width, keep = max(len(one.tokens) for one in several), max(one.answer for one in several)
    blank = model.tokenizer.pad_token_id or model.tokenizer.eos_token_id or 0
    tokens = [[blank] * (width - len(one.tokens)) + list(one.tokens) for one in several]
    mask = [[0] * (width - len(one.tokens)) + [1] * len(one.tokens) for one in several]
    labels = [[NO_LOSS] * (keep - one.answer) + list(one.tokens[len(one.tokens) - one.answer :]) for one in several]
    seen = torch.tensor(mask, device=model.device)
    inputs = {
        "input_ids": torch.tensor(tokens, device=model.device),
        "attention_mask": seen,
        "position_ids": (seen.cumsum(-1) - 1).clamp(min=0),
    }
    return Rows(inputs, torch.tensor(labels, device=model.device), keep)


def logits(network: torch.nn.Module, batch: Rows) -> torch.Tensor:
    """What a model expects at each label: ``(rows, keep, words)`` in float32."""
    found: torch.Tensor = network(**batch.inputs, logits_to_keep=batch.keep + 1, use_cache=False).logits
    return found[:, -batch.keep - 1 : -1].float()


def answers(model: LocalModel, questions: Sequence[str], *, most: int = LONGEST) -> list[str]:
    """Ask questions, each for itself, and take the likeliest word each time."""
    found: list[str] = []
    for some in _some(questions):
        batch = rows(model, [Encoded(tuple(prompt(model, question)), 1) for question in some])
        found += said(model, batch, most=most)
    return found


def own(model: LocalModel, questions: Sequence[str]) -> list[Encoded]:
    """What a model answers to questions, as examples of itself: of an answer that is cut, the end is not learnt."""
    found: list[Encoded] = []
    for question, answer in zip(questions, answers(model, questions), strict=True):
        whole = encoded(model, Example(question, answer))
        words = len(model.tokenizer(answer, add_special_tokens=False)["input_ids"])
        ends = whole.answer - words if words >= LONGEST - 1 else 0
        found.append(Encoded(whole.tokens[: len(whole.tokens) - ends], whole.answer - ends))
    return found


def said(model: LocalModel, batch: Rows, *, most: int) -> list[str]:
    """How a model goes on, without what only marks ends."""
    import torch

    blank = model.tokenizer.pad_token_id or model.tokenizer.eos_token_id or 0
    asked = {name: batch.inputs[name] for name in ("input_ids", "attention_mask")}
    with torch.inference_mode():
        out = model.model.generate(**asked, do_sample=False, max_new_tokens=most, pad_token_id=blank)  # type: ignore[operator]
    width = batch.inputs["input_ids"].shape[1]
    return [text.strip() for text in model.tokenizer.batch_decode(out[:, width:], skip_special_tokens=True)]


def perplexity(model: LocalModel, texts: Sequence[str]) -> float:
    """E to the mean loss of a token, the first of each text left out."""
    import torch

    total, count = 0.0, 0
    for some in _some(texts):
        batch = rows(model, [running(model, text) for text in some])
        with torch.inference_mode():
            flat = logits(model.model, batch).flatten(0, 1)
        total += torch.nn.functional.cross_entropy(flat, batch.labels.flatten(), reduction="sum").item()
        count += int((batch.labels != NO_LOSS).sum())
    return exp(total / max(count, 1))


def _some(all_of: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(all_of), TOGETHER):
        yield all_of[start : start + TOGETHER]
