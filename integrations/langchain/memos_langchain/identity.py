"""Whose memory it is: the application says it, and never a model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Union

from memos_core.errors import InvalidInput

Namespace = Union[str, tuple[str, ...]]
#: A fixed namespace, or a function from the runtime of a run, whose ``context`` the application sets.
Identity = Union[Namespace, Callable[[Any], Namespace]]


def address_of(identity: Identity, runtime: Any) -> tuple[str, ...]:
    """The namespace of a run.

    Raises
    ------
    InvalidInput
        If it depends on a runtime and there is none.

    Examples
    --------
    >>> address_of("users/ana", None)
    ('users', 'ana')
    """
    if callable(identity):
        if runtime is None:
            raise InvalidInput(
                detail="Whose memory it is depends on the runtime of an agent, and there is none. Call it through an "
                "agent, or give a fixed namespace."
            )
        identity = identity(runtime)
    return tuple(identity.split("/")) if isinstance(identity, str) else identity
