from __future__ import annotations

from pathlib import Path

from memos_core.infrastructure.vault.dict import DictVault
from memos_core.testing.clock import ManualClock
from memos_core.testing.vault import VaultConformance


class TestDictVault(VaultConformance):
    def make_vault(self, tmp_path: Path) -> DictVault:
        return DictVault(ManualClock())

    def open_backup(self, path: Path) -> DictVault:
        return DictVault.load(str(path), ManualClock())
