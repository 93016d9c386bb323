"""What a model said from memories that it had read before."""

from __future__ import annotations

from memos_core.cube.frozen import Frozen


class Generated(Frozen):
    """An answer, and what it took.

    Attributes
    ----------
    model
        Name of the back end.
    memories
        Ids of the memories that stood before the prompt, in their order.
    caches
        Ids of the caches that were used; empty if everything was computed.
    cached, computed
        How many tokens of the whole prompt were taken from caches, and how many were computed.
    is_exact
        Whether the answer is that of a model which read everything anew, up to rounding. It is not if a cache was put
        elsewhere than where it was computed, which happens only where that was asked for, or was stored with a loss.
    """

    text: str
    model: str
    memories: tuple[str, ...] = ()
    caches: tuple[str, ...] = ()
    cached: int = 0
    computed: int = 0
    is_exact: bool = True
