"""Policies: what becomes of sensitive content at the moment of writing. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import TypeVar

from memos_core.cube.frozen import Frozen
from memos_core.cube.namespace import Namespace
from memos_core.errors import InvalidPolicy

DEFAULT = "default"  # the kind that stands for all that are not named


class Sensitive(str, Enum):
    """What can be found; where two overlap, the one that stands here first."""

    KEY = "key"  #: passwords, API keys and tokens of known forms, private keys
    EMAIL = "email"  #: e-mail addresses
    IBAN = "iban"  #: bank accounts, by country, length and checksum
    CARD = "card"  #: payment cards, by length and Luhn's check digit
    PHONE = "phone"  #: telephone numbers, international and in usual national forms


class Handling(str, Enum):
    """What is done with sensitive content, from the mildest on."""

    KEEP = "keep"  #: store it as it is
    TAG = "tag"  #: store it, and say in `governance.sensitivity` what is in it
    REDACT = "redact"  #: store it without that part, tagged
    REFUSE = "refuse"  #: store nothing


_Named = TypeVar("_Named", Sensitive, Handling)


class Policy(Frozen):
    """What is done with each kind of sensitive content.

    Attributes
    ----------
    default
        For the kinds that are not named.
    """

    kinds: Mapping[Sensitive, Handling] = {}
    default: Handling = Handling.TAG

    def handling(self, kind: Sensitive) -> Handling:
        """What is done with a kind."""
        return self.kinds.get(kind, self.default)

    def that(self, handling: Handling, among: Iterable[Sensitive]) -> list[Sensitive]:
        """Kinds that are handled so, sorted."""
        return sorted({kind for kind in among if self.handling(kind) is handling}, key=lambda kind: kind.value)

    def __str__(self) -> str:
        named = {
            handling: sorted(kind.value for kind, how in self.kinds.items() if how is handling) for handling in Handling
        }
        parts = [f"{', '.join(kinds)}: {handling.value}" for handling, kinds in reversed(named.items()) if kinds]
        return "; ".join([*parts, f"{DEFAULT}: {self.default.value}"])


def policy(text: str) -> Policy:
    """Read a policy, as ``str`` writes one.

    Raises
    ------
    InvalidPolicy
        If it is not understood.

    Examples
    --------
    >>> str(policy("card, key: refuse; email: redact"))
    'card, key: refuse; email: redact; default: tag'
    """
    if not isinstance(text, str) or not text.strip():
        raise InvalidPolicy(
            detail=f"{text!r} is no policy; write e.g. 'card, key: refuse; email: redact; default: tag'."
        )
    given: dict[str, Handling] = {}
    for part in filter(str.strip, text.split(";")):
        names, colon, handling = part.rpartition(":")
        how = _member(Handling, handling if colon else "")
        for name in (each.strip().lower() for each in names.split(",")):
            if name in given:
                raise InvalidPolicy(detail=f"{name!r} is named twice in {text!r}.")
            given[name] = how
    default = given.pop(DEFAULT, Handling.TAG)
    return Policy(kinds={_member(Sensitive, name, also=[DEFAULT]): how for name, how in given.items()}, default=default)


def in_force(policies: Mapping[Namespace, Policy], namespace: Namespace) -> Policy:
    """The policy of the nearest namespace that has one, itself or one above it; otherwise all found is tagged."""
    for length in range(len(namespace), 0, -1):
        if found := policies.get(namespace[:length]):
            return found
    return Policy()


def _member(values: type[_Named], name: str, *, also: Iterable[str] = ()) -> _Named:
    try:
        return values(name.strip().lower())
    except ValueError as error:
        known = ", ".join([value.value for value in values] + [*also])
        raise InvalidPolicy(detail=f"{name.strip()!r} is not understood; known are {known}.") from error
