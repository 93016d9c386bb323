"""The weights of recall: few, and the same for every corpus."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Weights:
    """How much each signal counts; ``docs/RECALL.md`` shows what each is worth.

    Attributes
    ----------
    text, vectors
        Full text and nearness of meaning; each list is scaled so that its best candidate has 1.
    time
        Overlap with the time that the question names.
    before, after
        What the neighbours before and after in the conversation give to a message.
    decay
        How much of that a neighbour's neighbour gives.
    speaker
        The question names who said it.
    substance
        A message of some length: greetings answer nothing.
    outdated
        Taken off a memory whose claim, if the question asks for it, another has replaced.
    asks
        Share of its likeness that what only repeats the question loses, for a question is most like itself, and
        answers nothing.
    assistant
        Taken off what an assistant said: what a person said about themselves is asked for more often.
    """

    text: float = 0.6
    vectors: float = 0.4
    time: float = 0.8
    before: float = 0.4
    after: float = 0.3
    decay: float = 0.6
    speaker: float = 0.5
    substance: float = 0.3
    assistant: float = 0.3
    outdated: float = 0.2
    asks: float = 0.7


DEFAULT = Weights()

#: Lengths in characters.
PART = 1000  # of one embedded part: the best of several parts is high by chance
LONG = 1200  # at this length a full-text score is halved: a long text matches everything a little
WIDE = 600  # at this length what a message gives to its neighbours is halved
SHORT = 100  # at this length a message has half the substance it can have

#: What the best of n parts gains by chance, per standard deviation of a normal distribution.
CHANCE = 0.06

#: How many candidates of a list share its scale, and what the last of them has.
KNEE = 30
TAIL = 0.05
