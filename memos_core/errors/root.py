"""The root of all errors and warnings."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar


class MemOSError(Exception):
    """Root of all errors of MemOS."""

    template: ClassVar[str] = "{detail}"

    def __init__(self, **facts: object) -> None:
        super().__init__(self.template.format(**facts))
        self.facts = facts
        for name, value in facts.items():
            setattr(self, name, value)

    def __reduce__(self) -> tuple[Callable[..., MemOSError], tuple[type[MemOSError], dict[str, object]]]:
        # Facts are keyword-only, which the default reduction of exceptions cannot restore.
        return _restore, (type(self), self.facts)


def _restore(kind: type[MemOSError], facts: dict[str, object]) -> MemOSError:
    return kind(**facts)


class MemOSWarning(UserWarning):
    """Something works less well than it could, and this says why and how to mend it."""


class ModelWarning(MemOSWarning):
    """The chat model failed; the result that rules alone give was kept."""
