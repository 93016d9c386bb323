"""Rules: what becomes of memories when something that is claimed changes. They are data, kept as memories."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any

from pydantic import Field, ValidationError

from memos_core.cube.frozen import Frozen, problems
from memos_core.cube.memcube import Content, Governance, Kind, MemCube, Provenance, Trigger
from memos_core.cube.namespace import Namespace
from memos_core.cube.payload import Plaintext
from memos_core.errors import InvalidRule


class Effect(str, Enum):
    """What a rule does to the memories it names."""

    STALE = "stale"  #: they are shown as such, and made anew by the scheduler where it can
    FALLEN = "fallen"  #: they are not recalled any more


class Rule(Frozen):
    """If what is claimed under a predicate changes, memories of these tags and kinds are affected.

    Attributes
    ----------
    when
        A predicate, e.g. ``"lives in"``.
    tags, kinds
        A memory is meant if it has one of the tags and is of one of the kinds; an empty list means any, but not both.
    """

    when: str = Field(min_length=1)
    tags: tuple[str, ...] = ()
    kinds: tuple[Kind, ...] = ()
    effect: Effect = Effect.STALE

    @property
    def trigger(self) -> Trigger:
        """What happens to the memories that are meant."""
        return Trigger.SHAKE if self.effect is Effect.STALE else Trigger.FALL

    def means(self, cube: MemCube) -> bool:
        """Say whether a memory is meant."""
        is_of_kind = not self.kinds or cube.kind in self.kinds
        return (
            is_of_kind and (not self.tags or not set(self.tags).isdisjoint(cube.tags)) and "rule" not in cube.metadata
        )

    def content(self, namespace: Namespace) -> Content:
        """The rule as a memory that says what it does."""
        meant = [*(f"tagged {tag!r}" for tag in self.tags), *(kind.value for kind in self.kinds)]
        text = f'If "{self.when}" changes, what is {" or ".join(meant)} is {self.effect.value}.'
        return Content(
            namespace=namespace,
            kind=Kind.PROCEDURE,
            payload=Plaintext(text=text),
            metadata={"rule": self.model_dump(mode="json")},
            provenance=Provenance(source_id=f"rule: {text}"),
            governance=Governance(),
        )


def rule(**fields: Any) -> Rule:
    """Read a rule.

    Raises
    ------
    InvalidRule
        If it does not parse, or would mean every memory.
    """
    try:
        found = Rule(**fields)
    except ValidationError as error:
        raise InvalidRule(detail=f"This rule is not understood: {problems(error)}") from error
    if not (found.tags or found.kinds):
        raise InvalidRule(detail="A rule without tags and kinds would mean every memory. Name some.")
    return found


def rule_of(metadata: Mapping[str, Any]) -> Rule | None:
    """The rule that a memory holds; ``None`` if it holds none that is understood."""
    try:
        return Rule.model_validate(metadata.get("rule"))
    except ValidationError:
        return None
