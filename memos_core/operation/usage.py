"""Recall counts: gathered in memory, written now and then. They are no part of the truth."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress

from memos_core.errors import VaultBusy, VaultFull
from memos_core.ports import Clock, Vault

BUFFER = 64  # cubes whose counts may wait


class UsageBuffer:
    """Counts how often cubes are recalled, and tells the vault in batches. Thread-safe."""

    def __init__(self, vault: Vault, clock: Clock) -> None:
        self._vault = vault
        self._clock = clock
        self._recalled: Counter[str] = Counter()
        self._last = clock.now()  # when something was recalled
        self._lock = threading.Lock()

    def count(self, cubes: Iterable[str]) -> None:
        """Note that these cubes were recalled. Where they cannot be written now, they wait: reading goes on."""
        with self._lock:
            self._recalled.update(cubes)
            self._last = self._clock.now()
            full = len(self._recalled) >= BUFFER
        if full:
            self.flush_if_possible()

    def flush_if_possible(self) -> None:
        """Write what waits, or let it wait on: nothing else need fail because counts cannot be written now."""
        with suppress(VaultBusy, VaultFull):
            self.flush()

    def flush(self) -> None:
        """Write what waits; if that fails it still waits."""
        with self._lock:
            waiting, self._recalled, last = self._recalled, Counter(), self._last
        if not waiting:
            return
        try:
            self._vault.record_usage(waiting, last)
        except (VaultBusy, VaultFull):
            with self._lock:
                self._recalled.update(waiting)
            raise
