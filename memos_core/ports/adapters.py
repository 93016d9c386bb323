"""What MemOS asks of whatever teaches a model: adapters, what is taught, and how."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any, NamedTuple, Protocol

from memos_core.errors import InvalidInput


class Example(NamedTuple):
    """Something said, and what a model should say next.

    Attributes
    ----------
    is_chat
        Whether it is a turn of a conversation, in the model's own form, or a text that goes on.
    """

    given: str
    answer: str
    is_chat: bool = True


@dataclass(frozen=True)
class Course:
    """What a model is to learn, and what it must keep.

    Attributes
    ----------
    lessons
        Each the wordings of one fact; a few of them come up at a time, in turn.
    checks
        Questions in wordings that no lesson has, with what the answer must hold: training ends when all are answered.
    anchors
        Questions about something else, in which somebody is named of whom a lesson tells; the model's own answers to
        them are kept.
    scope
        What the lessons are about: the adapter acts only after one of these has been mentioned, whatever its case.
        Without any, it always acts.
    """

    lessons: tuple[tuple[Example, ...], ...]
    checks: tuple[Example, ...]
    anchors: tuple[str, ...] = ()
    scope: tuple[str, ...] = ()


@dataclass(frozen=True)
class Recipe:
    """How an adapter is trained.

    Attributes
    ----------
    rank
        Of the update of each weight matrix.
    scale
        By which the update is multiplied.
    depth
        The share of the weight matrices that are updated, more than 0 and at most 1, from the last one back: what is
        not updated before them needs no gradients.
    rate
        Learning rate.
    epochs
        At most; each lesson comes up ``wordings`` times in one.
    batch
        Examples a step.
    replay
        Answers of its own that the model is taught beside, for each example of a lesson.
    seed
        Of everything random.

    Raises
    ------
    InvalidInput
        If a number cannot be trained with.
    """

    rank: int = 16
    scale: float = 2.0
    depth: float = 0.5
    rate: float = 2e-3
    epochs: int = 20
    wordings: int = 4
    batch: int = 16
    replay: float = 0.125
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("rank", "epochs", "wordings", "batch"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                raise InvalidInput(detail=f"{name} must be a whole number of at least 1, and is {value!r}.")
        numbers = {name: getattr(self, name) for name in ("scale", "rate", "depth", "replay")}
        are_numbers = all(isinstance(value, (int, float)) and isfinite(value) for value in numbers.values())
        if not are_numbers or min(self.scale, self.rate, self.depth) <= 0 or self.depth > 1 or self.replay < 0:
            raise InvalidInput(
                detail=f"scale, rate and depth must be above 0, depth at most 1, replay not below 0; got {numbers}."
            )


class Trained(NamedTuple):
    """An adapter, as safetensors, and how it came about.

    Attributes
    ----------
    loss
        Mean over the answers of the last epoch, in nats a token.
    """

    blob: bytes
    method: str
    rank: int
    steps: int
    epochs: int
    loss: float


class Weighted(NamedTuple):
    """An adapter, and by how much it counts where several are combined."""

    blob: bytes
    weight: float = 1.0


#: Called with the steps done, the most there can be, and the present loss.
Watching = Callable[[int, int, float], None]


#: Called with a function that gives how far training has come, as safetensors, whenever that can be told.
Keeping = Callable[[Callable[[], bytes]], None]


class AdapterTrainer(Protocol):
    """Teaches one base model, and asks it with adapters and without. The base model itself never changes."""

    @property
    def name(self) -> str:
        """What errors and provenance call the base model."""
        ...

    @property
    def base_model(self) -> str:
        """Fingerprint of its weights: an adapter fits the model of an equal one."""
        ...

    def train(
        self,
        course: Course,
        recipe: Recipe,
        *,
        begun: bytes | None = None,
        keep: Keeping | None = None,
        progress: Watching | None = None,
    ) -> Trained:
        """Train an adapter.

        Parameters
        ----------
        begun
            How far another training has come, as it was given to ``keep``. If it was of the same model, course and
            recipe, this one goes on from there, and ends in the same adapter; otherwise it begins anew.
        keep
            Called after each epoch but the last with what gives how far training has come. What it raises ends it.

        Raises
        ------
        InvalidInput
            If the course has no lessons.
        """
        ...

    def answers(self, questions: Sequence[str], adapters: Sequence[Weighted] = ()) -> list[str]:
        """Ask questions, each for itself and at temperature 0.

        Raises
        ------
        AdapterUnfit
            If an adapter does not fit the model.
        """
        ...

    def perplexity(self, texts: Sequence[str], adapters: Sequence[Weighted] = ()) -> float:
        """How little the model expects these texts: e to the mean loss of a token."""
        ...

    def adapted(self, adapters: Sequence[Weighted]) -> Any:
        """The model with these adapters, as the trainer was given the one without, which stays as it is."""
        ...
