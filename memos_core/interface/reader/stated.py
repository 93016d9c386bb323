"""Claims that a chat model reads in messages, beside those that the rules find."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from datetime import datetime

from memos_core.cube.claim import Claim
from memos_core.cube.interval import Granularity, Interval
from memos_core.cube.memcube import Content, Kind, Origin
from memos_core.errors import ChatModelError, ModelWarning
from memos_core.language.calendar import day, month, year
from memos_core.language.claim_rules import is_single
from memos_core.language.names import entity_key
from memos_core.ports import ChatModel
from memos_core.prompting.budget import Budget
from memos_core.prompting.claims import StatedClaim, read_claims

CALLS, TOKENS = 100, 200_000  # of one `add`

_OF_LENGTH = {4: year, 7: month, 10: day}


def with_stated_claims(contents: Sequence[Content], *, model: ChatModel) -> list[Content]:
    """Add the claims that a model reads in what people said. The rules' claims stay, and come first.

    Where the model fails, or the limit on calls and tokens is reached, the rest is left as it is, with a warning.
    """
    budget = Budget(calls=CALLS, tokens=TOKENS)
    read: list[Content] = []
    try:
        read.extend(_with_claims(content, model, budget) for content in contents)  # keeps those before an error
    except ChatModelError as error:
        kept = (
            f"{len(contents) - len(read)} of {len(contents)} messages have the claims that rules found, and no others"
        )
        warnings.warn(ModelWarning(f"{kept}: {error}"), stacklevel=3)
    return [*read, *contents[len(read) :]]


def _with_claims(content: Content, model: ChatModel, budget: Budget) -> Content:
    if content.kind is not Kind.EPISODE or content.provenance.origin is not Origin.USER or content.occurred is None:
        return content
    speaker, said_at = content.provenance.speaker or content.provenance.role or "user", content.occurred.start
    claims = {_key(claim): claim for claim in content.claims}
    for stated in read_claims(model, content.text, speaker=speaker, said_at=said_at, budget=budget):
        claim = _claim(stated, said_at, is_dated=bool(content.times))
        claims.setdefault(_key(claim), claim)
    return content.model_copy(update={"claims": tuple(claims.values())})


def _key(claim: Claim) -> tuple[str, ...]:
    return entity_key(claim.subject), claim.predicate.casefold(), entity_key(claim.object)


def _claim(stated: StatedClaim, said_at: datetime, *, is_dated: bool) -> Claim:
    """A model's claim in our form. Small models date what nobody dated: a date needs a time expression in the text."""
    return Claim(
        subject=stated.subject,
        predicate=stated.predicate.casefold(),
        object=stated.object,
        single_valued=is_single(stated.predicate.casefold()),
        negated=stated.negated,
        when=_when(stated, said_at) if is_dated else None,
        text=stated.quote,
    )


def _when(stated: StatedClaim, said_at: datetime) -> Interval | None:
    since, until = (_period(date, said_at) if date else None for date in (stated.since, stated.until))
    if since is None:
        return None
    return Interval(start=since.start, end=until.end if until else None, granularity=Granularity.SPAN)


def _period(date: str, said_at: datetime) -> Interval:
    numbers = [int(part) for part in f"{date}-01-01"[:10].split("-")]
    return _OF_LENGTH[len(date)](said_at.replace(year=numbers[0], month=numbers[1], day=numbers[2]))
