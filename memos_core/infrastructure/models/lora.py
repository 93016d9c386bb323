"""Training of adapters: LoRA by peft, within a scope, and with the model's own answers to something else beside.

References
----------
Hu et al., LoRA: Low-Rank Adaptation of Large Language Models, ICLR 2022. Keeping the old answers by teaching the model
its own: Li and Hoiem, Learning without Forgetting, ECCV 2016.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from math import ceil
from os import PathLike
from typing import TYPE_CHECKING, NamedTuple, cast

from memos_core.cube.canonical import canonical, sha256
from memos_core.errors import InvalidInput
from memos_core.infrastructure.models import speaking
from memos_core.infrastructure.models.adapter import METHOD, Adapter, adapted, imported, metadata, twin
from memos_core.infrastructure.models.begun import Begun
from memos_core.infrastructure.models.local import LocalModel
from memos_core.infrastructure.models.scope import Scopes
from memos_core.infrastructure.models.speaking import Encoded, encoded, logits
from memos_core.ports import AdapterTrainer, Course, Keeping, Recipe, Trained, Watching, Weighted

if TYPE_CHECKING:
    from transformers import PreTrainedModel

CLOSE = 0.1  # loss of a token, in nats, from which on it is worth looking whether all is known
LEARNT = 0.03  # loss from which on lessons have nothing to teach, whatever the checks say
SURE = 2  # epochs in a row in which all checks are answered, then it ends
PATIENCE = 2  # epochs without a check better answered, then it ends too
PEFT_NAME = "default"  # what peft calls an adapter that is given no name
WARM = 5  # steps in which the learning rate rises


class LoraTrainer:
    """Teaches a model of transformers by LoRA; it keeps :class:`memos_core.ports.AdapterTrainer`.

    Parameters
    ----------
    model
        It never changes.
    """

    def __init__(self, model: LocalModel) -> None:
        imported()
        self.model = model

    @property
    def name(self) -> str:
        """Of the model."""
        return self.model.name

    @property
    def base_model(self) -> str:
        """Fingerprint of the weights."""
        return self.model.weights

    def adapted(self, adapters: Sequence[Weighted]) -> LocalModel:
        """The model with these adapters; see :func:`.adapter.adapted`."""
        return adapted(self.model, adapters)

    def answers(self, questions: Sequence[str], adapters: Sequence[Weighted] = ()) -> list[str]:
        """Ask questions, each for itself and at temperature 0."""
        return speaking.answers(self.adapted(adapters), questions)

    def perplexity(self, texts: Sequence[str], adapters: Sequence[Weighted] = ()) -> float:
        """How little the model expects these texts."""
        return speaking.perplexity(self.adapted(adapters), texts)

    def train(
        self,
        course: Course,
        recipe: Recipe,
        *,
        begun: bytes | None = None,
        keep: Keeping | None = None,
        progress: Watching | None = None,
    ) -> Trained:
        """Train an adapter; see the port."""
        if not course.lessons:
            raise InvalidInput(detail="There is nothing to train on: no memory here states anything that can be asked.")
        run = _Run(self.model, course, recipe)
        if begun is not None:
            run.resume(begun)
        while not run.is_over:
            run.epoch(progress)
            if keep is not None and not run.is_over:
                keep(run.packed)
        return Trained(run.adapter().packed(), METHOD, recipe.rank, run.at.steps, run.at.epochs, run.at.loss)


def as_trainer(given: object) -> AdapterTrainer:
    """Take what teaches a model: a trainer, a model in this process, or the path of one.

    Raises
    ------
    InvalidInput
        If it is none of these.
    ExtraMissing
        If what trains is not installed.
    """
    if isinstance(given, (str, PathLike)):
        imported()
        return LoraTrainer(LocalModel.load(given))
    if isinstance(given, LocalModel):
        return LoraTrainer(given)
    if all(hasattr(given, name) for name in ("base_model", "train", "answers", "perplexity", "adapted")):
        return cast("AdapterTrainer", given)
    raise InvalidInput(detail=f"{type(given).__name__} is no model that can be trained: give a LocalModel or its path.")


class _Place(NamedTuple):
    """How far training has come."""

    epochs: int = 0
    steps: int = 0
    loss: float = 0.0
    best: float = 0.0
    waited: int = 0
    sure: int = 0


class _Run:
    """One training: the model that learns, the one that it was, and how far it has come."""

    def __init__(self, model: LocalModel, course: Course, recipe: Recipe) -> None:
        import torch

        self._model, self._recipe = model, recipe
        self._lessons = [[encoded(model, example) for example in lesson] for lesson in course.lessons]
        self._checks = [encoded(model, example) for example in course.checks]
        self._name = sha256(canonical({"base": model.weights, "course": repr(course), "recipe": repr(recipe)}))
        self._course = course
        modules = tuple(_linear(model.model, recipe.depth))
        self._bare = Adapter(model.weights, recipe.rank, recipe.scale, modules, {}, course.scope)
        peft = imported()
        self._network = twin(model.model)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(recipe.seed)
            peft.inject_adapter_in_model(self._bare.config, self._network)
        scopes = Scopes(self._network, model.tokenizer, {PEFT_NAME: course.scope})
        self._begun = Begun(self._network, model, scopes)
        self._learnt = {name: weight for name, weight in self._network.named_parameters() if weight.requires_grad}
        self._optimiser = torch.optim.AdamW(self._learnt.values(), lr=recipe.rate, weight_decay=0.0)
        self._kept: list[Encoded] = []
        self.at = _Place()

    @property
    def is_over(self) -> bool:
        """Whether all checks are answered, all lessons are known, or no more is to be expected."""
        is_learnt = self.at.epochs > 0 and self.at.loss < LEARNT
        return is_learnt or self.at.sure >= SURE or self.at.waited >= PATIENCE or self.at.epochs >= self._recipe.epochs

    @property
    def _beside(self) -> int:
        """How many answers of its own come up in an epoch, beside the lessons."""
        due = sum(min(self._recipe.wordings, len(lesson)) for lesson in self._lessons)
        return ceil(self._recipe.replay * due)

    def adapter(self) -> Adapter:
        """What has been learnt so far."""
        return self._bare._replace(tensors=imported().get_peft_model_state_dict(self._network))

    def epoch(self, progress: Watching | None) -> None:
        """Go once through all lessons, and look whether they are known."""
        if self._recipe.replay and not self._kept:
            ever = self._course.anchors[: self._beside * self._recipe.epochs]
            self._kept = speaking.own(self._model, ever)
        batches = self._batches()
        total, most = 0.0, len(batches) * self._recipe.epochs
        for number, batch in enumerate(batches):
            total += self._step(batch)
            if progress:
                progress(self.at.steps, most, total / (number + 1))
        loss = total / len(batches)
        self.at = self.at._replace(epochs=self.at.epochs + 1, loss=loss)
        if self._checks and loss < CLOSE:
            known = self._known()
            waited = 0 if known > self.at.best else self.at.waited + 1
            sure = self.at.sure + 1 if known == 1.0 else 0
            self.at = self.at._replace(best=max(known, self.at.best), waited=waited, sure=sure)

    def _batches(self) -> list[list[Encoded]]:
        """What comes up in this epoch, in another order each time; of one length together, so that little is filler."""
        order = random.Random(f"{self._recipe.seed} {self.at.epochs}")  # noqa: S311 - an order, not a secret
        first, size = self.at.epochs * self._recipe.wordings, self._recipe.batch
        due = [
            lesson[(first + number) % len(lesson)]
            for lesson in self._lessons
            for number in range(min(self._recipe.wordings, len(lesson)))
        ]
        most = min(self._beside, len(self._kept))
        due += [self._kept[(self.at.epochs * most + number) % len(self._kept)] for number in range(most)]
        order.shuffle(due)
        due.sort(key=lambda example: len(example.tokens))
        batches = [due[start : start + size] for start in range(0, len(due), size)]
        order.shuffle(batches)
        return batches

    def _step(self, learn: Sequence[Encoded]) -> float:
        import torch
        from torch.nn.functional import cross_entropy

        for group in self._optimiser.param_groups:
            group["lr"] = self._recipe.rate * min(1.0, (self.at.steps + 1) / WARM)
        batch = self._begun.rows(learn)
        loss = cross_entropy(logits(self._network, batch).flatten(0, 1), batch.labels.flatten())
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self._learnt.values(), 1.0)
        self._optimiser.step()
        self._optimiser.zero_grad()
        self.at = self.at._replace(steps=self.at.steps + 1)
        return float(loss.item())

    def _known(self) -> float:
        """The share of checks of whose answer every token is the likeliest."""
        import torch

        known = 0
        for start in range(0, len(self._checks), speaking.TOGETHER):
            batch = self._begun.rows(self._checks[start : start + speaking.TOGETHER])
            with torch.inference_mode():
                best = logits(self._network, batch).argmax(-1)
            known += int(((best == batch.labels) | (batch.labels == speaking.NO_LOSS)).all(-1).sum())
        return known / len(self._checks)

    def packed(self) -> bytes:
        """How far it has come: safetensors with a JSON head."""
        from safetensors.torch import save

        tensors = {f"learnt {name}": weight.detach() for name, weight in self._learnt.items()}
        for name, weight in self._learnt.items():
            state = self._optimiser.state[weight]
            tensors |= {f"{key} {name}": state[key] for key in ("exp_avg", "exp_avg_sq", "step")}
        head = {"run": self._name, "at": json.dumps(self.at._asdict())}
        packed: bytes = save(tensors, metadata=head)
        return packed

    def resume(self, data: bytes) -> None:
        """Go on from where another came to, if it was of the same course and recipe."""
        from safetensors.torch import load

        head = metadata(data)
        if head.get("run") != self._name:
            return
        tensors = load(data)
        for name, weight in self._learnt.items():
            weight.data.copy_(tensors[f"learnt {name}"])
            self._optimiser.state[weight] = {key: tensors[f"{key} {name}"] for key in ("exp_avg", "exp_avg_sq", "step")}
        self.at = _Place(**json.loads(head["at"]))


def _linear(model: PreTrainedModel, depth: float) -> list[str]:
    """Names of the last linear layers, that share of them, without the one that chooses the word.

    Raises
    ------
    InvalidInput
        If there are none.
    """
    import torch

    out = model.get_output_embeddings()  # type: ignore[no-untyped-call]
    names = [
        name for name, module in model.named_modules() if isinstance(module, torch.nn.Linear) and module is not out
    ]
    if not names:
        raise InvalidInput(detail=f"{type(model).__name__} has no linear layers that could learn. Use another model.")
    return names[-ceil(depth * len(names)) :]
