"""MemOS with each of its signals switched off."""

from __future__ import annotations

from memos_bench.peers import Place
from memos_bench.peers.memos import Ablated


def open_peer(place: Place) -> Ablated:
    """Open an empty vault."""
    return Ablated(place)
