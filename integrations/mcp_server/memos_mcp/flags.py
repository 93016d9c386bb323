"""What a server is started with."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Flags:
    """Tools beside the usual ones.

    Attributes
    ----------
    chatgpt
        ``search`` and ``fetch``, as ChatGPT wants them.
    reference
        Those of the protocol's reference memory server.
    store
        A registry, a folder or an address, to find and install packages from.
    """

    chatgpt: bool = False
    reference: bool = False
    store: str | None = None
