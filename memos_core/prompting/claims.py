"""What a message claims, each with the words that say so."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator
from typing_extensions import Self

from memos_core.ports import ChatModel
from memos_core.prompting.asking import Answer, Words, ask, visible
from memos_core.prompting.budget import Budget, estimated_tokens

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
TOKENS_AROUND = 400
TOKENS_A_TOKEN = 3  # a claim repeats its words and has its field names
MOST_TOKENS = 4000
_PLAIN_QUOTES = str.maketrans("\u2018\u2019\u201c\u201d", "''\"\"")


def _in_calendar(written: str) -> str:
    date.fromisoformat(written + "-01-01"[len(written) - 4 :])
    return written


#: A day, month or year in ISO form that the calendar has.
ISODate = Annotated[str, Field(pattern=r"^[0-9]{4}(-[0-9]{2}){0,2}$"), AfterValidator(_in_calendar)]


class StatedClaim(Answer):
    """A claim that a message makes.

    Attributes
    ----------
    negated
        The message says that it is *not* so.
    since, until
        The days, months or years in which it begins and ends to be true, both inclusive; ``None`` where not told.
    quote
        Words of the message that say so.
    """

    subject: Words
    predicate: Words
    object: Words
    negated: bool
    since: ISODate | None
    until: ISODate | None
    quote: Words

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.since and self.until:
            common = min(len(self.since), len(self.until))
            if self.until[:common] < self.since[:common]:
                raise ValueError(f"until ({self.until}) lies before since ({self.since})")
        return self


class Claims(Answer):
    """The claims of a message."""

    claims: list[StatedClaim]


def read_claims(model: ChatModel, text: str, *, speaker: str, said_at: date, budget: Budget) -> list[StatedClaim]:
    """Claims that a message makes, in the order in which the model found them, each once.

    Those whose quote is not in the message, and those without subject, predicate or object, are dropped: the model made
    them up. Case, blanks and the form of quotation marks are not compared. Errors are those of :func:`ask`.

    Parameters
    ----------
    said_at
        The speaker's calendar day, from which "yesterday" counts; of a datetime, its own date.
    """
    said = f"{said_at:%Y-%m-%d}, {DAYS[said_at.weekday()]}"
    max_tokens = min(MOST_TOKENS, TOKENS_AROUND + TOKENS_A_TOKEN * estimated_tokens(text))
    values = {"speaker": speaker, "said": said, "text": text}
    found = ask(model, "claims", values, Claims, budget=budget, max_tokens=max_tokens)
    message = _compared(text)
    kept = [claim for claim in found.claims if _says_something(claim) and _compared(claim.quote) in message]
    return list(dict.fromkeys(kept))


def _says_something(claim: StatedClaim) -> bool:
    return all([claim.subject, claim.predicate, claim.object, claim.quote])


def _compared(text: str) -> str:
    return re.sub(r"\s+", " ", visible(text).translate(_PLAIN_QUOTES)).strip().casefold()
